package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.Errno;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * One run at a time on a file: flock(2) on the file itself, which holds across containers and mount namespaces that share it,
 * and ends with its holder. Everybody who may read the file can take it; who may not write it is no run of ours, and nobody
 * waits for it.
 */
public final class FileLock {
    /** How often a held lock is tried again. */
    private static final Duration PAUSE = Duration.ofMillis(20);

    private FileLock() {}

    /**
     * Opens a file to edit it and takes its lock, which is let go of with the file. Who waits has the file open for a moment
     * at a time: whoever keeps it open to write would be taken for somebody who writes, and no lease could be had beside it.
     *
     * @param path without links, as {@link EditedFile#open} wants it
     * @param patience how long a held lock is waited for
     * @throws Failure.Busy where it is still held then; the message names the holder
     * @throws FileRefusal where the file cannot be opened to write, as {@link EditedFile#open} says
     */
    public static EditedFile open(Path path, Duration patience) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        while (true) {
            EditedFile file = locked(path);
            if (file != null) {
                return file;
            }
            if (System.nanoTime() >= deadline) {
                LockHolders holders = LockHolders.of(path);
                throw new Failure.Busy(
                        "another run of meshcapture is at work on " + path,
                        holders.words() + ", and did not let go within " + patience.toMillis() / 1000.0 + " s",
                        holders.mend());
            }
            Thread.sleep(PAUSE);
        }
    }

    /** Null while somebody else holds the lock, or has a lease, as a run of ours has at every edit. */
    private static @Nullable EditedFile locked(Path path) throws IOException {
        EditedFile file;
        try {
            file = EditedFile.open(path);
        } catch (FileRefusal e) {
            if (e.errno() == Errno.EAGAIN) {
                return null;
            }
            throw e;
        }
        boolean taken = false;
        try {
            taken = file.lock() || LockHolders.of(path).areStrangers();
            return taken ? file : null;
        } finally {
            if (!taken) {
                file.close();
            }
        }
    }
}
