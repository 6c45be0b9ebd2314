package io.meshcapture.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Address;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResolvConfTest {

    private static final Path FILE = Path.of("/etc/resolv.conf");

    @TempDir
    private Path root = Path.of("/nowhere");

    private static List<String> servers(String text) {
        return ResolvConf.parse(FILE, text).servers().stream()
                .map(Address::toString)
                .toList();
    }

    private Path write(String path, String text) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(file.resolveSibling("."));
        return Files.writeString(file, text);
    }

    @Test
    void servers_are_read_in_their_order_and_once_each() {
        assertEquals(List.of("10.0.0.2", "fd00::2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"), servers("""
                        ; generated
                        search example.org
                        nameserver 10.0.0.2
                        nameserver\tfd00::2   # the other family
                        nameserver 10.0.0.2
                          nameserver 10.0.0.3
                        nameserver 10.0.0.4
                        #nameserver 10.0.0.9
                        nameservers 10.0.0.8
                        nameserver 10.0.0.5;
                        nameserver 10.0.0.6
                        options ndots:5"""));
    }

    @Test
    void address_of_all_zeros_is_the_host_itself() {
        assertEquals(List.of("127.0.0.1", "::1"), servers("nameserver 0.0.0.0\nnameserver ::\n"));
    }

    @Test
    void what_is_no_address_by_itself_is_told_apart() {
        ResolvConf read = ResolvConf.parse(FILE, "nameserver fe80::1%eth0\nnameserver 10.2\nnameserver\n");
        assertEquals(List.of(), read.servers());
        assertEquals(List.of("fe80::1%eth0", "10.2"), read.others());
    }

    @Test
    void links_are_followed_within_their_root() throws IOException {
        write("run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\n");
        Files.createDirectories(root.resolve("etc"));
        for (String target :
                List.of("../run/systemd/resolve/stub-resolv.conf", "/run/systemd/resolve/stub-resolv.conf")) {
            Path link = root.resolve("etc/resolv.conf");
            Files.deleteIfExists(link);
            Files.createSymbolicLink(link, Path.of(target));
            assertEquals(
                    List.of("127.0.0.53"),
                    ResolvConf.read(root, FILE).servers().stream()
                            .map(Address::toString)
                            .toList());
        }
    }

    @Test
    void what_cannot_be_read_is_told_with_its_reason_and_its_mend() throws IOException {
        assertSaid("it does not exist");
        write("etc/other", "");
        Path link = root.resolve("etc/resolv.conf");
        Files.createSymbolicLink(link, Path.of("../run/gone"));
        assertSaid("it is a link to " + root.resolve("run/gone") + ", which does not exist");
        Files.delete(link);
        Files.createSymbolicLink(link, Path.of("resolv.conf"));
        assertSaid("too many links");
        Files.delete(link);
        Files.createDirectory(link);
        assertSaid("it is not a file");
    }

    private void assertSaid(String reason) {
        Failure.Conflict failure = assertThrows(Failure.Conflict.class, () -> ResolvConf.read(root, FILE));
        assertEquals(
                "the DNS servers cannot be read from " + root.resolve("etc/resolv.conf") + "; " + reason
                        + "; name the servers with dns.servers, or write any",
                failure.getMessage());
        assertTrue(failure.exitCode().toString().contains("CONFLICT"));
    }
}
