package io.meshcapture.system;

import io.meshcapture.ffi.Errno;
import io.meshcapture.ffi.FileCalls;
import io.meshcapture.ffi.LibC;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A file that is edited in place. Its inode, owner, mode, links and extended attributes stay what they are. Texts are bytes
 * (ISO 8859-1).
 */
public final class EditedFile implements AutoCloseable {
    private static final Duration PAUSE = Duration.ofMillis(1);

    private static final Path PROC = Path.of("/proc");

    private static final int TRIES_IN_A_ROW = 100;

    private static final int IMMUTABLE = 0x10;
    private static final int APPEND_ONLY = 0x20;

    private final FileCalls calls;
    private final int descriptor;
    private final Path open;
    private boolean leased;

    private EditedFile(FileCalls calls, int descriptor) {
        this.calls = calls;
        this.descriptor = descriptor;
        this.open = Path.of("/proc/self/fd/" + descriptor);
    }

    /**
     * Opens a regular file that is not a link. Waits for nobody, a FIFO's other end least of all. Of one below
     * {@code /proc/PID/root}, no directory on the way may be a link either: it could lead out of there.
     *
     * @throws FileRefusal with ELOOP for a link, EROFS, EACCES or EPERM where it cannot be written
     */
    public static EditedFile open(Path path) throws IOException {
        FileCalls calls = new FileCalls();
        Path root = rootOfProcess(path);
        int descriptor = root == null
                ? calls.openForEditing(path.toString())
                : calls.openForEditingBelow(
                        root.toString(), root.relativize(path).toString());
        if (descriptor < 0) {
            throw new FileRefusal("open", -descriptor);
        }
        return new EditedFile(calls, descriptor);
    }

    /** The root of the process that a path leads through; null for a path of this host. */
    public static @Nullable Path rootOfProcess(Path path) {
        boolean leadsThrough = path.getNameCount() > 3
                && path.startsWith("/proc")
                && path.getName(2).toString().equals("root");
        return leadsThrough ? Path.of("/").resolve(path.subpath(0, 3)) : null;
    }

    /** What the kernel says about it. */
    public FileFacts facts() throws IOException {
        return FileFacts.of(open);
    }

    /** Tries the kernel's lock once; false where somebody else holds it. */
    public boolean lock() throws IOException {
        int locked = calls.lockExclusively(descriptor);
        if (locked == -Errno.EAGAIN) {
            return false;
        }
        return demand("flock", locked) == 0;
    }

    /**
     * Keeps others from opening the file until {@link #release}. Nobody else has it open then, so that nobody's change can
     * get between a look and an edit.
     *
     * @param patience how long others who have it open are waited for
     * @return false where they still do, or the file system has no leases
     */
    public boolean lease(Duration patience) throws InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        while (true) {
            for (int i = 0; i < TRIES_IN_A_ROW; i++) { // readers leave gaps of microseconds
                int answer = calls.lease(descriptor);
                if (answer == 0) {
                    leased = true;
                    return true;
                }
                if (answer != -Errno.EAGAIN) {
                    return false;
                }
            }
            if (System.nanoTime() > deadline) {
                return false;
            }
            Thread.sleep(PAUSE);
        }
    }

    /** Lets others open it again. */
    public void release() {
        if (leased) {
            // once more: with a lease that stays, whoever opens the file waits for 45 s (fs.lease-break-time)
            if (calls.release(descriptor) < 0) {
                calls.release(descriptor);
            }
            leased = false;
        }
    }

    /**
     * Who else keeps the file open to write, as in {@code process 4711 (rsyslogd)}. Who only writes it at this moment is
     * waited for.
     *
     * @param patience how long
     * @return null where it is nobody that /proc shows
     */
    public @Nullable String writer(Duration patience) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        String writer = FileWriters.first(PROC, descriptor);
        while (writer != null && System.nanoTime() < deadline) {
            Thread.sleep(PAUSE);
            writer = FileWriters.first(PROC, descriptor);
        }
        return writer;
    }

    /** Who keeps a file open to write, likewise, at this moment. */
    public static @Nullable String writerOf(Path path) throws IOException {
        FileCalls calls = new FileCalls();
        int descriptor = demand("open", LibC.load().open(path.toString()));
        try {
            return FileWriters.first(PROC, descriptor);
        } finally {
            calls.close(descriptor);
        }
    }

    /** The whole content. */
    public String read() throws IOException {
        StringBuilder content = new StringBuilder();
        byte[] buffer = new byte[256 * 1024];
        while (true) {
            int length = demand("pread", calls.read(descriptor, buffer, content.length()));
            if (length == 0) {
                return content.toString();
            }
            content.append(new String(buffer, 0, length, StandardCharsets.ISO_8859_1));
        }
    }

    /** What stands at a place: so many bytes, fewer before the end. */
    public String read(long at, int length) throws IOException {
        byte[] bytes = new byte[length];
        int read = demand("pread", calls.read(descriptor, bytes, at));
        return new String(bytes, 0, read, StandardCharsets.ISO_8859_1);
    }

    /**
     * Appends by one write, behind whatever stands there at that instant.
     *
     * @throws FileRefusal with ENOSPC on a full disk; a part may have been written
     */
    public void append(String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        demand("fcntl", calls.setAppending(descriptor, true));
        int written = calls.write(descriptor, bytes, 0);
        demand("fcntl", calls.setAppending(descriptor, false)); // else whatever is put later would be appended too
        if (demand("write", written) < bytes.length) {
            throw new FileRefusal("write", Errno.ENOSPC);
        }
    }

    /** Writes over what stands there. */
    public void put(long at, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        if (demand("pwrite", calls.write(descriptor, bytes, at)) < bytes.length) {
            throw new FileRefusal("pwrite", Errno.ENOSPC);
        }
    }

    public void truncate(long length) throws IOException {
        demand("ftruncate", calls.truncate(descriptor, length));
    }

    public void sync() throws IOException {
        demand("fsync", calls.sync(descriptor));
    }

    /**
     * Moves the time of modification on, after the last byte was written. The kernel sets it when a write begins, and
     * programs that go by it (Go, c-ares) would keep what they read while the write went on; a time that went back would
     * keep c-ares from ever reading the file again.
     *
     * @param before what it was
     */
    public void touch(FileTime before) throws IOException {
        Instant later = before.toInstant().plusNanos(1);
        Instant now = Instant.now();
        Instant time = now.isAfter(later) ? now : later;
        demand("futimens", calls.setModified(descriptor, time.getEpochSecond(), time.getNano()));
    }

    /** Why a file cannot be written although the user is root: {@code immutable (chattr +i)}, or the empty text. */
    public static String flagsOf(Path path) {
        FileCalls calls = new FileCalls();
        int descriptor = LibC.load().open(path.toString());
        if (descriptor < 0) {
            return "";
        }
        int flags = calls.flags(descriptor);
        calls.close(descriptor);
        if (flags < 0) {
            return "";
        }
        return (flags & IMMUTABLE) != 0
                ? "it is immutable (chattr +i)"
                : (flags & APPEND_ONLY) != 0
                        ? "it can only be appended to (chattr +a), so nothing could be undone"
                        : "";
    }

    private static int demand(String call, int answer) throws FileRefusal {
        if (answer < 0) {
            throw new FileRefusal(call, -answer);
        }
        return answer;
    }

    @Override
    public void close() {
        release();
        calls.close(descriptor);
    }
}
