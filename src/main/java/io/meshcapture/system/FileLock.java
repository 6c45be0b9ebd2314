package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

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
     * Takes the lock; it is let go of with the file.
     *
     * @param path of the file, for messages
     * @param patience how long a held lock is waited for
     * @throws Failure.Busy where it is still held then; the message names the holder
     */
    public static void take(EditedFile file, Path path, Duration patience) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        while (!file.lock()) {
            LockHolders holders = LockHolders.of(path);
            if (holders.areStrangers()) {
                return;
            }
            if (System.nanoTime() >= deadline) {
                throw new Failure.Busy(
                        "another run of meshcapture is at work on " + path,
                        holders.words() + ", and did not let go within " + patience.toMillis() / 1000.0 + " s",
                        holders.mend());
            }
            Thread.sleep(PAUSE);
        }
    }
}
