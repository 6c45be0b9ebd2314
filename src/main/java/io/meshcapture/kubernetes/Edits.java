package io.meshcapture.kubernetes;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Changes of a text that do not overlap, each at an offset of the text as it was. */
final class Edits {
    private record Edit(int from, int to, String text) {}

    private final List<Edit> edits = new ArrayList<>();

    void insert(int at, String text) {
        edits.add(new Edit(at, at, text));
    }

    void replace(int from, int to, String text) {
        edits.add(new Edit(from, to, text));
    }

    void remove(int from, int to) {
        edits.add(new Edit(from, to, ""));
    }

    String applyTo(String text) {
        List<Edit> sorted = new ArrayList<>(edits);
        sorted.sort(Comparator.comparingInt(Edit::from)); // stable: what was inserted first stands first
        StringBuilder result = new StringBuilder(text.length() + 1024);
        int done = 0;
        for (Edit edit : sorted) {
            if (edit.from() < done) {
                throw new IllegalStateException("two changes of one place, at offset " + edit.from());
            }
            result.append(text, done, edit.from()).append(edit.text());
            done = edit.to();
        }
        return result.append(text, done, text.length()).toString();
    }
}
