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
 * without, or somebody who keeps the file open), each byte is compared before it is overwritten, and the length before the
 * end is cut off; what others do within the microseconds between could be lost then.
 */
final class EditRun {
    private final EditedFile file;
    private final Duration patience;
    private final Image expected;

    EditRun(EditedFile file, Duration patience, String content) {
        this.file = file;
        this.patience = patience;
        this.expected = new Image(content);
    }

    /**
     * Makes the edits.
     *
     * @return false where others changed the file, and the rest was not made
     */
    boolean run(List<Edit> edits) throws IOException, InterruptedException {
        int from = 0;
        while (from < edits.size()) {
            int to = from;
            while (to < edits.size() && !(edits.get(to) instanceof Edit.Sync)) {
                to++;
            }
            if (to > from && !runLeased(edits.subList(from, to))) {
                return false;
            }
            if (to < edits.size()) {
                file.sync();
            }
            from = to + 1;
        }
        return true;
    }

    /** What the file holds as far as the edits were made. */
    String expected() {
        return expected.toString();
    }

    private boolean runLeased(List<Edit> edits) throws IOException, InterruptedException {
        file.lease(patience);
        try {
            if (!isAsExpected(file.read(), edits)) {
                return false;
            }
            for (Edit edit : edits) {
                if (!file.isLeased() && !isStillAsExpected(edit)) {
                    return false;
                }
                make(edit);
                expected.take(edit);
            }
            return true;
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
            case Edit.Put(int at, String _) -> file.read(at) == expected.at(at);
            case Edit.Append _ -> file.read().equals(expected.toString());
            // the end once more, just before it is cut off: what others append after that would be cut off too
            case Edit.Truncate _ -> file.read().equals(expected.toString()) && file.read(expected.length()) < 0;
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
