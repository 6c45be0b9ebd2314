package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.Errno;
import io.meshcapture.ffi.LibC;
import java.time.Duration;

/**
 * One run at a time in a network namespace.
 *
 * <p>The lock is flock(2) on the namespace's own file. So it needs no directory that could be read-only, linked somewhere
 * or left over; it covers runs in different containers and mount namespaces that share the network; and the kernel lets
 * go of it when the holder dies.
 *
 * <p>Every process of the namespace may open that file and lock it. One that may not change netfilter is no run of ours,
 * and nobody waits for it: {@link LockHolders}.
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
            if (locked != -Errno.EAGAIN) {
                libc.close(descriptor);
                throw new Failure.Unavailable(
                        "the lock of the network namespace cannot be had", Errno.words(-locked), "mount /proc");
            }
            LockHolders holders = LockHolders.now();
            if (holders.areStrangers()) {
                // once more, since it may have ended meanwhile; otherwise without the lock
                libc.lockExclusively(descriptor);
                return new NamespaceLock(libc, descriptor);
            }
            if (System.nanoTime() >= deadline) {
                libc.close(descriptor);
                throw new Failure.Busy(
                        "another run of meshcapture is at work in this network namespace",
                        holders.words() + ", and did not let go within " + patience.toMillis() / 1000.0 + " s",
                        holders.mend());
            }
            Thread.sleep(PAUSE);
        }
    }

    @Override
    public void close() {
        libc.close(descriptor);
    }
}
