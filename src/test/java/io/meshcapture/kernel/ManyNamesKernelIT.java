package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.must;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Names in quantity, and in a file that is not ASCII. */
@InNetns
class ManyNamesKernelIT {
    private static final Path HOSTS = Path.of("/etc/hosts");
    private static final int SERVICES = 10_000;

    /** Some 5 s on a machine with two cores, and a quarter of an hour where something goes by all pairs. */
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @Test
    void ten_thousand_services_of_six_names_come_and_go_in_seconds_and_what_look_ups_cost_is_said(Lab lab)
            throws Exception {
        lab.file("/etc/hosts", "127.0.0.1 localhost\n");
        StringBuilder plan = new StringBuilder("version: 1\nenvoy: {user: 1337}\nhosts-ports: listeners\nservices:\n");
        for (int i = 0; i < SERVICES; i++) {
            plan.append(
                    "  s%1$d: {hosts: [s%1$d, s%1$d.ns, s%1$d.ns.svc, s%1$d.ns.svc.cluster.local, s%1$d.a, s%1$d.b], ports: {80: 8000}}\n"
                            .formatted(i));
        }
        Instant begun = Instant.now();
        Outcome applied = must(
                0,
                Program.with("MESHCAPTURE_PLAN_LIMIT", "16MiB")
                        .reading(plan.toString())
                        .run("apply", "-f", "-", "--state-dir", "/run/state"));
        assertTrue(applied.err().contains("it has 120001 lines, all of which glibc reads at every look-up: about"));
        assertEquals(12 * SERVICES + 1, Files.readString(HOSTS).lines().count());
        must(0, Program.run("rollback", "--all", "--state-dir", "/run/state"));
        assertEquals("127.0.0.1 localhost\n", Files.readString(HOSTS));
        Duration took = Duration.between(begun, Instant.now());
        assertTrue(took.compareTo(LIMIT) < 0, took::toString);
    }

    @Test
    void a_locale_without_utf_8_changes_no_byte_of_others(Lab lab) throws Exception {
        byte[] others = "10.0.0.1 münchen # 日本語 \u0000\n".getBytes(StandardCharsets.UTF_8);
        lab.file("/etc/hosts", "");
        Files.write(HOSTS, others);
        String plan = """
                version: 1
                envoy: {user: 1337}
                hosts-ports: listeners
                services: {orders: {hosts: orders, ports: {80: 8000}}}
                """;
        for (List<String> command : List.of(
                List.of(Program.DISTRIBUTION, "apply", "-f", "-", "--state-dir", "/run/state"),
                List.of(Program.DISTRIBUTION, "rollback", "--all", "--state-dir", "/run/state"))) {
            Run.command(plan, Map.of("LC_ALL", "C", "LANG", "C"), Run.LIMIT, command)
                    .orFail();
        }
        assertEquals(new String(others, StandardCharsets.UTF_8), Files.readString(HOSTS, StandardCharsets.UTF_8));
    }
}
