package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.kernel.Breakages.Breakage;
import io.meshcapture.lab.Cgroup;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Each line of {@link Breakages} is found by the command that it names, in the words that it says. All of a
 * backend share a namespace: each is mended by its own words and by applying the plan anew, after which all must be well.
 */
@InNetns
class BreakagesKernelIT {
    private static final String PLAN = ENVOY + """
            backend: BACKEND
            services:
              orders: {from: {user: 1001}, except: [":5432"]}
              ledger: {from: {user: 1002}, to: [10.0.0.0/8, "fd99::/16"], outbound: 15002}
            """;

    @TestFactory
    Stream<DynamicTest> breakages_with_nftables(Lab lab) {
        return tests("nftables", Stream.concat(Breakages.OF_ANY_BACKEND.stream(), Breakages.OF_NFTABLES.stream()), lab);
    }

    @TestFactory
    Stream<DynamicTest> breakages_with_iptables_nft(Lab lab) {
        return tests("iptables-nft", Breakages.ofIptables("nft").stream(), lab);
    }

    @TestFactory
    Stream<DynamicTest> breakages_with_iptables_legacy(Lab lab) {
        return tests("iptables-legacy", Breakages.ofIptables("legacy").stream(), lab);
    }

    private static Stream<DynamicTest> tests(String backend, Stream<Breakage> breakages, Lab lab) {
        String plan = PLAN.replace("BACKEND", backend);
        lab.file("/etc/resolv.conf", "nameserver 10.99.0.1\n");
        lab.file("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n");
        lab.file("/etc/nsswitch.conf", "hosts: files dns\n");
        lab.proxy(15001);
        lab.proxy(15002);
        Program.apply(plan);
        return breakages.map(one -> DynamicTest.dynamicTest(one.name(), () -> {
            Program.must(0, Program.check(plan, "--probe"));
            sh(one.how());
            Outcome found = one.command().equals(Breakages.DOCTOR)
                    ? Program.run("doctor", "-o", "json")
                    : Program.check(plan, one.command().equals(Breakages.PROBE) ? "--probe" : "-v");
            sh(one.undo());
            Program.apply(plan);
            assertNamed(one, found);
        }));
    }

    private static void assertNamed(Breakage breakage, Outcome found) {
        boolean mayBeAWarning = breakage.command().equals(Breakages.DOCTOR);
        assertTrue(found.exit() != 0 || mayBeAWarning, found.out());
        Pattern said = Pattern.compile(breakage.said());
        assertTrue(said.matcher(found.out()).find(), () -> breakage.said() + " in\n" + found.out() + found.err());
    }

    private static void sh(String command) {
        Run.command("sh", "-ec", command).orFail();
    }

    @TestFactory
    Stream<DynamicTest> breakages_of_names(Lab lab) throws IOException {
        Path hosts = lab.file("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n");
        lab.file("/etc/nsswitch.conf", "hosts: files\n");
        lab.proxy(15001);
        String state = "--state-dir=" + Files.createTempDirectory("meshcapture-breakages");
        String plan = ENVOY + "services: {shop: {hosts: [shop.internal], ports: {80: 15001}}}\n";
        Program.apply(plan, state);
        String well = Files.readString(hosts);
        return Breakages.OF_NAMES.stream()
                .map(one -> DynamicTest.dynamicTest(one.name(), () -> {
                    Program.must(0, Program.check(plan, "--probe", state));
                    sh(one.how().replace("HOSTS", hosts.toString()));
                    Outcome found = one.command().equals(Breakages.DOCTOR)
                            ? Program.run("doctor", "-o", "json")
                            : Program.check(plan, one.command().equals(Breakages.PROBE) ? "--probe" : "-v", state);
                    sh(one.undo());
                    Files.writeString(hosts, well);
                    assertNamed(one, found);
                }));
    }

    /** Where Envoy listens, and as whom: what a check with the plan says of it. */
    @TestFactory
    Stream<DynamicTest> breakages_of_envoy(Lab lab) {
        String plan = """
                version: 1
                envoy: {user: 1337, dns: 15053}
                dns: {servers: [10.99.0.1]}
                services: {orders: {from: {user: 1001}}}
                """;
        lab.proxyAt(Identity.ENVOY, "127.0.0.1:15001", "[::1]:15001", "127.0.0.1:15053", "[::1]:15053");
        lab.udpProxy(15053);
        Program.apply(plan);
        return Stream.of(
                        Breakages.of(
                                "a listener on another port",
                                "15001",
                                "15009",
                                Breakages.PROBE,
                                "nobody listens on 127.0.0.1:15009"),
                        Breakages.of(
                                "a DNS listener on another port",
                                "dns: 15053",
                                "dns: 15054",
                                Breakages.PROBE,
                                "127.0.0.1:15054"),
                        Breakages.of(
                                "Envoy runs as another user",
                                "user: 1337",
                                "user: 1338",
                                Breakages.CHECK,
                                "belongs to uid 1337"))
                .map(one -> DynamicTest.dynamicTest(one.name(), () -> {
                    Program.must(0, Program.check(plan, "--probe"));
                    String other = plan.replace(one.how(), one.undo())
                            .replace("envoy: {", one.how().equals("15001") ? "envoy: {outbound: 15009, " : "envoy: {");
                    Outcome found = Program.check(other, one.command().equals(Breakages.PROBE) ? "--probe" : "-v");
                    assertNamed(one, found);
                }));
    }

