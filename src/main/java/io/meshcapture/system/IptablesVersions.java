package io.meshcapture.system;

import io.meshcapture.ffi.ChildProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The programs of iptables that are installed here, of both flavours. */
public final class IptablesVersions {
    private static final List<Path> DIRECTORIES =
            List.of(Path.of("/usr/sbin"), Path.of("/sbin"), Path.of("/usr/local/sbin"), Path.of("/usr/bin"));

    private static final List<String> PROGRAMS = List.of("iptables-nft", "iptables-legacy");
    private static final Duration LIMIT = Duration.ofSeconds(5);

    private IptablesVersions() {}

    /** In their own words, such as {@code iptables v1.8.9 (nf_tables)}. */
    public static List<String> installed() {
        List<String> found = new ArrayList<>();
        for (String program : PROGRAMS) {
            DIRECTORIES.stream()
                    .map(directory -> directory.resolve(program))
                    .filter(Files::isExecutable)
                    .findFirst()
                    .ifPresent(path -> found.add(version(path)));
        }
        return found;
    }

    private static String version(Path program) {
        try {
            Command.Result result =
                    Command.run(List.of(program.toString(), "--version"), List.of("LC_ALL=C"), "", LIMIT);
            return result.out().isBlank()
                    ? program + " (of unknown version)"
                    : result.out().strip();
        } catch (ChildProcess.NotStarted e) {
            return program + " (" + e.getMessage() + ")";
        }
    }
}
