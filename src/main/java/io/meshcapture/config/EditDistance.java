package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import java.util.Arrays;
import java.util.Collection;
import org.jspecify.annotations.Nullable;

/** Which known word a misspelt one was meant to be. */
public final class EditDistance {
    /** No word of ours is longer; a longer one is no misspelling, and would cost its square. */
    private static final int LONGEST = 48;

    private EditDistance() {}

    /** The nearest of the words, or null where none is near: a third of the letters may differ. */
    static @Nullable String nearest(String word, Collection<String> words) {
        if (word.length() > LONGEST) {
            return null;
        }
        String best = null;
        int bestDistance = Math.max(1, word.length() / 3) + 1;
        for (String candidate : words) {
            int distance = between(word, candidate);
            if (distance < bestDistance) {
                best = candidate;
                bestDistance = distance;
            }
        }
        return best;
    }

    /** A mend that begins with {@code did you mean "x"?} where a word is near. */
    public static String mend(String word, Collection<String> words, String otherwise) {
        String nearest = nearest(word, words);
        return nearest == null ? otherwise : "did you mean " + BadValue.quote(nearest) + "? " + otherwise;
    }

    /** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
    static int between(String a, String b) {
        int[] beforePrevious = new int[b.length() + 1];
        int[] previous = new int[b.length() + 1];
        int[] current = new int[b.length() + 1];
        Arrays.setAll(previous, i -> i);
        for (int i = 1; i <= a.length(); i++) {
            current[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = previous[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                current[j] = Math.min(replaced, Math.min(previous[j], current[j - 1]) + 1);
                boolean swapped =
                        i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1);
                if (swapped) {
                    current[j] = Math.min(current[j], beforePrevious[j - 2] + 1);
                }
            }
            int[] spare = beforePrevious;
            beforePrevious = previous;
            previous = current;
            current = spare;
        }
        return previous[b.length()];
    }
}
