package io.meshcapture.cli;

import io.meshcapture.verbs.Screen;
import org.jspecify.annotations.Nullable;

/** Sentences that a terminal would break within words. */
final class Wrapped {
    private Wrapped() {}

    /**
     * Broken between words; as it is where there is no terminal.
     *
     * @param indent the column that each of its lines begins at
     */
    static String of(String text, int indent, @Nullable Screen screen) {
        int room = screen == null ? Integer.MAX_VALUE : Math.max(20, screen.columns() - indent);
        StringBuilder wrapped = new StringBuilder();
        int length = 0;
        for (String word : text.split(" ", -1)) {
            if (length > 0 && length + 1 + word.length() > room) {
                wrapped.append('\n').repeat(' ', indent);
                length = 0;
            } else if (length > 0) {
                wrapped.append(' ');
                length++;
            }
            wrapped.append(word);
            length += word.length();
        }
        return wrapped.toString();
    }
}
