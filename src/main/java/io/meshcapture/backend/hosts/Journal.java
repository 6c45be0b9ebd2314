package io.meshcapture.backend.hosts;

import io.meshcapture.rules.Fnv;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is about to be done to a hosts file, written down before it begins, so that the next command can undo or finish it.
 * As text: a line for each fact, then bytes.
 */
sealed interface Journal {

    /** The word for a revival. */
    String REVIVE = "revive";

    /** The inode of the file that it is about. */
    String file();

    /**
     * Lines are being appended.
     *
     * @param length of the file before
     * @param hash of its content before
     * @param appendix the lines as comments
     */
    record Addition(String file, int length, long hash, String appendix) implements Journal {}

    /**
     * Lines are being taken off.
     *
     * @param content of the file before
     * @param off the lines
     * @param newlineToo whether the newline before them goes too
     */
    record Removal(String file, String content, List<Range> off, boolean newlineToo) implements Journal {
        public Removal {
            off = List.copyOf(off);
        }
    }

    /**
     * Comments of ours that stand already are being put in force, from the last to the first: a removal of them, backwards.
     *
     * @param undo what undoes it, from where they all are in force
     */
    record Revival(Removal undo) implements Journal {
        @Override
        public String file() {
            return undo.file();
        }
    }

    /** The journal as text. */
    static String write(Journal journal) {
        StringBuilder text = new StringBuilder(journal.file()).append('\n');
        switch (journal) {
            case Addition(String _, int length, long hash, String appendix) ->
                text.append("add ")
                        .append(length)
                        .append(' ')
                        .append(Fnv.hex(hash))
                        .append('\n')
                        .append(appendix);
            case Removal removal -> write(removal, removal.newlineToo() ? "remove-with-newline" : "remove", text);
            case Revival(Removal undo) -> write(undo, REVIVE, text);
        }
        return text.toString();
    }

    private static void write(Removal removal, String word, StringBuilder text) {
        text.append(word);
        for (Range range : removal.off()) {
            text.append(' ').append(range.start()).append(' ').append(range.end());
        }
        text.append('\n').append(removal.content());
    }

    /** The journal that a text is; null where it is none. */
    static @Nullable Journal read(String text) {
        int file = text.indexOf('\n');
        int facts = text.indexOf('\n', file + 1);
        if (file < 0 || facts < 0) {
            return null;
        }
        String name = text.substring(0, file);
        List<String> words = List.of(text.substring(file + 1, facts).split(" ", -1));
        String bytes = text.substring(facts + 1);
        if (words.getFirst().equals("add")) {
            return addition(name, words, bytes);
        }
        Removal removal = removal(name, words, bytes);
        return removal != null && words.getFirst().equals(REVIVE) ? new Revival(removal) : removal;
    }

    private static @Nullable Journal addition(String file, List<String> words, String bytes) {
        return words.size() == 3
                ? new Addition(file, Integer.parseInt(words.get(1)), Long.parseUnsignedLong(words.get(2), 16), bytes)
                : null;
    }

    private static @Nullable Removal removal(String file, List<String> words, String bytes) {
        String word = words.getFirst();
        if (!(word.startsWith("remove") || word.equals(REVIVE)) || words.size() % 2 == 0) {
            return null;
        }
        List<Range> off = new ArrayList<>();
        for (int i = 1; i < words.size(); i += 2) {
            off.add(new Range(Integer.parseInt(words.get(i)), Integer.parseInt(words.get(i + 1))));
        }
        return new Removal(file, bytes, off, words.getFirst().equals("remove-with-newline"));
    }
}
