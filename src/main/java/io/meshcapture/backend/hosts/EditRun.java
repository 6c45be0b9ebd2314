package io.meshcapture.backend.hosts;

import io.meshcapture.system.EditedFile;
import java.io.IOException;
import java.time.Duration;
import java.util.List;

/**
 * Makes edits, as long as the file is what they were planned for.
 *
 * <p>Between two syncs the file is leased: nobody else has it open, so that nobody's change can come between a look and an
 * edit. Syncs take as long as the disk wants, and are made without it. Where there is no lease (a file system
 * without, or somebody who keeps the file open), what stands is compared before each edit. That leaves microseconds in which
 * a line could be appended that is then cut off; so the end is not cut off, and nothing moved, while somebody is seen who
 * keeps the file open to write.
 */
final class EditRun {

    /** How it ended. */
    enum End {
        DONE,
        /** Others changed the file, and the rest was not made. */
        DISTURBED,
        /** What is to go is out of force, and its bytes stay: somebody keeps the file open to write. */
        LEFT
    }

    /** Of what stands around a byte that is to be overwritten, so much is compared. */
    private static final int CONTEXT = 64;

    /** Who opens the file, writes and closes it takes no longer. */
    static final Duration WHILE_IT_WRITES = Duration.ofMillis(100);

    private final EditedFile file;
    private final Duration patience;
    private final Image expected;

    EditRun(EditedFile file, Duration patience, String content) {
        this.file = file;
        this.patience = patience;
        this.expected = new Image(content);
    }

    /** Makes the edits. */
    End run(List<Edit> edits) throws IOException, InterruptedException {
        return run(edits, false);
    }

    /** Makes the edits that take lines off, or only those that take them out of force: all before the first sync. */
    End takeOff(List<Edit> edits) throws IOException, InterruptedException {
        return run(edits, true);
    }

    private End run(List<Edit> edits, boolean mayLeave) throws IOException, InterruptedException {
        int from = 0;
        boolean leaves = false;
        while (from < edits.size()) {
            int to = from;
            while (to < edits.size() && !(edits.get(to) instanceof Edit.Sync)) {
                to++;
            }
            End end = to > from ? runLeased(edits.subList(from, to), leaves) : End.DONE;
            if (end != End.DONE) {
                return end;
            }
            if (to < edits.size()) {
                file.sync();
            }
            leaves = mayLeave && from == 0;
            from = to + 1;
        }
        return End.DONE;
    }

    /** What the file holds as far as the edits were made. */
    String expected() {
        return expected.toString();
    }

    private End runLeased(List<Edit> edits, boolean mayLeave) throws IOException, InterruptedException {
        boolean leased = file.lease(patience);
        try {
            if (mayLeave && !leased && file.writer(WHILE_IT_WRITES) != null) {
                return End.LEFT;
            }
            if (!isAsExpected(file.read(), edits)) {
                return End.DISTURBED;
            }
            for (Edit edit : edits) {
                if (!leased && !isStillAsExpected(edit)) {
                    return End.DISTURBED;
                }
                make(edit);
                expected.take(edit);
            }
            return End.DONE;
        } finally {
            file.release();
        }
    }

    /** Others may have appended, unless the end is to be cut off or something has to stand at a certain place there. */
    private boolean isAsExpected(String content, List<Edit> edits) {
        String wanted = expected.toString();
        boolean endMatters = edits.stream().anyMatch(edit -> !(edit instanceof Edit.Put));
        return endMatters ? content.equals(wanted) : content.startsWith(wanted);
    }

    private boolean isStillAsExpected(Edit edit) throws IOException {
        return switch (edit) {
            case Edit.Put(int at, String text) -> {
                String around = expected.substring(at, Math.min(expected.length(), at + text.length() + CONTEXT));
                yield file.read(at, around.length()).equals(around);
            }
            case Edit.Append _ -> file.read().equals(expected.toString());
            // the end once more, just before it is cut off: what others append after that would be cut off too
            case Edit.Truncate _ ->
                file.read().equals(expected.toString())
                        && file.read(expected.length(), 1).isEmpty();
            case Edit.Sync() -> true;
        };
    }

    private void make(Edit edit) throws IOException {
        switch (edit) {
            case Edit.Append(String text) -> file.append(text);
            case Edit.Put(int at, String text) -> {
                if (!text.isEmpty()) {
                    file.put(at, text);
                }
            }
            case Edit.Truncate(int length) -> file.truncate(length);
            case Edit.Sync() -> file.sync();
        }
    }
}
