package io.meshcapture.system;

import io.meshcapture.ffi.ChildProcess;
import io.meshcapture.ffi.Errno;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;

/**
 * Runs other programs: by their path, with words that no shell sees, an environment of the caller's choice, and never longer
 * than allowed.
 */
public final class Command {

    /** How long a program that has closed its streams is given to end, between looks. */
    private static final int PAUSE_MILLIS = 1;

    private Command() {}

    /**
     * How it ended.
     *
     * @param status its exit status, 128 and more where a signal ended it
     * @param out what it wrote to its standard output
     * @param err what it wrote to its standard error
     * @param inTime whether it ended by itself; otherwise it was killed
     * @param fed whether it was given all of its input; one that ends before it has read everything was not
     */
    public record Result(int status, String out, String err, boolean inTime, boolean fed) {}

    /**
     * Runs a program to its end, in the namespaces of the calling thread.
     *
     * @param words the path of the program first
     * @param environment all of it, as {@code NAME=value}
     * @param input for its standard input
     * @param limit how long it may take
     * @throws ChildProcess.NotStarted where it cannot be started
     */
    public static Result run(List<String> words, List<String> environment, String input, Duration limit)
            throws ChildProcess.NotStarted {
        ChildProcess child = ChildProcess.start(words, environment);
        long deadline = System.nanoTime() + limit.toNanos();
        byte[] bytes = input.getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int written = write(child, bytes, 0);
        while ((child.isOpen(ChildProcess.OUTPUT) || child.isOpen(ChildProcess.ERROR)) && millisTo(deadline) > 0) {
            child.await(millisTo(deadline));
            if (child.isOpen(ChildProcess.INPUT)) {
                written = write(child, bytes, written);
            }
            read(child, ChildProcess.OUTPUT, out);
            read(child, ChildProcess.ERROR, err);
        }
        int status = end(child, deadline);
        boolean inTime = status >= 0;
        if (!inTime) {
            child.kill();
            status = child.status(true);
        }
        for (int stream = ChildProcess.INPUT; stream <= ChildProcess.ERROR; stream++) {
            child.close(stream);
        }
        return new Result(
                status,
                out.toString(StandardCharsets.ISO_8859_1),
                err.toString(StandardCharsets.ISO_8859_1),
                inTime,
                written == bytes.length);
    }

    private static int write(ChildProcess child, byte[] bytes, int from) {
        int written = from;
        while (written < bytes.length) {
            int more = child.write(bytes, written);
            if (more == 0) {
                return written;
            }
            if (more < 0 && more != -Errno.EINTR) {
                break; // it does not want to know the rest; its status says why
            }
            written += Math.max(0, more);
        }
        child.close(ChildProcess.INPUT);
        return written;
    }

    private static void read(ChildProcess child, int stream, ByteArrayOutputStream into) {
        while (child.isOpen(stream)) {
            byte[] bytes = child.read(stream);
            if (bytes == null) {
                return;
            }
            if (bytes.length == 0) {
                child.close(stream);
            }
            into.write(bytes, 0, bytes.length);
        }
    }

    /** The status, or -1 where it has not ended in time. */
    private static int end(ChildProcess child, long deadline) {
        child.close(ChildProcess.INPUT);
        int status = child.status(false);
        while (status < 0 && millisTo(deadline) > 0) {
            child.await(PAUSE_MILLIS); // nothing is open any more, so this is a pause that no interrupt ends
            status = child.status(false);
        }
        return status;
    }

    private static long millisTo(long deadline) {
        long nanos = deadline - System.nanoTime();
        return nanos <= 0 ? 0 : nanos / 1_000_000 + 1;
    }
}
