package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.must;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.system.HostLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What programs see of a captured name, each by the resolver that it brings. */
@InNetns
class LookupsKernelIT {
    private static final Path CLIENTS = Path.of("test-env/lookups").toAbsolutePath();
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private static final String PLAN = """
            version: 1
            envoy: {user: 1337}
            hosts-ports: listeners
            services:
              orders: {hosts: [orders, orders.internal], ports: {80: 8000}}
            """;

    @TempDir
    private static Path built;

    private String address = "";

    @BeforeEach
    void apply(Lab lab) throws Exception {
        lab.file("/etc/hosts", "127.0.0.1 localhost\n");
        // nobody answers there: a name that is asked of DNS is not found
        lab.file("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
        lab.file("/etc/nsswitch.conf", "hosts: files dns\n");
        must(0, Program.withPlan(PLAN, "apply", "--state-dir", "/run/meshcapture-state"));
        address = Files.readAllLines(Path.of("/etc/hosts")).get(1).split(" ", -1)[0];
        assertTrue(address.startsWith("127.66."), address);
    }

    static Stream<String> clients() {
        return Stream.of("glibc", "glibc 4", "glibc 6", "python 4", "python 6", "c-ares 4", "c-ares 6", "jvm", "go");
    }

    @ParameterizedTest
    @MethodSource("clients")
    void whoever_looks_a_captured_name_up_finds_its_address_and_no_other(String client) {
        for (String name : List.of("orders", "orders.internal")) {
            for (String found : lookUp(client, name).strip().split(" ", -1)) {
                String plain = found.startsWith("::ffff:") ? found.substring("::ffff:".length()) : found;
                assertEquals(address, plain, client + " of " + name);
            }
        }
    }

    private static String lookUp(String client, String name) {
        String java = System.getProperty("java.home") + "/bin/java";
        return switch (client) {
            case "glibc" ->
                run("getent", "ahosts", name).lines().findFirst().orElse("").split(" ", -1)[0];
            case "glibc 4", "glibc 6" -> String.join(" ", HostLookup.of(name, client.endsWith("6")));
            case "python 4", "python 6" ->
                run("/usr/bin/python3", CLIENTS + "/python.py", name, client.substring("python ".length()));
            case "c-ares 4", "c-ares 6" ->
                run("/usr/bin/python3", CLIENTS + "/cares.py", name, client.substring("c-ares ".length()));
            case "jvm" -> run(java, CLIENTS + "/Lookup.java", name);
            case "go" -> run(goProgram(), name);
            default -> throw new IllegalArgumentException(client);
        };
    }

    private static String run(String... command) {
        return Run.command("", Map.of(), LIMIT, List.of(command)).orFail();
    }

    private static synchronized String goProgram() {
        Path program = built.resolve("lookup");
        if (!Files.exists(program)) {
            Map<String, String> environment =
                    Map.of("CGO_ENABLED", "0", "GOCACHE", built.resolve("cache").toString(), "GOFLAGS", "-mod=mod");
            Run.command(
                            "",
                            environment,
                            Duration.ofMinutes(3),
                            List.of("go", "build", "-o", program.toString(), CLIENTS + "/lookup.go"))
                    .orFail();
        }
        return program.toString();
    }

    @Test
    void the_name_with_a_final_dot_is_asked_of_dns_which_is_envoys_way_out_of_the_loop() {
        Run.Result result = Run.command("getent", "ahostsv4", "orders.internal.");
        assertEquals(2, result.exit(), result.out());
    }

    @Test
    void check_looks_up_and_says_which_name_leads_elsewhere(Lab lab) {
        Program.mustStand(checked(lab));
        // systemd-resolved would read the file; it does not run here, and DNS knows no such name
        lab.file("/etc/nsswitch.conf", "hosts: resolve dns\n");
        Outcome elsewhere = must(3, checked(lab));
        for (String family : List.of("IPv4", "IPv6")) {
            assertTrue(elsewhere.out().contains("look-up of orders.internal for " + family), elsewhere.out());
        }
        assertTrue(elsewhere.out().contains("  - no address\n  + " + address), elsewhere.out());
        lab.file("/etc/nsswitch.conf", "hosts: dns files\n");
        Outcome check = must(3, checked(lab));
        assertTrue(check.out().contains("/etc/nsswitch.conf"), check.out());
    }

    /** In a process of its own: the C library reads nsswitch.conf once in ours. */
    private static Outcome checked(Lab lab) {
        return lab.meshcapture().reading(PLAN).run("check", "-f", "-");
    }
}
