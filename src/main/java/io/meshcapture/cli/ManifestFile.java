package io.meshcapture.cli;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A file of manifests, or standard input.
 *
 * @param path null for standard input
 */
@SuppressWarnings("ArrayRecordComponent") // nobody compares them
record ManifestFile(String name, @Nullable Path path, byte[] content) {
    /** A chart of a whole cluster has ten million, and as many more when all of it is injected. */
    private static final int LIMIT = 32 << 20;

    /** Reads them all; none named, or {@code -}, is standard input. */
    static List<ManifestFile> read(List<String> names, InputStream in) {
        List<ManifestFile> files = new ArrayList<>();
        for (String name : names.isEmpty() ? List.of("-") : names) {
            try {
                files.add(read(name, in));
            } catch (NoSuchFileException _) {
                throw refused(name, "it does not exist");
            } catch (AccessDeniedException _) {
                throw refused(name, "it may not be read");
            } catch (InvalidPathException _) {
                throw refused(name, "it is not a file name");
            } catch (IOException e) {
                throw refused(name, String.valueOf(e.getMessage()));
            }
        }
        return files;
    }

    private static ManifestFile read(String name, InputStream in) throws IOException {
        if (name.equals("-")) {
            return new ManifestFile("standard input", null, bounded("standard input", in));
        }
        Path path = Path.of(name);
        if (Files.isDirectory(path)) {
            throw refused(name, "it is a directory");
        }
        try (InputStream file = Files.newInputStream(path)) {
            return new ManifestFile(name, path, bounded(name, file));
        }
    }

    private static byte[] bounded(String name, InputStream in) throws IOException {
        byte[] content = in.readNBytes(LIMIT + 1);
        if (content.length > LIMIT) {
            throw new Failure.Invalid(
                    "manifest " + BadValue.quote(name) + " is larger than " + (LIMIT >> 20) + " MiB",
                    BadValue.printable(name),
                    "split it");
        }
        return content;
    }

    private static Failure refused(String name, String why) {
        return new Failure.Invalid(
                "manifest " + BadValue.quote(name) + " cannot be read",
                BadValue.printable(why),
                "name a file, or - for standard input");
    }

    /** Replaces the file whole: whoever reads it meanwhile sees the old or the new one. */
    void replaceBy(byte[] changed) throws IOException {
        if (path == null || Arrays.equals(content, changed)) {
            return;
        }
        Path real = path.toRealPath();
        Path directory = real.getParent();
        Path beside = Files.createTempFile(
                directory == null ? Path.of(".") : directory,
                ".meshcapture-",
                ".yaml",
                PosixFilePermissions.asFileAttribute(Files.getPosixFilePermissions(real)));
        try {
            Files.setPosixFilePermissions(beside, Files.getPosixFilePermissions(real)); // whatever the umask
            Files.write(beside, changed);
            Files.move(beside, real, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(beside);
        }
    }
}
