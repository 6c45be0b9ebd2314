package io.meshcapture.ffi;

import com.kenai.jffi.LastError;
import com.kenai.jffi.MemoryIO;
import com.kenai.jffi.Type;

/**
 * Calls on files that Java does not offer: without following a link, with leases, and byte by byte. Java opens a file with
 * O_TRUNC, through links, and puts no lease on it.
 *
 * <p>A failed call answers with the negated errno, as the kernel does, read in the same thread before anything else.
 */
public final class FileCalls {
    /** asm-generic/fcntl.h; on aarch64 O_NOFOLLOW and O_DIRECTORY have numbers of their own (asm/fcntl.h). */
    private static final boolean ARM = System.getProperty("os.arch", "").equals("aarch64");

    private static final int O_RDWR = 2;
    private static final int O_APPEND = 02000;
    private static final int O_NONBLOCK = 04000;
    private static final int O_CLOEXEC = 02000000;
    private static final int O_NOFOLLOW = ARM ? 0100000 : 0400000;

    private static final int O_PATH = 010000000;

    /** asm-generic/unistd.h, on every architecture, and linux/openat2.h. */
    private static final long OPENAT2 = 437;

    private static final long RESOLVE_NO_MAGICLINKS = 2;
    private static final long RESOLVE_NO_SYMLINKS = 4;
    private static final long RESOLVE_BENEATH = 8;

    private static final int F_SETFL = 4;
    private static final int F_SETSIG = 10;
    private static final int F_SETLEASE = 1024;
    private static final int F_WRLCK = 1;
    private static final int F_UNLCK = 2;

    /** Ignored unless somebody handles it. SIGIO, which the kernel would send otherwise, ends a process. */
    private static final int SIGURG = 23;

    private static final int LOCK_EX_NB = 2 | 4;
    private static final long FS_IOC_GETFLAGS = 0x80086601L;
    private static final long UTIME_OMIT = (1L << 30) - 2;
    private static final int BUFFER = 256 * 1024;

    private final NativeLibrary library = NativeLibrary.ofC();
    private final MemoryIO memory = MemoryIO.getInstance();
    private final NativeLibrary.Function pread =
            library.function("pread", Type.SINT64, Type.SINT32, Type.POINTER, Type.UINT64, Type.SINT64);
    private final NativeLibrary.Function pwrite =
            library.function("pwrite", Type.SINT64, Type.SINT32, Type.POINTER, Type.UINT64, Type.SINT64);
    private final NativeLibrary.Function fcntl =
            library.function("fcntl", Type.SINT32, Type.SINT32, Type.SINT32, Type.SINT32);

    /** Loads the library. */
    public FileCalls() {}

