package io.meshcapture.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The demo tells the truth, and leaves nothing behind, however it ends. It runs on a stand-in for the machine, with a
 * network, firewall rules, /run, /tmp and /dev/shm that nobody else uses: what is there afterwards was left by it.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class DemoIT {
    private static final Path ROOT = Path.of("").toAbsolutePath();
    private static final String MARK = "STARTED_BY_DEMO_TEST";

    /** A checkout below /tmp must stay visible: what others leave there meanwhile is not ours to judge then. */
    private static final String OWN_TMP = ROOT.startsWith("/tmp") ? "" : "mount -t tmpfs none /tmp;";

    @AutoClose
    private final Program machine = Program.start(
            List.of(
                    "unshare",
                    "--net",
                    "--mount",
                    "--propagation",
                    "private",
                    "sh",
                    "-euc",
                    "mount -t tmpfs none /run; mount -t tmpfs none /dev/shm; " + OWN_TMP
                            + " ip link set lo up; ip link add machine0 type veth peer name machine1; ip link set machine0 up;"
                            + " nft add table ip of-the-machine;"
                            + " nft add chain ip of-the-machine mine '{ type nat hook output priority -100; }';"
                            + " echo ready; exec cat"),
            System.getenv());

    private final Map<String, String> environment = new HashMap<>(System.getenv());
    private Namespaces namespaces = new Namespaces(0, List.of(), Map.of());
    private String before = "";

    @BeforeEach
    void lookAround() {
        if (namespaces.pid() == 0) {
            machine.awaitLine("ready"::equals);
            environment.put("MESHCAPTURE", Playground.distribution() + "/bin/meshcapture");
            namespaces = new Namespaces(machine.pid(), List.of("--net", "--mount"), environment);
        }
        environment.put(MARK, UUID.randomUUID().toString());
        before = state();
    }

    @Test
    void showsThatServicesAreCapturedAndReleased() {
        Ending demo = startDemo().end();

        assertTells(
                demo,
                "the old catalog (10.99.0.1:80): you asked for catalog/price, HTTP/1.1, directly\n",
                "root# meshcapture apply\ncaptured: orders, ledger\n",
                "the new catalog (10.99.0.9:80): you asked for catalog/price, HTTP/1.1, via envoy\n",
                "the new catalog (10.99.0.9:80): you asked for catalog/price, HTTP/1.1, via envoy\n",
                "the old catalog (10.99.0.1:80): you asked for 10.99.0.1/, HTTP/1.1, via envoy\n",
                "root# meshcapture check\nin sync: 2 services\n",
                "captured: to Envoy's listener 15001, service orders\n",
                "root# meshcapture status\nSERVICE ",
                "root# meshcapture rollback orders\nreleased: orders\nstill captured: ledger\n",
                "root# meshcapture rollback --all\nreleased: ledger\n",
                "the old catalog (10.99.0.1:80): you asked for catalog/price, HTTP/1.1, directly\n",
                "the old catalog (10.99.0.1:9000) heard tick\n",
                "Everything above was verified as it was shown.");
    }

    @Test
    void showsThatNamesLeadToEnvoyAndTheHostsFileIsGivenBack() {
        Ending demo = startDemo("hosts").end();

        assertTells(
                demo,
                "curl: (6) Could not resolve host: orders\n",
                "root# meshcapture apply\n",
                "captured: orders, payments\n",
                " orders # meshcapture svc=orders ",
                "the orders service (10.99.0.1:80): you asked for orders/status, HTTP/1.1, via\nenvoy\n",
                "the payments service (10.99.0.3:80): you asked for payments.internal/status,\nHTTP/1.1, via envoy\n",
                "root# meshcapture env orders\nORDERS_SERVICE_HOST=127.66.",
                "root# meshcapture check\nin sync: 2 services\n",
                "root# meshcapture rollback orders\nreleased: orders\nstill captured: payments\n",
                "curl: (6) Could not resolve host: orders\n",
                "root# meshcapture rollback --all\nreleased: payments\n",
                "10.99.0.1 warehouse  # somebody else's line\n10.99.0.9 printer\n  →",
                "Everything above was verified as it was shown.");
    }

    /** It came to its end in time, said all this in this order, and left nothing. */
    private void assertTells(Ending demo, String... lines) {
        String told = demo.orFail();
        assertTrue(demo.took().compareTo(Duration.ofSeconds(30)) < 0, () -> "it took " + demo.took());
        assertEquals("", demo.err());
        int from = 0;
        for (String line : lines) {
            int at = told.indexOf(line, from);
            assertTrue(at >= 0, () -> line + " is not in its place in: " + told);
            from = at + line.length();
        }
        assertNothingLeft();
    }

    @ParameterizedTest(name = "{0} to {1}")
    @CsvSource(textBlock = """
            INT,  the script,  130
            INT,  all of it,   130
            TERM, the script,  143
            KILL, the script,  137
            """)
    void leavesNothingWhenItIsEndedInTheMiddle(String signal, String whom, int exit) {
        try (Program demo = startDemo()) {
            demo.awaitLine(line -> line.startsWith("2. Apply"));
            demo.awaitLine(line -> line.startsWith("captured: "));
            assertTrue(marked().size() >= 3, "Envoy, the upstream and the story run now");

            String target = whom.equals("all of it") ? "-" + demo.pid() : Long.toString(demo.pid());
            namespaces.run(List.of("kill", "-" + signal, "--", target)).orFail();

            assertEquals(exit, demo.await().exit());
        }
        assertNothingLeft();
    }

    @Test
    void saysWhatItExpectedWhenTheProductDoesNotCapture() throws IOException {
        Path idle = Files.writeString(
                ROOT.resolve("target/captures-nothing"), """
                #!/bin/sh
                [ "$1" != envoy-config ] || exec "%s" "$@"
                """.formatted(environment.get("MESHCAPTURE")));
        Files.setPosixFilePermissions(idle, PosixFilePermissions.fromString("rwxr-xr-x"));
        environment.put("MESHCAPTURE", idle.toString());

        Ending demo = startDemo().end();

        environment.put("MESHCAPTURE", Playground.distribution() + "/bin/meshcapture");
        assertEquals(1, demo.exit(), demo::toString);
        assertTrue(demo.err().contains("The demo failed: it expected \"curl -s http://catalog/price\""), demo.err());
        assertNothingLeft();
    }

    /** In a process group of its own, as a terminal would start it, and with signals as a terminal would set them. */
    private Program startDemo(String... which) {
        List<String> command =
                new ArrayList<>(List.of("setsid", "env", "--default-signal=INT,QUIT,HUP,TERM", ROOT + "/scripts/demo"));
        command.addAll(List.of(which));
        return namespaces.start(command, environment);
    }

    private void assertNothingLeft() {
        Waiting.until(() -> marked().isEmpty(), () -> "still running: " + marked());
        assertEquals(before, state());
    }

    /** Network, rules, mounts and files of the machine, as text. */
    private String state() {
        String rest = OWN_TMP.isEmpty() ? "" : " /tmp";
        return namespaces
                .run(List.of(
                        "sh",
                        "-euc",
                        "ip -details address | grep -v valid_lft; ip route; ip -6 route; ip rule; ip netns list;"
                                + " nft list ruleset; cat /proc/self/mounts; find /run /dev/shm" + rest + ";"
                                + " cksum /etc/hosts /etc/passwd /etc/group; ls -d /etc/meshcapture /var/lib/meshcapture"
                                + " 2>&1 || true"))
                .orFail();
    }

    /** Processes that the demo has started: their environment says so. */
    private List<Path> marked() {
        byte[] mark = (MARK + "=" + environment.get(MARK)).getBytes(StandardCharsets.UTF_8);
        try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
            return processes
                    .filter(process -> process.getFileName().toString().matches("\\d+"))
                    .filter(process -> new String(environmentOf(process), StandardCharsets.ISO_8859_1)
                            .contains(new String(mark, StandardCharsets.ISO_8859_1)))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] environmentOf(Path process) {
        try {
            return Files.readAllBytes(process.resolve("environ"));
        } catch (IOException e) {
            return new byte[0]; // it has ended meanwhile
        }
    }
}
