package io.meshcapture.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EnvoyConfigCommandTest {

    @Test
    void prints_a_bootstrap_and_says_apart_what_there_is_to_say() {
        Terminal printed = Terminal.run("envoy-config", "-f", "-");
        assertEquals(0, printed.exit());
        assertTrue(printed.out().startsWith("# Envoy's bootstrap for a meshcapture plan"), printed.out());
        assertTrue(printed.out().contains("    - name: outbound\n"), printed.out());
        assertTrue(printed.err().startsWith("meshcapture: note: the plan has no envoy.admin"), printed.err());
    }

    @Test
    void writes_the_files_that_envoy_watches_whole_and_readable_by_everybody(@TempDir Path directory)
            throws IOException {
        Path listeners = Files.writeString(directory.resolve("lds.yaml"), "old");
        Path clusters = directory.resolve("cds.yaml");
        Terminal printed = Terminal.run(
                "envoy-config", "-f", "-", "--listeners", listeners.toString(), "--clusters", clusters.toString());
        assertEquals(0, printed.exit(), printed::err);
        assertTrue(printed.out().contains("path_config_source: {path: " + listeners + "}"), printed.out());
        assertFalse(printed.out().contains("static_resources"), printed.out());
        assertTrue(Files.readString(listeners).contains("envoy.config.listener.v3.Listener"));
        assertTrue(Files.readString(clusters).contains("envoy.config.cluster.v3.Cluster"));
        for (Path file : new Path[] {listeners, clusters}) {
            assertEquals("rw-r--r--", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        }
        try (Stream<Path> files = Files.list(directory)) {
            assertEquals(2, files.count(), "nothing is left beside them");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --listeners /nowhere/at/all | file /nowhere/at/all cannot be written, because its directory is not there; --listeners; name a file in a directory that is there and may be written to
            --clusters / | file / cannot be written, because it is a directory; --clusters; name a file in a directory that is there and may be written to
            --xds nobody | address "nobody" is not HOST:PORT; --xds; write HOST:PORT, such as 127.0.0.1:9901 or [::1]:9901
            --xds a:1 --clusters /tmp/x | --clusters and --xds exclude each other; command line; take one: clusters come from a file or from a control plane
            --listeners /tmp/x --clusters /tmp/../tmp/x | --listeners and --clusters name the same file; command line; give each its own: Envoy reads one kind from a file
            """)
    void what_cannot_be_done_is_said_and_nothing_is_printed(String options, String message) {
        Terminal refused = Terminal.run(Terminal.PLAN, Map.of(), ("envoy-config -f - " + options).split(" ", -1));
        assertEquals(2, refused.exit());
        assertEquals("meshcapture: " + message + "\n", refused.err());
        assertEquals("", refused.out());
    }

    /** Neither the hosts file nor DNS has an answer for one. */
    @Test
    void names_with_wildcards_are_refused_wherever_they_stand() {
        String plan = """
                version: 1
                envoy: {user: 1337}
                services:
                  payments: {hosts: ["*.internal"], instances: ["*.internal:80"]}
                zones:
                  east: {services: [payments], front-proxy: "*.east:10000"}
                """;
        Terminal refused = Terminal.run(plan, Map.of(), "envoy-config", "-f", "-");
        assertEquals(2, refused.exit());
        assertEquals(
                3,
                refused.err()
                        .lines()
                        .filter(line -> line.contains(" is a wildcard, "))
                        .count(),
                refused::err);
        assertEquals("", refused.out());
    }
}
