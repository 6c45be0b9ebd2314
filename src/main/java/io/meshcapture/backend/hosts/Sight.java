package io.meshcapture.backend.hosts;

import io.meshcapture.system.EditedFile;
import java.io.IOException;
import java.time.Duration;

/** A file as it is between two changes of others. */
final class Sight {
    /** How long somebody who has the file open is waited for. Readers have it open for microseconds. */
    private static final Duration PATIENCE = Duration.ofMillis(100);

    private final EditedFile file;

    /** None for who keeps it open to write: the longer a change waits for a lease, the older is what it was planned for. */
    private Duration patience = PATIENCE;

    Sight(EditedFile file) {
        this.file = file;
    }

    /** The content at a moment when nobody is in the middle of rewriting it. */
    String settled() throws IOException, InterruptedException {
        if (file.lease(patience)) {
            try {
                patience = PATIENCE;
                return file.read();
            } finally {
                file.release();
            }
        }
        patience = file.writer(Duration.ZERO) == null ? PATIENCE : Duration.ZERO;
        return Settled.content(file::read);
    }

    /** Edits of a content that was seen just now. */
    EditRun editing(String content) {
        return new EditRun(file, patience, content);
    }
}
