package io.meshcapture.ffi;

import com.kenai.jffi.LastError;
import com.kenai.jffi.MemoryIO;
import com.kenai.jffi.Type;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A process that posix_spawn(3) has started, with pipes to its standard streams. It lives in the namespaces of the thread
 * that started it. No shell has a part in it, and nothing is looked up in PATH.
 *
 * <p>It is in a process group of its own, so that what is typed at a terminal ends the caller and not a transaction of
 * this one; signals are as at the start of a program, none blocked.
 */
public final class ChildProcess {

    private static final int O_CLOEXEC = 02000000;
    private static final int F_SETFL = 4;
    private static final int O_NONBLOCK = 04000;
    private static final int SIGKILL = 9;
    private static final int WNOHANG = 1;

    /** Bytes of struct pollfd, and its bits (poll.h; the same on every architecture). */
    private static final int POLLFD = 8;

    private static final short POLLIN = 1;
    private static final short POLLOUT = 4;

    /** Streams by number: what is written to it, and what it writes. */
    public static final int INPUT = 0;

    public static final int OUTPUT = 1;
    public static final int ERROR = 2;

    private final int pid;
    private final int[] streams;

    private static MemoryIO memory() {
        return MemoryIO.getInstance();
    }

    private ChildProcess(int pid, int[] streams) {
        this.pid = pid;
        this.streams = streams;
    }

    /** Thrown where a process cannot be started; carries the errno. */
    public static final class NotStarted extends Exception {
        private static final long serialVersionUID = 1L;

        private final int errno;

        NotStarted(int errno) {
            super(Errno.words(errno));
            this.errno = errno;
        }

        public int errno() {
            return errno;
        }
    }

    /**
     * Starts a program.
     *
     * @param arguments the path of the program first, which is taken as it is
     * @param environment all of it, as {@code NAME=value}
     */
    public static ChildProcess start(List<String> arguments, List<String> environment) throws NotStarted {
        int[] ours = {-1, -1, -1};
        int[] theirs = {-1, -1, -1};
        boolean started = false;
        try (Spawn spawn = new Spawn(arguments, environment)) {
            for (int stream = INPUT; stream <= ERROR; stream++) {
                pipe(stream, ours, theirs);
                spawn.stream(stream, theirs[stream]);
            }
            int pid = spawn.start(Spawn.OWN_GROUP);
            started = true;
            return new ChildProcess(pid, ours);
        } finally {
            closeAll(theirs);
            if (!started) {
                closeAll(ours);
            }
        }
    }

    /**
     * Starts a program that nobody waits for, in a session of its own, with nothing to read and nobody who reads what it
     * writes.
     *
     * @return its process id
     */
    public static int detach(List<String> arguments, List<String> environment) throws NotStarted {
        try (Spawn spawn = new Spawn(arguments, environment)) {
            for (int stream = INPUT; stream <= ERROR; stream++) {
                spawn.streamToNowhere(stream);
            }
            return spawn.start(Spawn.OWN_SESSION);
        }
    }

    /** Our end does not block: a program that neither reads nor ends would keep us for ever. */
    private static void pipe(int stream, int[] ours, int[] theirs) throws NotStarted {
        long ends = memory().allocateMemory(8, true);
        try {
            NativeLibrary.Function pipe = NativeLibrary.ofC().function("pipe2", Type.SINT32, Type.POINTER, Type.SINT32);
            if ((int) pipe.call(ends, O_CLOEXEC) != 0) {
                throw new NotStarted(LastError.getInstance().get());
            }
            int reading = memory().getInt(ends);
            int writing = memory().getInt(ends + 4);
            ours[stream] = stream == INPUT ? writing : reading;
            theirs[stream] = stream == INPUT ? reading : writing;
            NativeLibrary.ofC()
                    .function("fcntl", Type.SINT32, Type.SINT32, Type.SINT32, Type.SINT32)
                    .call(ours[stream], F_SETFL, O_NONBLOCK);
        } finally {
            memory().freeMemory(ends);
        }
    }

    /** Whether a stream has not been closed. */
    public boolean isOpen(int stream) {
        return streams[stream] >= 0;
    }

