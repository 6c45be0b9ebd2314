package io.meshcapture.kernel;

import static io.meshcapture.kernel.HostsCommands.HOSTS;
import static io.meshcapture.kernel.HostsCommands.STATE;
import static io.meshcapture.kernel.HostsCommands.content;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.kernel.Killing.Death;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A hosts file whose editors are killed, and what a reader of it must and may read at any time. */
@InNetns
abstract class HostsKillStories {
    /** Ends without a newline. */
    static final String BEFORE = "127.0.0.1 localhost\n10.0.0.9 db # theirs\n::1 localhost";

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private static Path directory;

    Killing killing;

    @BeforeEach
    void cover(Lab lab) {
        lab.file("/etc/hosts", BEFORE);
        killing = Killing.in(directory);
    }

    /** A file and a state directory, to begin again from. */
    record Situation(String hosts, Map<String, String> remembered) {
        static Situation now() throws IOException {
            Map<String, String> remembered = new TreeMap<>();
            if (Files.exists(STATE)) {
                try (Stream<Path> files = Files.list(STATE)) {
                    for (Path file : files.filter(HostsKillStories::counts).toList()) {
                        remembered.put(
                                file.getFileName().toString(), Files.readString(file, StandardCharsets.ISO_8859_1));
                    }
                }
            }
            return new Situation(content(), remembered);
        }

        void restore() throws IOException {
            Files.writeString(HOSTS, hosts, StandardCharsets.ISO_8859_1);
            for (String file : now().remembered().keySet()) {
                Files.delete(STATE.resolve(file));
            }
            for (Map.Entry<String, String> file : remembered.entrySet()) {
                Files.writeString(STATE.resolve(file.getKey()), file.getValue(), StandardCharsets.ISO_8859_1);
            }
        }
    }

    /** What was to replace a file, and did not, is written anew by whoever replaces it next. */
    private static boolean counts(Path file) {
        return !file.toString().endsWith(".next");
    }

    /** The lines that a resolver reads. */
    static Set<String> read(String content) {
        Set<String> lines = new HashSet<>();
        content.lines().filter(line -> !line.isBlank() && !line.startsWith("#")).forEach(lines::add);
        return lines;
    }

    static void assertNobodyNoticed(Set<String> must, Set<String> may, String at) throws IOException {
        Set<String> read = read(content());
        assertTrue(read.containsAll(must), () -> at + " lost a line:\n" + read);
        assertTrue(may.containsAll(read), () -> at + " made a line:\n" + read);
    }

    static String after(Death death) {
        return "after call " + death.calls().size() + " (" + death.calls().getLast() + "): " + death.said();
    }
}
