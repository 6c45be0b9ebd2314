package io.meshcapture.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;

/** The one loaded C library, and errno turned into exceptions. */
final class Kernel {
    static final Libc LIBC = LibraryLoader.create(Libc.class).failImmediately().load("libc.so.6");

    static final int EPERM = 1;
    static final int EINTR = 4;
    static final int EAGAIN = 11;
    static final int EACCES = 13;
    static final int EINVAL = 22;
    static final int EPIPE = 32;
    static final int EADDRNOTAVAIL = 99;
    static final int ENETUNREACH = 101;
    static final int ENETDOWN = 100;
    static final int ECONNRESET = 104;
    static final int ETIMEDOUT = 110;
    static final int ECONNREFUSED = 111;
    static final int EHOSTUNREACH = 113;
    static final int EINPROGRESS = 115;

    private static final Runtime RUNTIME = Runtime.getRuntime(LIBC);
    private static final Path OF_THIS_THREAD = Path.of("/proc/thread-self/ns/net");
    /** That of the thread that started the JVM, which never leaves the machine's own. */
    private static final Path OF_THE_PROCESS = Path.of("/proc/self/ns/net");

    private Kernel() {}

    /** The error of the call that has just failed on this thread; meaningless after a call that succeeded. */
    static int errno() {
        return RUNTIME.getLastError();
    }

    static int check(int result, String what) {
        if (result < 0) {
            throw failed(what, errno());
        }
        return result;
    }

    static KernelException failed(String what, int errno) {
        return new KernelException(what + ": " + LIBC.strerror(errno), errno);
    }

    /** The identity of the calling thread's network namespace, such as {@code net:[4026532261]}. */
    static String netns() {
        return read(OF_THIS_THREAD);
    }

    static boolean inNamespaceOfItsOwn() {
        return !netns().equals(read(OF_THE_PROCESS));
    }

    /** Stands before everything that changes the network, so that a mistake in a test cannot change the machine's. */
    static void refuseMachinesOwnNamespace() {
        if (!inNamespaceOfItsOwn()) {
            throw new IllegalStateException("this thread is in the machine's own network namespace (" + netns()
                    + "); only the methods of a test marked @InNetns, and threads that they start, may do this");
        }
    }

    private static String read(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A system call that failed. */
    static final class KernelException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        final int errno;

        KernelException(String message, int errno) {
            super(message);
            this.errno = errno;
        }
    }
}
