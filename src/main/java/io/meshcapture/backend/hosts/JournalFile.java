package io.meshcapture.backend.hosts;

import io.meshcapture.failure.Failure;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The journal in the state directory. Where the file system is read-only there is none: the tags in the hosts file then are
 * all that the next command has, which is enough unless a kill falls into the moment in which lines of others move.
 */
final class JournalFile {
    private static final String KIND = "journal";

    private final StateFile file;

    private JournalFile(StateFile file) {
        this.file = file;
    }

    /**
     * The journal of a hosts file in a state directory, which is made where it is missing.
     *
     * @throws Failure.Unavailable where the directory could be somebody else's
     */
    static JournalFile in(Path directory, Path hosts) {
        return new JournalFile(StateFile.in(directory, hosts, KIND));
    }

    /** Whether there is one. */
    static boolean isIn(Path directory, Path hosts) {
        return StateFile.isIn(directory, hosts, KIND);
    }

    /** Whether there can be none. */
    boolean isImpossible() {
        return file.isImpossible();
    }

    /** What the last change left, or null where it came to its end. */
    @Nullable
    Journal read() {
        String text = file.read();
        return text == null ? null : Journal.read(text);
    }

    /**
     * Puts it on the disk before the first byte of the hosts file changes.
     *
     * @throws Failure.Unavailable where it cannot be written; nothing has been changed then
     */
    void write(Journal journal) {
        if (!file.isImpossible()) {
            file.write(Journal.write(journal));
        }
    }

    /**
     * The change came to its end.
     *
     * @return what the user should know, or the empty text
     * @throws IOException where it stays; the next command would undo an addition then
     */
    String remove() throws IOException {
        String because = file.remove();
        return because.isEmpty()
                ? ""
                : "that the change is done may not be on the disk yet (" + because
                        + "); should the power fail now, apply again";
    }

    /** Puts it aside for a person to look at. */
    Path putAside() throws IOException {
        return file.putAside();
    }
}
