package io.meshcapture.backend.hosts;

import io.meshcapture.failure.Failure;
import io.meshcapture.system.FileFacts;
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
 * The journal in the state directory. Where the file system is read-only there is none: the tags in the hosts file then are
 * all that the next command has, which is enough unless a kill falls into the moment in which lines of others move.
 */
final class JournalFile {
    private static final String NAME = "hosts.journal";
    private static final String STATE_OPTION = "name another directory with --state-dir";

    private final Path directory;
    private final Path file;
    private final boolean readOnly;

    private JournalFile(Path directory, boolean readOnly) {
        this.directory = directory;
        this.file = directory.resolve(NAME);
        this.readOnly = readOnly;
    }

    /**
     * The journal of a state directory, which is made where it is missing.
     *
     * @throws Failure.Unavailable where the directory could be somebody else's
     */
    static JournalFile in(Path directory) {
        try {
            if (!Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
                Path parent = directory.toAbsolutePath().getParent();
                while (parent != null && !Files.exists(parent)) {
                    parent = parent.getParent();
                }
                if (parent != null && Files.getFileStore(parent).isReadOnly()) {
                    return new JournalFile(directory, true);
                }
                Files.createDirectories(
                        directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            }
            requireOwn(directory);
            return new JournalFile(directory, Files.getFileStore(directory).isReadOnly());
        } catch (IOException e) {
            throw refused(directory, e);
        }
    }

    /** Whether there is one. */
    static boolean isIn(Path directory) {
        return Files.isRegularFile(directory.resolve(NAME), LinkOption.NOFOLLOW_LINKS);
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

    /** Whether there can be none. */
    boolean isImpossible() {
        return readOnly;
    }

    /** What the last change left, or null where it came to its end. */
    @Nullable
    Journal read() {
        try {
            if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
                return null;
            }
            return Journal.read(Files.readString(file, StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            return null; // it is not ours to read; then it is not ours to act on
        }
    }

    /**
     * Puts it on the disk before the first byte of the hosts file changes.
     *
     * @throws Failure.Unavailable where it cannot be written; nothing has been changed then
     */
    void write(Journal journal) {
        if (readOnly) {
            return;
        }
        Path next = directory.resolve(NAME + ".next");
        try {
            Files.deleteIfExists(next);
            try (FileChannel channel = FileChannel.open(
                    next,
                    Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
                ByteBuffer bytes = ByteBuffer.wrap(Journal.write(journal).getBytes(StandardCharsets.ISO_8859_1));
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
            throw refused(directory, e);
        }
    }

    /**
     * The change came to its end.
     *
     * @throws IOException where it stays; the next command would undo an addition then
     */
    void remove() throws IOException {
        if (!readOnly && Files.deleteIfExists(file)) {
            syncDirectory();
        }
    }

    /** Puts it aside for a person to look at. */
    Path putAside() throws IOException {
        Path aside = directory.resolve(NAME + ".unfinished");
        Files.move(file, aside, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        syncDirectory();
        return aside;
    }

    private void syncDirectory() throws IOException {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static Failure.Unavailable refused(Path directory, IOException e) {
        String because = e instanceof FileSystemException refused && refused.getReason() != null
                ? refused.getReason()
                : String.valueOf(e.getMessage());
        return new Failure.Unavailable(
                "the journal of the hosts file cannot be kept in " + directory,
                because,
                "make room and write access for it, or " + STATE_OPTION);
    }
}
