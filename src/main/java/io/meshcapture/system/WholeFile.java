package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;

/** A file that somebody else reads, or watches, while it is replaced: he sees the old one or the new one, and nothing between. */
public final class WholeFile {
    private WholeFile() {}

    /**
     * Written beside, brought to the disk, and renamed into place, readable by everybody.
     *
     * @param option of the command line that named the file, for messages
     * @param file absolute
     * @throws Failure.Invalid where it cannot be written; what was there still is
     */
    public static void replace(String option, Path file, String text) {
        try {
            Path directory = file.getParent();
            if (directory == null || Files.isDirectory(file)) {
                throw new NoSuchFileException(file.toString(), null, "it is a directory");
            }
            Path beside = Files.createTempFile(directory, "." + file.getFileName() + ".", ".new");
            try {
                try (FileChannel channel = FileChannel.open(beside, StandardOpenOption.WRITE)) {
                    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
                    while (bytes.hasRemaining()) {
                        channel.write(bytes);
                    }
                    channel.force(true);
                }
                Files.setPosixFilePermissions(beside, PosixFilePermissions.fromString("rw-r--r--"));
                Files.move(beside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } finally {
                Files.deleteIfExists(beside);
            }
        } catch (IOException e) {
            throw new Failure.Invalid(
                    "file " + file + " cannot be written, because " + reason(e),
                    option,
                    "name a file in a directory that is there and may be written to");
        }
    }

    private static String reason(IOException e) {
        String text = e instanceof java.nio.file.FileSystemException file && file.getReason() != null
                ? file.getReason()
                : e.getClass().getSimpleName();
        return switch (text) {
            case "NoSuchFileException" -> "its directory is not there";
            case "AccessDeniedException" -> "that is not permitted";
            default -> text;
        };
    }
}
