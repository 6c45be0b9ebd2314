package io.meshcapture.system;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Files of another root, such as {@code /proc/PID/root}, whose owner may have made links in it that lead out of it. */
public final class FilesBelow {
    /** As many links as the kernel follows (MAXSYMLINKS in linux/namei.h). */
    private static final int MOST_LINKS = 40;

    /** Far above any real one; what a container offers is not trusted. */
    private static final long LONGEST = 16 << 20;

    private FilesBelow() {}

    /**
     * Where a file really is. Links are followed one by one: an absolute one in another root would lead out of it.
     *
     * @param file its absolute name below the root
     */
    static Path follow(Path root, Path file) throws IOException {
        Path at = file;
        for (int i = 0; i < MOST_LINKS; i++) {
            Path real = root.resolve(Path.of("/").relativize(at));
            if (!Files.isSymbolicLink(real)) {
                return real;
            }
            at = at.resolveSibling(Files.readSymbolicLink(real)).normalize();
        }
        throw new IOException("too many links");
    }

    /** Whether what is below a root is ours to see; that of another user's process is not, without CAP_SYS_PTRACE. */
    public static boolean canBeSeen(Path root) {
        return Files.isDirectory(root.resolve("etc"));
    }

    /** The text of a regular file (ISO 8859-1); null where there is none, or it is not ours to read. */
    public static @Nullable String read(Path root, Path file) {
        try {
            Path found = follow(root, file);
            return Files.isRegularFile(found) && Files.size(found) <= LONGEST
                    ? Files.readString(found, StandardCharsets.ISO_8859_1)
                    : null;
        } catch (IOException e) {
            return null;
        }
    }

    /** Whether it is the very file that another path leads to here; also where that cannot be seen. */
    public static boolean isSame(Path root, Path file, Path other) {
        try {
            return FileFacts.of(follow(root, file))
                    .identity()
                    .equals(FileFacts.of(other).identity());
        } catch (IOException e) {
            return true;
        }
    }
}
