package io.meshcapture.doctor;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Files of the examined host, by their absolute names.
 *
 * @param root where they are: {@code /}, or below it a host that a test has laid out
 */
public record HostFiles(Path root) {

    /** Enough for any file that is looked at; what is longer is something else. */
    private static final int LONGEST = 4 << 20;

    /** Those of this host. */
    public static HostFiles ofThisHost() {
        return new HostFiles(Path.of("/"));
    }

    Path at(String file) {
        return root.resolve(file.substring(1));
    }

    boolean exists(String file) {
        return Files.exists(at(file));
    }

    /** Whether something stands there, be it a link to nowhere. */
    boolean isThere(String file) {
        return Files.exists(at(file), LinkOption.NOFOLLOW_LINKS);
    }

    /** The text of a regular file, or null where there is none or it is not ours to read. */
    @Nullable
    String read(String file) {
        Path path = at(file);
        if (!Files.isRegularFile(path)) { // a FIFO would wait for its writer
            return null;
        }
        // by a stream: files of /proc say that they have no length
        try (InputStream in = new FileInputStream(path.toFile())) {
            return new String(in.readNBytes(LONGEST), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return null;
        }
    }

    /** A number of its own line, as sysctls are; empty where there is none. */
    OptionalLong number(String file) {
        String text = read(file);
        try {
            return text == null ? OptionalLong.empty() : OptionalLong.of(Long.parseLong(text.strip()));
        } catch (NumberFormatException e) {
            return OptionalLong.empty();
        }
    }
}
