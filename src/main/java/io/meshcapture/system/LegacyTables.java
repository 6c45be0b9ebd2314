package io.meshcapture.system;

import io.meshcapture.ffi.ChildProcess;
import io.meshcapture.plan.Family;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Rules of iptables-legacy, which libnftables does not see, in the calling thread's network namespace. */
public final class LegacyTables {

    private static final String IPV4 = "/proc/thread-self/net/ip_tables_names";
    private static final String IPV6 = "/proc/thread-self/net/ip6_tables_names";
    private static final List<Path> DIRECTORIES = List.of(Path.of("/usr/sbin"), Path.of("/sbin"), Path.of("/usr/bin"));
    private static final Duration LIMIT = Duration.ofSeconds(5);

    private LegacyTables() {}

    /** Whether some table of IPv4 is there. */
    public static boolean areUsed() {
        return isThere(IPV4);
    }

    /** The names of a family's tables that are there, null where the kernel does not let itself be asked. */
    public static @Nullable Set<String> names(Family family) {
        Path names = Path.of(family == Family.IPV4 ? IPV4 : IPV6);
        try {
            String text = ProcFile.read(names).strip();
            return text.isEmpty() ? Set.of() : Set.of(text.split("\\s+", -1));
        } catch (FileNotFoundException e) {
            return Files.notExists(names) ? Set.of() : null;
        } catch (IOException e) {
            return null;
        }
    }

    private static boolean isThere(String tables) {
        try {
            return !ProcFile.read(Path.of(tables)).isBlank();
        } catch (IOException e) {
            return false; // this kernel has none, or none yet
        }
    }

    /**
     * Both families as iptables-save(8) prints them; empty where no table is there. Nothing is asked before the kernel has said
     * that there is one, since the programs could bring tables about that were not there.
     */
    public static String rules() {
        return save(IPV4, "iptables-legacy-save") + save(IPV6, "ip6tables-legacy-save");
    }

    private static String save(String tables, String program) {
        if (!isThere(tables)) {
            return "";
        }
        for (Path directory : DIRECTORIES) {
            Path file = directory.resolve(program);
            if (Files.isExecutable(file)) {
                try {
                    return Command.run(List.of(file.toString()), List.of("LC_ALL=C"), "", LIMIT)
                            .out();
                } catch (ChildProcess.NotStarted e) {
                    return ""; // not ours to see
                }
            }
        }
        return "";
    }
}