    /** Waits until an open stream can be written to or read, or the time is over; {@code millis} at most. */
    public void await(long millis) {
        long set = memory().allocateMemory(3L * POLLFD, true);
        try {
            int count = 0;
            for (int stream = INPUT; stream <= ERROR; stream++) {
                if (isOpen(stream)) {
                    memory().putInt(set + (long) POLLFD * count, streams[stream]);
                    memory().putShort(set + (long) POLLFD * count + 4, stream == INPUT ? POLLOUT : POLLIN);
                    count++;
                }
            }
            NativeLibrary.ofC()
                    .function("poll", Type.SINT32, Type.POINTER, Type.UINT64, Type.SINT32)
                    .call(set, count, millis);
        } finally {
            memory().freeMemory(set);
        }
    }

    /** Writes what the pipe takes: a number of bytes, 0 where it is full, or the negated errno. */
    public int write(byte[] bytes, int from) {
        int length = Math.min(bytes.length - from, 1 << 16);
        long buffer = memory().allocateMemory(Math.max(1, length), false);
        try {
            memory().putByteArray(buffer, bytes, from, length);
            return moved("write", streams[INPUT], buffer, length);
        } finally {
            memory().freeMemory(buffer);
        }
    }

    /** Reads what is there: null where that is nothing yet, an empty array at the end. */
    public byte @Nullable [] read(int stream) {
        int length = 1 << 16;
        long buffer = memory().allocateMemory(length, false);
        try {
            int read = moved("read", streams[stream], buffer, length);
            if (read == -Errno.EAGAIN) {
                return null;
            }
            byte[] bytes = new byte[Math.max(0, read)];
            memory().getByteArray(buffer, bytes, 0, bytes.length);
            return bytes;
        } finally {
            memory().freeMemory(buffer);
        }
    }

    private static int moved(String function, int descriptor, long buffer, int length) {
        long moved = NativeLibrary.ofC()
                .function(function, Type.SINT64, Type.SINT32, Type.POINTER, Type.UINT64)
                .call(descriptor, buffer, length);
        if (moved >= 0) {
            return (int) moved;
        }
        int errno = LastError.getInstance().get();
        return function.equals("write") && errno == Errno.EAGAIN ? 0 : -errno;
    }

    /** Closes our end of a stream. */
    public void close(int stream) {
        if (isOpen(stream)) {
            NativeLibrary.ofC().function("close", Type.SINT32, Type.SINT32).call(streams[stream]);
            streams[stream] = -1;
        }
    }

    /** Ends it at once. */
    public void kill() {
        NativeLibrary.ofC()
                .function("kill", Type.SINT32, Type.SINT32, Type.SINT32)
                .call(pid, SIGKILL);
    }

    /** Its process id. */
    public int pid() {
        return pid;
    }

    /**
     * Its exit status once it has ended, and only then may it be asked no more: 0 to 255, or 128 and the signal that ended it;
     * -1 while it runs.
     *
     * @param wait whether to wait for the end
     */
    public int status(boolean wait) {
        long status = memory().allocateMemory(8, true);
        try {
            NativeLibrary.Function waitpid =
                    NativeLibrary.ofC().function("waitpid", Type.SINT32, Type.SINT32, Type.POINTER, Type.SINT32);
            int ended;
            do {
                ended = (int) waitpid.call(pid, status, wait ? 0 : WNOHANG);
            } while (wait && ended != pid && LastError.getInstance().get() == Errno.EINTR);
            if (ended != pid) {
                return -1;
            }
            int word = memory().getInt(status);
            return (word & 0x7f) == 0 ? (word >> 8) & 0xff : 128 + (word & 0x7f);
        } finally {
            memory().freeMemory(status);
        }
    }

    private static void closeAll(int[] descriptors) {
        Arrays.stream(descriptors)
                .filter(descriptor -> descriptor >= 0)
                .forEach(descriptor -> NativeLibrary.ofC()
                        .function("close", Type.SINT32, Type.SINT32)
                        .call(descriptor));
    }
}
