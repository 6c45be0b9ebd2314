package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.Errno;
import io.meshcapture.ffi.LibC;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

/**
 * One run at a time in a network namespace.
 *
 * <p>The lock is flock(2) on the namespace's own file. So it needs no directory that could be read-only, linked somewhere
 * or left over; it covers runs in different containers and mount namespaces that share the network; and the kernel lets
 * go of it when the holder dies.
 */
public final class NamespaceLock implements AutoCloseable {

    /** How often a held lock is tried again. */
    private static final Duration PAUSE = Duration.ofMillis(20);

    private final LibC libc;
    private final int descriptor;

    private NamespaceLock(LibC libc, int descriptor) {
        this.libc = libc;
        this.descriptor = descriptor;
    }

    /**
     * Takes the lock of the calling thread's namespace.
     *
     * @param patience how long a held lock is waited for
     * @throws Failure.Busy where it is still held then; the message names the holder
     */
    public static NamespaceLock take(Duration patience) throws InterruptedException {
        LibC libc = LibC.load();
        int descriptor = libc.open(NetworkNamespace.OF_THIS_THREAD.toString());
        if (descriptor < 0) {
            throw new Failure.Unavailable(
                    "the lock of the network namespace cannot be had",
                    NetworkNamespace.OF_THIS_THREAD + ": " + Errno.words(-descriptor),
                    "mount /proc");
        }
        long deadline = System.nanoTime() + patience.toNanos();
        while (true) {
            int locked = libc.lockExclusively(descriptor);
            if (locked == 0) {
                return new NamespaceLock(libc, descriptor);
            }
            if (locked != -Errno.EAGAIN || System.nanoTime() >= deadline) {
                libc.close(descriptor);
                throw new Failure.Busy(
                        "another run of meshcapture is at work in this network namespace",
                        holder() + ", and did not end within " + patience.toMillis() / 1000.0 + " s",
                        "wait for it, or raise --lock-timeout");
            }
            Thread.sleep(PAUSE);
        }
    }

    /** Who holds it, from /proc/locks: {@code 1: FLOCK ADVISORY WRITE 4711 00:04:4026531840 0 EOF}. */
    private static String holder() {
        String identity = NetworkNamespace.identity();
        String inode = ":" + identity.substring(identity.indexOf('[') + 1, identity.indexOf(']'));
        try {
            for (String line : ProcFile.read(Path.of("/proc/locks")).split("\n", -1)) {
                String[] words = line.strip().split("\\s+", -1);
                if (words.length > 5 && words[1].equals("FLOCK") && words[5].endsWith(inode)) {
                    return "it is process " + words[4] + " (" + command(words[4]) + ")";
                }
            }
        } catch (IOException e) {
            return "its holder is unknown (" + e.getMessage() + ")";
        }
        return "its holder is not visible from here";
    }

    private static String command(String pid) {
        try {
            return ProcFile.read(Path.of("/proc", pid, "comm")).strip();
        } catch (IOException e) {
            return "not visible from here";
        }
    }

    @Override
    public void close() {
        libc.close(descriptor);
    }
}
