package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Background;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Iptables;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Versions of iptables spell what they list each in its own way, and wait for their lock each in its own way. The oldest is
 * 1.8.7; the machine's own is 1.8.9 on Debian 12; 1.8.11 is tried in a container of Debian 13.
 */
@InNetns
class IptablesVersionsKernelIT {
    private static final Path STORIES = Path.of("src/test/resources/io/meshcapture/golden");
    private static final Path ACCOUNTS = Path.of("src/test/resources/io/meshcapture/container");

    private static String backend(Iptables flavour) {
        return "iptables-" + flavour.name().toLowerCase(Locale.ROOT);
    }

    private static void oldest(Iptables flavour) throws IOException {
        String directory = Run.command("test-env/oldest-iptables").orFail().strip();
        String four = backend(flavour);
        String six = four.replace("iptables", "ip6tables");
        Replaced.programs(
                "exec " + directory + "/$name \"$@\"\n",
                four + "-save",
                four + "-restore",
                six + "-save",
                six + "-restore");
        String version = Run.command(four + "-restore", "--version").orFail();
        assertTrue(version.contains(" v1.8.7 "), version);
    }

    /** Every kind of rule that we write, read back as this version prints it. */
    @ParameterizedTest
    @CsvSource({"NFT, false", "LEGACY, false", "NFT, true", "LEGACY, true"})
    void every_storys_plan_is_in_sync_once_it_is_applied(Iptables flavour, boolean oldest, Lab lab) throws IOException {
        if (oldest) {
            oldest(flavour);
        }
        lab.file("/etc/passwd", Files.readString(ACCOUNTS.resolve("passwd")));
        lab.file("/etc/group", Files.readString(ACCOUNTS.resolve("group")));
        lab.file("/etc/resolv.conf", "nameserver 10.99.0.1\nnameserver fd99::1\n");
        String before = stands(flavour);
        int applied = 0;
        for (Path story : stories()) {
            String plan = Files.readString(story.resolve("plan.yaml"));
            boolean isSaid = plan.contains("invalid: drop") || (flavour == Iptables.LEGACY && plan.contains("cgroup:"));
            if (isSaid) {
                Outcome refused = Program.with("MESHCAPTURE_BACKEND", backend(flavour))
                        .reading(plan)
                        .run("apply", "-f", "-");
                assertEquals(4, refused.exit(), () -> story + ": " + refused.err());
            } else {
                Program.must(0, with(flavour, plan, "apply"));
                Program.mustStand(with(flavour, plan, "check"));
                applied++;
            }
        }
        assertTrue(applied >= 15, "only " + applied);
        Program.rollback("--all");
        assertEquals(before, stands(flavour));
    }

    private static Outcome with(Iptables flavour, String plan, String command) {
        return Program.with("MESHCAPTURE_BACKEND", backend(flavour))
                .reading(plan)
                .run(command, "-f", "-");
    }

    /** But those that are refused whatever the backend is, and those about systemd's units and the hosts file. */
    private static List<Path> stories() throws IOException {
        try (Stream<Path> stories = Files.list(STORIES)) {
            return stories.filter(story -> Files.exists(story.resolve("ruleset.nft")))
                    .filter(story -> Stream.of("unit:", "hosts:", "cgroup: /")
                            .noneMatch(word -> read(story.resolve("plan.yaml")).contains(word)))
                    .sorted()
                    .toList();
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Without what is counted, and without tables in which nobody has a rule. */
    private static String stands(Iptables flavour) {
        return (flavour.save4() + "\n" + flavour.save6() + "\n")
                .replaceAll("\\[\\d+:\\d+]", "")
                .replaceAll("(?m)^\\*\\w+\n(:[A-Z]+ ACCEPT +\n)+COMMIT(\n|$)", "")
                .strip();
    }

    @ParameterizedTest
    @EnumSource
    void oldest_captures_the_same_and_leaves_nothing(Iptables flavour, Lab lab) throws IOException {
        oldest(flavour);
        lab.proxy(15001);
        lab.transparentProxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        lab.proxy(15053);
        lab.udpProxy(15053);
        lab.server(8080);
        lab.localServer(9090);
        lab.udpServerAt("10.99.0.1:443");
        String foreign = "*nat\n:THEIRS - [0:0]\n[3:180] -A THEIRS -p tcp -m tcp --dport 9 -j RETURN\nCOMMIT\n";
        flavour.restore4(foreign);
        flavour.restore6(foreign);
        String before = stands(flavour);
        String plan = """
                version: 1
                envoy: {user: 1337, inbound: 15006, dns: 15053}
                udp443: reject
                dns: {servers: any}
                inbound: {mode: MODE}
                services: {orders: {from: {user: 1001}, except: [":5432"]}}
                """;
        for (String mode : List.of("redirect", "tproxy")) {
            Program.must(0, with(flavour, plan.replace("MODE", mode), "apply"));
            Program.must(0, with(flavour, plan.replace("MODE", mode), "check"));
            for (String server : List.of("10.99.0.1:8080", "[fd99::1]:8080")) {
                assertEquals(new Proxied(15001, server), lab.caller().uid(1001).connect(server));
                assertEquals(new Direct(server), lab.caller().uid(1002).connect(server));
            }
            for (String own : List.of("10.99.0.2:9090", "[fd99::2]:9090")) {
                assertEquals(
                        new Proxied(15006, own), lab.inSrv(() -> lab.caller().connect(own)));
            }
            assertEquals(new Proxied(15053), lab.caller().uid(1002).udp("10.99.0.1:53"));
            assertFalse(lab.caller().uid(1001).udp("10.99.0.1:443") instanceof Direct);
        }
        String status = Program.run("status").out();
        assertTrue(status.matches("(?s).*orders +" + backend(flavour) + " +\\S+Z +\\S+ +6 +0 +0 .*"), status);
        Program.rollback("--all");
        assertEquals(before, stands(flavour));
    }

    @EnumSource(names = "LEGACY")
    @ParameterizedTest
    void oldest_waits_for_the_lock_too_and_its_holder_is_named(Iptables flavour, Lab lab) throws IOException {
        oldest(flavour);
        lab.proxy(15001);
        Background brief = lab.background("flock", "/run/xtables.lock", "sh", "-c", "echo held; sleep 1");
        brief.awaitOutput("held", Duration.ofSeconds(5));
        String plan = ENVOY + "services: {orders: {from: {user: 1001}}}\n";
        Program.must(0, with(flavour, plan, "apply"));
        Background holder = lab.background("flock", "/run/xtables.lock", "sh", "-c", "echo held; sleep 30");
        holder.awaitOutput("held", Duration.ofSeconds(5));
        Outcome busy = Program.must(5, with(flavour, plan.replace("1001", "1002"), "apply"));
        assertTrue(busy.err().contains("the lock of iptables is held by process"), busy::err);
        holder.kill();
        Program.must(0, with(flavour, plan, "check"));
    }
}