    /** Counters are for people: who sets them back breaks nothing, and is told what status does not know any more. */
    @ParameterizedTest
    @CsvSource({
        "nftables, '(echo delete table inet meshcapture; nft -s list table inet meshcapture) | nft -f -'",
        "iptables-nft, iptables-nft -t nat -Z",
        "iptables-legacy, iptables-legacy -t nat -Z"
    })
    void counters_that_somebody_set_back_are_found_and_count_on(String backend, String how, Lab lab) {
        lab.proxy(15001);
        String plan = ENVOY + "backend: " + backend + "\nservices: {orders: {from: {user: 1001}}}\n";
        Program.apply(plan);
        lab.caller().uid(1001).open("10.99.0.1:80");
        assertCounted(backend, 1);
        assertEquals("", Program.must(0, Program.check(plan)).err());
        sh(how);
        assertCounted(backend, 0);
        String said = Program.must(0, Program.check(plan)).err();
        assertTrue(said.contains("service orders: 1 captured connection(s) are open, and its counter says 0"), said);
        lab.caller().uid(1001).connect("10.99.0.1:80");
        assertCounted(backend, 1);
    }

    private static void assertCounted(String backend, int captured) {
        String status = Program.run("status").out();
        assertTrue(
                status.matches("(?s).*orders +" + backend + " .* +" + captured + " +0 +0 +\\d+ +\\d+ +unknown\n.*"),
                status);
    }

    @Test
    void breakages_are_as_many_as_was_meant_and_no_two_are_the_same() {
        List<Breakage> all = Stream.of(
                        Breakages.OF_ANY_BACKEND,
                        Breakages.OF_NFTABLES,
                        Breakages.ofIptables("nft"),
                        Breakages.OF_NAMES)
                .flatMap(List::stream)
                .toList();
        assertTrue(all.size() >= 60, () -> "only " + all.size());
        assertEquals(all.size(), all.stream().map(Breakage::how).distinct().count());
    }

    @Test
    void user_whose_number_went_to_somebody_else_is_found(Lab lab) {
        lab.proxy(15001);
        String accounts = "root:x:0:0::/:/bin/sh\norders:x:ID:1001::/:/bin/sh\n";
        lab.file("/etc/passwd", accounts.replace("ID", "1001"));
        String plan = ENVOY + "services: {orders: {from: {user: orders}}}\n";
        Program.apply(plan);
        Program.must(0, Program.check(plan, "--probe"));
        lab.file("/etc/passwd", accounts.replace("ID", "1077"));
        Outcome found = Program.must(3, Program.check(plan, "--probe"));
        assertTrue(found.out().matches("(?s).*as uid 1077, gid 1001 +leaving +WRONG: leaves as it is.*"), found.out());
    }

    @Test
    void control_group_that_was_made_anew_is_found(Lab lab) {
        lab.proxy(15001);
        Cgroup parent = lab.cgroup("meshcapture-breakages.slice");
        String path = parent.name() + "/shop.service";
        sh("mkdir /sys/fs/cgroup/" + path);
        String plan = ENVOY + "services: {shop: {from: {cgroup: " + path + "}, to: [\":80\"]}}\n";
        Program.apply(plan);
        sh("rmdir /sys/fs/cgroup/" + path + "; mkdir /sys/fs/cgroup/" + path);
        Outcome found = lab.meshcapture().reading(plan).run("check", "--probe", "-f", "-");
        sh("rmdir /sys/fs/cgroup/" + path);
        assertEquals(3, found.exit(), found.out() + found.err());
        assertTrue(found.out().contains("WRONG: leaves as it is"), found.out());
    }

    @Test
    void name_servers_that_changed_are_found(Lab lab) {
        lab.proxy(15001);
        lab.proxy(15053);
        lab.udpProxy(15053);
        lab.file("/etc/resolv.conf", "nameserver 10.99.0.1\n");
        String plan = "version: 1\nenvoy: {user: 1337, dns: 15053}\ndns: {servers: resolv.conf}\n";
        Program.apply(plan);
        Program.must(0, Program.check(plan, "--probe"));
        lab.file("/etc/resolv.conf", "nameserver 10.99.0.7\n");
        Outcome found = Program.must(3, Program.check(plan, "--probe"));
        assertTrue(found.out().matches("(?s).*DNS +udp 10.99.0.7:53 .*WRONG: leaves as it is.*"), found.out());
    }
}
