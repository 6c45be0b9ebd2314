package io.meshcapture.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * The file in which a container tells the kubelet why it ended, so that {@code kubectl describe pod} shows the reason
 * ({@code terminationMessagePath}). The kubelet makes it; where it is missing, nobody asks.
 */
final class TerminationLog {
    static final Path DEFAULT = Path.of("/dev/termination-log");

    /** In bytes; the kubelet cuts what is longer. */
    private static final int LIMIT = 4096;

    private TerminationLog() {}

    /** Writes one line: the first reason, and how many more there are. */
    static void write(Path file, String reasons) {
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        List<String> lines = reasons.lines().toList();
        String more = lines.size() > 1 ? " (and " + (lines.size() - 1) + " more, see the container's log)" : "";
        String line = (lines.isEmpty() ? "" : lines.getFirst()) + more + "\n";
        byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
        try (var out = Files.newOutputStream(file, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            out.write(bytes, 0, Math.min(bytes.length, LIMIT));
        } catch (IOException e) {
            // it has been said on standard error already, and the exit code is what counts
        }
    }
}
