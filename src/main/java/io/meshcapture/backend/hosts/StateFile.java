package io.meshcapture.backend.hosts;

import io.meshcapture.failure.Failure;
import io.meshcapture.rules.Fnv;
import io.meshcapture.system.FileFacts;
import io.meshcapture.system.MountedFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What is remembered of a hosts file in the state directory, in a file of its own for each kind. It is replaced as a whole and is
 * on the disk when a call returns; a hash at its end makes half a file none. Texts are bytes (ISO 8859-1).
 */
final class StateFile {
    private static final Path USUAL = Path.of("/etc/hosts");
    private static final String STATE_OPTION = "name another directory with --state-dir";
    private static final int HASH = 16;

    private final Path directory;
    private final Path file;
    private final String what;
    private final String format;
    private final boolean readOnly;

    private StateFile(Path directory, Path file, String what, String format, boolean readOnly) {
        this.directory = directory;
        this.file = file;
        this.what = what;
        this.format = format;
        this.readOnly = readOnly;
    }

    /**
     * One in a state directory, which is made where it is missing.
     *
     * @param kind such as {@code journal}
     * @throws Failure.Unavailable where the directory could be somebody else's
     */
    static StateFile in(Path directory, Path hosts, String kind) {
        String what = "the " + kind + " of the hosts file";
        try {
            boolean readOnly = !isMade(directory);
            if (!readOnly) {
                requireOwn(directory);
                readOnly = Files.getFileStore(directory).isReadOnly();
            }
            return new StateFile(directory, path(directory, hosts, kind), what, format(kind), readOnly);
        } catch (IOException e) {
            throw refused(what, directory, e);
        }
    }

    /** Whether there is one. */
    static boolean isIn(Path directory, Path hosts, String kind) {
        return Files.isRegularFile(path(directory, hosts, kind), LinkOption.NOFOLLOW_LINKS);
    }

    /** What one says, for somebody who only looks; null where there is none, or it is not whole. */
    static @Nullable String look(Path directory, Path hosts, String kind) {
        return new StateFile(directory, path(directory, hosts, kind), kind, format(kind), true).read();
    }

    /**
     * Hosts files are remembered apart: those of other paths, and those that are mounted over the same path in other mount
     * namespaces, as in containers and below {@code ip netns exec}, which may share the state directory.
     */
    private static Path path(Path directory, Path hosts, String kind) {
        Path absolute = hosts.toAbsolutePath().normalize();
        String mounted = MountedFile.at(absolute);
        String which = absolute.equals(USUAL) && mounted.isEmpty()
                ? "hosts"
                : "hosts-" + Fnv.hex(Fnv.hash(mounted.isEmpty() ? absolute.toString() : absolute + " " + mounted));
        return directory.resolve(which + "." + kind);
    }

    private static String format(String kind) {
        return "meshcapture hosts " + kind + " 1\n";
    }

    /** @return false where it is not there and cannot be made, because the file system is read-only */
    private static boolean isMade(Path directory) throws IOException {
        if (!Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
            Path parent = directory.toAbsolutePath().getParent();
            while (parent != null && !Files.exists(parent)) {
                parent = parent.getParent();
            }
            if (parent != null && Files.getFileStore(parent).isReadOnly()) {
                return false;
            }
            Files.createDirectories(
                    directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        }
        return true;
    }

    private static void requireOwn(Path directory) throws IOException {
        FileFacts facts = FileFacts.of(directory, LinkOption.NOFOLLOW_LINKS);
        String because = "";
        if (!facts.directory()) {
            because = "it is no directory (a link is not followed)";
        } else if (facts.owner() != 0
                && facts.owner() != FileFacts.of(Path.of("/proc/self")).owner()) {
            because = "it belongs to uid " + facts.owner();
        } else if (facts.writableByOthers()) {
            because = "others may write to it";
        }
        if (!because.isEmpty()) {
            throw new Failure.Unavailable(
                    "the state directory " + directory + " is not safe to use",
                    because,
                    "make it a directory that only root may write to (chmod 700), or " + STATE_OPTION);
        }
    }

    /** Whether there can be none, because the file system is read-only. */
    boolean isImpossible() {
        return readOnly;
    }

    /** What was written last; null where there is nothing, or it is not whole. */
    @Nullable
    String read() {
        try {
            if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
                return null;
            }
            String text = Files.readString(file, StandardCharsets.ISO_8859_1);
            int end = text.length() - HASH;
            boolean whole = text.startsWith(format)
                    && end >= format.length()
                    && Fnv.hex(Fnv.hash(text.substring(0, end))).equals(text.substring(end));
            return whole ? text.substring(format.length(), end) : null;
        } catch (IOException e) {
            return null; // it is not ours to read; then it is not ours to act on
        }
    }

    /**
     * Puts it on the disk.
     *
     * @throws Failure.Unavailable where it cannot be written; what was there before is there still
     */
    void write(String body) {
        Path next = file.resolveSibling(file.getFileName() + ".next");
        String text = format + body;
        try {
            Files.deleteIfExists(next);
            try (FileChannel channel = FileChannel.open(
                    next,
                    Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
                ByteBuffer bytes =
                        ByteBuffer.wrap((text + Fnv.hex(Fnv.hash(text))).getBytes(StandardCharsets.ISO_8859_1));
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
                channel.force(true);
            }
            Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
            syncDirectory();
        } catch (IOException e) {
            try {
                Files.deleteIfExists(next);
            } catch (IOException again) {
                e.addSuppressed(again);
            }
            throw refused(what, directory, e);
        }
    }

    /**
     * Takes it away.
     *
     * @return why that may not be on the disk yet, or the empty text
     * @throws IOException where it stays
     */
    String remove() throws IOException {
        if (!readOnly && Files.deleteIfExists(file)) {
            try {
                syncDirectory();
            } catch (IOException e) {
                return String.valueOf(e.getMessage());
            }
        }
        return "";
    }

    /** Puts it aside for a person to look at. */
    Path putAside() throws IOException {
        Path aside = file.resolveSibling(file.getFileName() + ".unfinished");
        Files.move(file, aside, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        syncDirectory();
        return aside;
    }

    private void syncDirectory() throws IOException {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static Failure.Unavailable refused(String what, Path directory, IOException e) {
        String because = e instanceof FileSystemException refused && refused.getReason() != null
                ? refused.getReason()
                : String.valueOf(e.getMessage());
        return new Failure.Unavailable(
                what + " cannot be kept in " + directory,
                because,
                "make room and write access for it, or " + STATE_OPTION);
    }
}
