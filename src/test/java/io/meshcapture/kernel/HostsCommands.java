package io.meshcapture.kernel;

import io.meshcapture.lab.Meshcapture.Outcome;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The program with a state directory of the test's own, and the hosts file that it edits. */
final class HostsCommands {
    static final Path HOSTS = Path.of("/etc/hosts");
    static final Path STATE = Path.of("/run/meshcapture-state");

    /** Two services by name, for which nothing stands in netfilter. */
    static final String PLAN = """
            version: 1
            envoy: {user: 1337}
            hosts-ports: listeners
            services:
              orders: {hosts: [orders, orders.internal], ports: {80: 8000}}
              payments: {hosts: payments.internal, ports: {443: 15001}}
            """;

    private HostsCommands() {}

    /** With a plan on its standard input. */
    static Outcome with(String plan, String command, String... more) {
        return Program.withPlan(plan, command, withState(more));
    }

    static Outcome run(String... words) {
        return Program.run(withState(words));
    }

    static Outcome rollback(String... more) {
        return run(Stream.concat(Stream.of("rollback"), Stream.of(more)).toArray(String[]::new));
    }

    private static String[] withState(String... words) {
        return Stream.concat(Stream.of(words), Stream.of("--state-dir", STATE.toString()))
                .toArray(String[]::new);
    }

    static String content() throws IOException {
        return Files.readString(HOSTS, StandardCharsets.ISO_8859_1);
    }

    /** Whether something is remembered of a hosts file: a {@code trial}, a {@code journal}. */
    static boolean isRemembered(String kind) throws IOException {
        if (!Files.isDirectory(STATE)) {
            return false;
        }
        try (Stream<Path> files = Files.list(STATE)) {
            return files.anyMatch(file -> file.toString().endsWith("." + kind));
        }
    }

    /** Where a line of ours leads a name; the empty text where there is none. */
    static String address(String name) throws IOException {
        return content()
                .lines()
                .filter(line -> line.startsWith("127.66.") && line.contains(" " + name + " "))
                .map(line -> line.substring(0, line.indexOf(' ')))
                .findFirst()
                .orElse("");
    }
}
