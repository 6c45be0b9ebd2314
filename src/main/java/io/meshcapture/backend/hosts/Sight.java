package io.meshcapture.backend.hosts;

import io.meshcapture.system.EditedFile;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A file as it is between two changes of others. */
final class Sight {
    /** How long somebody who has the file open is waited for. Readers have it open for microseconds. */
    private static final Duration PATIENCE = Duration.ofMillis(100);

    /** To see who writes takes a look at all that all processes have open: for so long, what was seen is believed. */
    private static final long BELIEVED_NANOS = Duration.ofSeconds(1).toNanos();

    private final EditedFile file;

    /** None for who keeps it open to write: the longer a change waits for a lease, the older is what it was planned for. */
    private Duration patience = PATIENCE;

    private long seen = System.nanoTime() - BELIEVED_NANOS;

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
        if (System.nanoTime() - seen >= BELIEVED_NANOS) {
            patience = file.writer(Duration.ZERO) == null ? PATIENCE : Duration.ZERO;
            seen = System.nanoTime();
        }
        return Settled.content(file::read);
    }

    /** Who keeps the file open to write, as in {@code process 4711 (rsyslogd)}; null where it is nobody that is seen. */
    @Nullable
    String keeper() throws IOException, InterruptedException {
        if (file.lease(patience)) {
            file.release();
            return null;
        }
        return file.writer(EditRun.WHILE_IT_WRITES);
    }

    /** Edits of a content that was seen just now. */
    EditRun editing(String content) {
        return new EditRun(file, patience, content);
    }
}
