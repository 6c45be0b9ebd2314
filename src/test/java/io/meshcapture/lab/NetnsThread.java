package io.meshcapture.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A platform thread in a network namespace of its own. Namespaces belong to threads: whatever this thread starts,
 * threads and processes, lives in them too, and nobody else does. They end with the last of these. (The JDK's own thread
 * that waits for a process lingers up to a minute. Pools that a whole JVM shares, the carriers of virtual threads among
 * them, keep the namespace in which they happened to be started: a test must not use them for anything about networks.)
 *
 * <p>Never a thread of a pool and never a virtual thread: what unshare(2) did to it cannot be undone.
 */
final class NetnsThread implements AutoCloseable {
    private static final int CLONE_NEWNS = 0x0002_0000;
    private static final int CLONE_NEWNET = 0x4000_0000;

    private final LinkedBlockingQueue<FutureTask<?>> work = new LinkedBlockingQueue<>();
    private final CountDownLatch ended = new CountDownLatch(1);
    private final AtomicBoolean closed = new AtomicBoolean();
    private final Thread thread;
    private @Nullable String reference;

    private NetnsThread(String name) {
        thread = Thread.ofPlatform().daemon().name(name).unstarted(this::work);
    }

    /** With new network and mount namespaces: what a test's own thread needs. */
    static NetnsThread forTest(String name) throws Throwable {
        return started(name, CLONE_NEWNET | CLONE_NEWNS);
    }

    /** With a new network namespace and the mounts of the thread that calls this. */
    static NetnsThread forPeer(String name) throws Throwable {
        return started(name, CLONE_NEWNET);
    }

    private static NetnsThread started(String name, int namespaces) throws Throwable {
        var made = new NetnsThread(name);
        made.thread.start();
        try {
            made.reference = made.call(() -> {
                leave(namespaces);
                return Files.readSymbolicLink(Path.of("/proc/thread-self")).toString();
            });
        } catch (Throwable e) {
            made.close();
            throw e;
        }
        return made;
    }

    /** A path by which other processes, {@code ip link … netns} for one, reach this thread's network namespace. */
    String path() {
        return "/proc/" + reference + "/ns/net";
    }

    /** Does the work on this thread; what it throws is thrown here, unchanged. */
    <T extends @Nullable Object> T call(Work<T> todo) throws Throwable {
        var task = new FutureTask<T>(() -> unchecked(todo));
        work.add(task);
        try {
            return task.get();
        } catch (ExecutionException e) {
            throw e.getCause() == null ? e : e.getCause();
        } catch (InterruptedException e) {
            interrupt(task, e);
            throw e;
        }
    }

    /** JUnit's time limits interrupt the thread that waits; the test runs on the other one. */
    private void interrupt(FutureTask<?> task, InterruptedException why) {
        var where = new IllegalStateException("the test was here when it was interrupted");
        where.setStackTrace(thread.getStackTrace());
        why.addSuppressed(where);
        thread.interrupt();
        try {
            task.get(5, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException | InterruptedException e) {
            why.addSuppressed(e);
        }
    }

    private void work() {
        try {
            while (!closed.get() || !work.isEmpty()) {
                next().run();
            }
        } finally {
            ended.countDown();
        }
    }

    private FutureTask<?> next() {
        while (true) {
            try {
                return work.take();
            } catch (InterruptedException e) {
                // it was meant for the work before, which is over
            }
        }
    }

    /** Ends the thread after the work that it has been given; with it go the namespaces. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            work.add(new FutureTask<>(() -> {}, null));
        }
        try {
            if (!ended.await(5, TimeUnit.SECONDS)) {
                throw new IllegalStateException("\"" + thread.getName() + "\" does not end; its namespaces stay");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void leave(int namespaces) throws IOException {
        if (Kernel.LIBC.unshare(namespaces) != 0) {
            int errno = Kernel.errno();
            throw new IllegalStateException(
                    "a test on the real kernel needs a network namespace of its own, and unshare(2) said: "
                            + Kernel.LIBC.strerror(errno) + "; run the tests as root (sudo scripts/test)");
        }
        Kernel.refuseMachinesOwnNamespace();
        if ((namespaces & CLONE_NEWNS) != 0) {
            Mounts.makeOwn();
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends @Nullable Object, E extends Throwable> T unchecked(Work<T> todo) throws E {
        try {
            return todo.run();
        } catch (Throwable e) {
            throw (E) e;
        }
    }
}