    /** open(2) for reading and writing, of a file that is not a link, without waiting for anybody: a descriptor. */
    public int openForEditing(String path) {
        try (NativeText text = new NativeText(path)) {
            NativeLibrary.Function open = library.function("open", Type.SINT32, Type.POINTER, Type.SINT32);
            return result(open.call(text.address(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        }
    }

    /**
     * openat2(2) of a file below a directory, likewise, through no link at all: what is below may be laid out by somebody
     * else. ENOSYS before Linux 5.6.
     *
     * @param file relative to the directory
     */
    public int openForEditingBelow(String directory, String file) {
        long how = memory.allocateMemory(24, true);
        try (NativeText below = new NativeText(directory);
                NativeText text = new NativeText(file)) {
            NativeLibrary.Function open = library.function("open", Type.SINT32, Type.POINTER, Type.SINT32);
            int root = result(open.call(below.address(), O_PATH | O_CLOEXEC));
            if (root < 0) {
                return root;
            }
            memory.putLong(how, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
            memory.putLong(how + 16, RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
            int opened = result(library.function(
                            "syscall", Type.SINT64, Type.SINT64, Type.SINT64, Type.POINTER, Type.POINTER, Type.SINT64)
                    .call(OPENAT2, root, text.address(), how, 24));
            close(root);
            return opened;
        } finally {
            memory.freeMemory(how);
        }
    }

    /** close(2). */
    public void close(int descriptor) {
        library.function("close", Type.SINT32, Type.SINT32).call(descriptor);
    }

    /** flock(2), exclusive and without waiting: 0, or the negated errno (EWOULDBLOCK where it is held). */
    public int lockExclusively(int descriptor) {
        return result(
                library.function("flock", Type.SINT32, Type.SINT32, Type.SINT32).call(descriptor, LOCK_EX_NB));
    }

    /**
     * A write lease (fcntl(2), F_SETLEASE): granted where nobody else has the file open; until it is given back, whoever
     * opens it waits, at most /proc/sys/fs/lease-break-time seconds. 0, or the negated errno.
     */
    public int lease(int descriptor) {
        int signal = result(fcntl.call(descriptor, F_SETSIG, SIGURG));
        return signal < 0 ? signal : result(fcntl.call(descriptor, F_SETLEASE, F_WRLCK));
    }

    /** Gives a lease back. */
    public int release(int descriptor) {
        return result(fcntl.call(descriptor, F_SETLEASE, F_UNLCK));
    }

    /** pread(2) into an array from its beginning: the number of bytes, 0 at the end, or the negated errno. */
    public int read(int descriptor, byte[] into, long at) {
        int length = Math.min(into.length, BUFFER);
        long buffered = memory.allocateMemory(length, false);
        try {
            int got = result(pread.call(descriptor, buffered, length, at));
            if (got > 0) {
                memory.getByteArray(buffered, into, 0, got);
            }
            return got;
        } finally {
            memory.freeMemory(buffered);
        }
    }

    /** pwrite(2) of a whole array: the number of bytes, which may be fewer on a full disk, or the negated errno. */
    public int write(int descriptor, byte[] bytes, long at) {
        long buffered = memory.allocateMemory(Math.max(1, bytes.length), false);
        try {
            memory.putByteArray(buffered, bytes, 0, bytes.length);
            return result(pwrite.call(descriptor, buffered, bytes.length, at));
        } finally {
            memory.freeMemory(buffered);
        }
    }

    /** Lets writes go to the end of the file, wherever they say; the kernel finds the end and writes as one. */
    public int setAppending(int descriptor, boolean appending) {
        return result(fcntl.call(descriptor, F_SETFL, O_NONBLOCK | (appending ? O_APPEND : 0)));
    }

    /** ftruncate(2): 0, or the negated errno. */
    public int truncate(int descriptor, long length) {
        return result(library.function("ftruncate", Type.SINT32, Type.SINT32, Type.SINT64)
                .call(descriptor, length));
    }

    /** fsync(2): 0, or the negated errno. */
    public int sync(int descriptor) {
        return result(library.function("fsync", Type.SINT32, Type.SINT32).call(descriptor));
    }

    /** futimens(2) of the time of modification alone, in seconds and nanoseconds since 1970: 0, or the negated errno. */
    public int setModified(int descriptor, long seconds, long nanoseconds) {
        long times = memory.allocateMemory(32, true);
        try {
            memory.putLong(times + 8, UTIME_OMIT);
            memory.putLong(times + 16, seconds);
            memory.putLong(times + 24, nanoseconds);
            return result(library.function("futimens", Type.SINT32, Type.SINT32, Type.POINTER)
                    .call(descriptor, times));
        } finally {
            memory.freeMemory(times);
        }
    }

    /** The flags of a file (ioctl_iflags(2)), such as 0x10 for immutable, or the negated errno. */
    public int flags(int descriptor) {
        long flags = memory.allocateMemory(8, true);
        try {
            NativeLibrary.Function ioctl =
                    library.function("ioctl", Type.SINT32, Type.SINT32, Type.UINT64, Type.POINTER);
            int asked = result(ioctl.call(descriptor, FS_IOC_GETFLAGS, flags));
            return asked < 0 ? asked : memory.getInt(flags);
        } finally {
            memory.freeMemory(flags);
        }
    }

    private static int result(long returned) {
        return (int) returned >= 0 ? (int) returned : -LastError.getInstance().get();
    }
}
