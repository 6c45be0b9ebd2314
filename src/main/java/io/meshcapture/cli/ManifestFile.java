package io.meshcapture.cli;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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

    /**
     * Replaces files whole: whoever reads one meanwhile sees the old or the new one.
     *
     * @param contents what they are to hold, in the order of the files
     * @throws Failure.Unavailable where one cannot be written; then none was changed
     */
    static void replace(List<ManifestFile> files, List<byte[]> contents) throws IOException {
        Map<Path, Path> beside = new LinkedHashMap<>();
        try {
            for (int i = 0; i < files.size(); i++) {
                ManifestFile file = files.get(i);
                if (file.path != null && !Arrays.equals(file.content, contents.get(i))) {
                    file.write(contents.get(i), file.path.toRealPath(), beside);
                }
            }
            for (Map.Entry<Path, Path> one : beside.entrySet()) {
                Files.move(one.getValue(), one.getKey(), StandardCopyOption.ATOMIC_MOVE);
            }
        } finally {
            for (Path left : beside.values()) {
                Files.deleteIfExists(left);
            }
        }
    }

    /** Writes what is to replace a file, with its owner and permissions, whatever the umask and whoever runs this. */
    private void write(byte[] changed, Path real, Map<Path, Path> beside) {
        Path directory = real.getParent();
        try {
            Path file = beside.get(real);
            if (file == null) {
                file = Files.createTempFile(directory == null ? Path.of(".") : directory, ".meshcapture-", ".yaml");
                beside.put(real, file);
            }
            Files.write(file, changed);
            for (String owner : List.of("unix:gid", "unix:uid")) {
                Object theirs = Files.getAttribute(real, owner);
                if (!theirs.equals(Files.getAttribute(file, owner))) {
                    Files.setAttribute(file, owner, theirs);
                }
            }
            Files.setPosixFilePermissions(file, Files.getPosixFilePermissions(real));
        } catch (IOException e) {
            String why = e instanceof AccessDeniedException
                    ? "its directory may not be written"
                    : e instanceof FileSystemException failed && failed.getReason() != null
                            ? failed.getReason()
                            : String.valueOf(e.getMessage());
            throw new Failure.Unavailable(
                    "manifest " + BadValue.quote(name) + " cannot be replaced",
                    BadValue.printable(why) + "; no file was changed",
                    "run it as the file's owner, or leave out --in-place");
        }
    }
}
