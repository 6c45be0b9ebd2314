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

    /** Held against the schema of results, as everything that is asked for as JSON. */
    @Test
    void result_tells_each_file_that_was_written_and_none_that_was_not(@TempDir Path directory) {
        Terminal printed = Terminal.run("envoy-config", "-f", "-", "-o", "json");
        assertEquals(0, printed.exit(), printed::err);
        assertTrue(printed.out().contains("\"clusters\": null"), printed.out());
        assertTrue(printed.out().contains("\"listeners\": null"), printed.out());
        String listeners = directory.resolve("lds.yaml").toString();
        String clusters = directory.resolve("cds.yaml").toString();
        printed =
                Terminal.run("envoy-config", "-f", "-", "-o", "json", "--listeners", listeners, "--clusters", clusters);
        assertEquals(0, printed.exit(), printed::err);
        assertFalse(printed.out().contains("null"), printed.out());
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
        Path taken = Files.createDirectory(directory.resolve("taken.yaml"));
        Terminal refused = Terminal.run("envoy-config", "-f", "-", "--listeners", taken.toString());
        assertEquals(2, refused.exit());
        assertTrue(refused.err().contains("cannot be written, because it is a directory; "), refused::err);
        refused = Terminal.run("envoy-config", "-f", "-", "--clusters", clusters + ".old");
        assertEquals(2, refused.exit());
        assertTrue(
                refused.err().contains(" as YAML, since its name does not end in .yaml; --clusters; "), refused::err);
    }

    /** Envoy takes an address alone, and whoever reaches the interface may stop Envoy. */
    @ParameterizedTest
    @CsvSource({
        "localhost:9901, '127.0.0.1, port_value: 9901', ''",
        "127.0.0.5:9901, '127.0.0.5, port_value: 9901', ''",
        "0.0.0.0:9901, '0.0.0.0, port_value: 9901', Envoy's admin interface is at 0.0.0.0:9901",
        "10.99.0.2:9901, '10.99.0.2, port_value: 9901', write envoy.admin: 127.0.0.1:9901"
    })
    void admin_interface_is_at_an_address_and_said_where_it_is_open_to_others(
            String admin, String address, String note) {
        Terminal printed = Terminal.run("envoy-config", "-f", "-", "--envoy-admin", admin);
        assertEquals(0, printed.exit(), printed::err);
        assertTrue(
                printed.out().contains("admin:\n  address: {socket_address: {address: " + address + "}}\n"),
                printed.out());
        assertEquals(note.isEmpty(), printed.err().isEmpty(), printed::err);
        assertTrue(printed.err().contains(note), printed::err);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --listeners /nowhere/at/all.yaml | file /nowhere/at/all.yaml cannot be written, because its directory is not there; --listeners; name a file in a directory that is there and may be written to
            --listeners /tmp/x.json | Envoy would not read /tmp/x.json as YAML, since its name does not end in .yaml; --listeners; name one that does, such as /etc/envoy/listeners.yaml
            --envoy-admin envoy.test:9901 | Envoy's admin interface cannot be at "envoy.test:9901", because Envoy listens on addresses, and this is a name; envoy.admin; write an address, such as 127.0.0.1:9901
            --xds nobody | address "nobody" is not HOST:PORT; --xds; write HOST:PORT, such as 127.0.0.1:9901 or [::1]:9901
            --xds a:1 --clusters /tmp/x.yaml | --clusters and --xds exclude each other; command line; take one: clusters come from a file or from a control plane
            --listeners /tmp/x.yaml --clusters /tmp/../tmp/x.yaml | --listeners and --clusters name the same file; command line; give each its own: Envoy reads one kind from a file
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
