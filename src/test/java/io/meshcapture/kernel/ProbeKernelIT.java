package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Await;
import io.meshcapture.lab.Cgroup;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Standin;
import io.meshcapture.lab.UdpStandin;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** check --probe tells where real connections go, and nobody but the kernel hears of them. */
@InNetns
class ProbeKernelIT {
    private static final String EVERY_PATH = """
            version: 1
            envoy: {user: 1337, group: 1338, dns: 15053}
            backend: BACKEND
            udp443: reject
            except: [192.0.2.128/25]
            dns: {servers: [10.99.0.1, "fd99::1"]}
            services:
              orders: {from: {user: 1001}, except: [":22", "10.0.0.0/8:5432"]}
              ledger: {from: {group: 2002}, to: ["10.20.0.0/16:443", "[fd00:12::/48]"], outbound: 15002}
            """;

    private static void envoy(Lab lab) {
        lab.proxy(15001);
        lab.proxy(15002);
        lab.proxy(15053);
        lab.udpProxy(15053);
    }

    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables-nft", "iptables-legacy"})
    void every_path_is_probed_and_nothing_reaches_envoy_or_leaves(String backend, Lab lab) {
        String plan = EVERY_PATH.replace("BACKEND", backend);
        Standin one = lab.proxy(15001);
        Standin two = lab.proxy(15002);
        Standin dnsOverTcp = lab.proxy(15053);
        UdpStandin dns = lab.udpProxy(15053);
        Standin server = lab.serverOnEveryPort();
        Program.apply(plan);
        Outcome outcome = Program.must(0, Program.check(plan, "--probe"));
        for (String said : List.of(
                "orders +captured +tcp 192.0.2.1:80 as uid 1001, gid \\d+ +\\w+ +ok: reaches 127.0.0.1:15001",
                "orders +captured +tcp \\[2001:db8::1\\]:80 as uid 1001, gid \\d+ +\\w+ +ok: reaches \\[::1\\]:15001",
                "orders +QUIC +udp 192.0.2.1:443 as uid 1001, gid \\d+ +\\w+ +ok: is rejected",
                "orders +excepts :22 +tcp 192.0.2.1:22 as uid 1001, gid \\d+ +\\w+ +ok: leaves as it is",
                "orders +excepts 10.0.0.0/8:5432 +tcp 10.0.0.1:5432 as .* +\\w+ +ok: leaves as it is",
                "ledger +captured +tcp 10.20.0.1:443 as uid \\d+, gid 2002 +\\w+ +ok: reaches 127.0.0.1:15002",
                "ledger +captured +tcp \\[fd00:12::1\\]:80 as uid \\d+, gid 2002 +\\w+ +ok: reaches \\[::1\\]:15002",
                "- +excepts 192.0.2.128/25 +tcp 192.0.2.129:80 .*ok: leaves as it is",
                "- +Envoy's own +tcp 192.0.2.1:80 as uid 1337, .*ok: leaves as it is",
                "- +Envoy's own +tcp 192.0.2.1:80 as uid \\d+, gid 1338 +\\w+ +ok: leaves as it is",
                "- +DNS +udp 10.99.0.1:53 .*ok: reaches 127.0.0.1:15053",
                "- +DNS +tcp \\[fd99::1\\]:53 .*ok: reaches \\[::1\\]:15053",
                "- +loopback +tcp 127.0.0.1:9 .*ok: arrives as it is")) {
            assertTrue(
                    outcome.out().lines().anyMatch(line -> line.matches(said)), () -> said + " in\n" + outcome.out());
        }
        assertFalse(outcome.out().contains("WRONG"), outcome.out());
        assertTrue(outcome.out().matches("(?s).*\\d+ probes: \\d+ as planned\nin sync: .*"), outcome.out());
        for (Standin nobody : List.of(one, two, dnsOverTcp, server)) {
            assertEquals(List.of(), nobody.arrivals());
        }
        assertEquals(List.of(), dns.arrivals());
        assertFalse(lab.nft().list().contains("meshcapture-probe"), "the table that catches probes is gone");
        assertFalse(
                lab.conntrack().list().contains("192.0.2.1"),
                () -> lab.conntrack().list());
    }

    @Test
    void rule_of_somebody_else_that_comes_first_is_found_with_what_the_plan_says(Lab lab) {
        envoy(lab);
        String plan = EVERY_PATH.replace("BACKEND", "nftables");
        Program.apply(plan);
        lab.nft().apply("""
                table ip early {
                  chain output {
                    type nat hook output priority -150
                    ip daddr 192.0.2.1 tcp dport 80 dnat to 10.99.0.1:8080
                  }
                }
                """);
        Outcome outcome = Program.must(3, Program.check(plan, "--probe"));
        assertTrue(outcome.out().contains("WRONG: is sent to 10.99.0.1:8080"), outcome.out());
        assertTrue(outcome.out().contains("the plan says:\n    1  passes "), outcome.out());
        assertTrue(outcome.out().contains("captured: to Envoy's listener 15001, service orders"), outcome.out());
        Outcome machine = Program.must(3, Program.check(plan, "--probe", "-o", "json"));
        assertTrue(machine.out().contains("\"result\": \"wrong\""), machine.out());
        assertTrue(machine.out().contains("\"evidence\": \"leaving\""), machine.out());
    }

    @Test
    void what_is_dropped_refused_or_heard_by_nobody_is_told_apart(Lab lab) {
        lab.proxyAt(Identity.ENVOY, "127.0.0.1:15001");
        String plan = ENVOY + """
                services:
                  dropped: {from: {user: 1001}, to: ["10.1.0.0/16:80"]}
                  refused: {from: {user: 1001}, to: ["10.2.0.0/16:80"]}
                  unheard: {from: {user: 1001}, to: ["10.3.0.0/16:80"], outbound: 15009}
                  fine: {from: {user: 1001}, to: ["10.4.0.0/16:80"]}
                """;
        Program.apply(plan);
        lab.nft().apply("""
                table ip firewall {
                  chain output {
                    type filter hook output priority mangle
                    ip daddr 10.1.0.0/16 drop
                    ip daddr 10.2.0.0/16 reject with tcp reset
                  }
                }
                """);
        // the kernel tells every listener what anybody has traced, and without an end
        lab.nft()
                .apply(
                        "table ip traced { chain c { type filter hook output priority -450; udp dport 9 meta nftrace set 1; }; }");
        lab.background("timeout", "60", "bash", "-c", "while :; do echo >/dev/udp/127.0.0.9/9; sleep 0.02; done");
        Outcome outcome = assertTimeout(Duration.ofSeconds(10), () -> Program.must(3, Program.check(plan, "--probe")));
        for (String said : List.of(
                "dropped .*WRONG: is lost on the way: table firewall chain output drops it",
                "refused .*WRONG: is rejected by table firewall chain output",
                "unheard .*WRONG: reaches 127.0.0.1:15009, where nobody listens",
                "fine .*ok: reaches 127.0.0.1:15001")) {
            assertTrue(
                    outcome.out().lines().anyMatch(line -> line.matches(said)), () -> said + " in\n" + outcome.out());
        }
        Outcome others = Program.mustStand(Program.check(plan, "--probe", "fine"));
        assertTrue(others.out().contains("1 probe: 1 as planned"), others.out());
    }

    @Test
    void service_of_a_control_group_is_probed_from_within_it(Lab lab) {
        lab.proxy(15001);
        Cgroup group = lab.cgroup("meshcapture-probe-test.slice/shop.service");
        String plan = ENVOY + "services: {shop: {from: {cgroup: " + group.name() + "}, to: [\":80\"]}}\n";
        Program.apply(plan);
        Outcome outcome = lab.meshcapture().reading(plan).run("check", "--probe", "-f", "-");
        assertEquals(0, outcome.exit(), outcome.out() + outcome.err());
        assertTrue(
                outcome.out()
                        .matches("(?s).* as uid \\d+, gid \\d+, cgroup /" + group.name()
                                + " +conntrack +ok: reaches 127.*"),
                outcome.out());
    }

    @Test
    void connections_that_go_right_to_where_nobody_listens_are_told_so_and_not_explained(Lab lab) {
        String plan = ENVOY + "services: {orders: {from: {user: 1001}}}\n";
        Outcome undone = Program.must(8, Program.withPlan(plan, "apply", "--probe"));
        assertTrue(
                undone.err().contains("nobody listens where connections are sent, so what was applied has been undone"),
                undone.err());
        assertTrue(undone.err().contains("start Envoy, and let apply wait for it with --wait-envoy 30s"), undone.err());
        Program.apply(plan);
        Outcome check = Program.must(3, Program.check(plan, "--probe"));
        assertTrue(
                check.out().endsWith("in place, but nobody listens where connections are sent, see above: 1 service\n"),
                check.out());
        assertTrue(!check.out().contains("the plan says"), check.out());
        Outcome without = Program.must(0, Program.check(plan, "--probe", "--without-envoy"));
        assertTrue(without.out().endsWith("6 probes: 6 as planned\nin sync: 1 service\n"), without.out());
    }

    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables-nft", "iptables-legacy"})
    void apply_that_goes_wrong_is_undone_and_one_that_goes_well_stays(String backend, Lab lab) {
        lab.proxy(15001);
        String before = ENVOY + "backend: " + backend + "\nservices: {old: {from: {user: 1002}, to: [\":80\"]}}\n";
        String plan = before.replace("services: {", "services: {new: {from: {user: 1001}, to: [\":81\"]}, ");
        String inTheWay =
                "table ip early { chain output { type nat hook output priority -150; tcp dport 81 redirect to :9; }; }";
        lab.nft().apply(inTheWay);
        for (String stood : List.of("", before)) {
            if (!stood.isEmpty()) {
                Program.apply(stood);
            }
            Outcome outcome = Program.must(8, Program.withPlan(plan, "apply", "--probe"));
            assertTrue(
                    outcome.err().contains("connections do not go where the plan says, so what was applied "),
                    outcome.err());
            assertTrue(
                    outcome.err()
                            .contains("tcp 192.0.2.1:81 as uid 1001, gid 1001, service new, is sent to 127.0.0.1:9"),
                    outcome.err());
            if (stood.isEmpty()) {
                assertTrue(Program.run("status").out().contains("nothing is captured"));
            } else {
                String said = Program.check(before, "--probe").out();
                assertTrue(said.contains("6 probes: 6 as planned\ndrift: the plan is in place"), said);
            }
        }
        lab.nft().apply("delete table ip early");
        Outcome outcome = Program.apply(plan, "--probe");
        assertTrue(outcome.out().contains(" as planned\n"), outcome.out());
        assertTrue(
                !Program.run("status").out().contains("on trial"),
                () -> Program.run("status").out());
        Program.must(0, Program.check(plan));
    }

    /** The kernel takes away what catches the probes, and nobody hears of one that was sent. */
    @Test
    void killed_at_any_transaction_it_leaves_nothing(Lab lab, @TempDir Path directory) {
        Standin envoy = lab.proxyAt(Identity.ENVOY, "0.0.0.0:15001", "[::]:15001", "0.0.0.0:15006", "[::]:15006");
        String plan = ENVOY.replace("1337}", "1337, inbound: 15006}") + "services: {orders: {from: {user: 1001}}}\n";
        Program.apply(plan);
        List<String> check = List.of("check", "--probe", "-f", "-");
        Killing killing = Killing.in(directory);
        int killed = 0;
        for (int which = 1; killing.at("sendmsg", which, plan, check).killed(); which++) {
            killed++;
            Await.until(
                    Duration.ofSeconds(10), "no table", () -> !lab.nft().list().contains("meshcapture-probe"));
            assertFalse(Run.command("ip", "link").orFail().contains("meshin"));
        }
        assertTrue(killed >= 2, "it makes a table, and says what is to be caught");
        assertEquals(List.of(), envoy.arrivals());
        Program.must(0, Program.check(plan, "--probe"));
    }

    @Test
    void names_are_looked_up_and_taken_back_where_they_lead_nowhere(Lab lab) throws IOException {
        lab.proxy(15001);
        Path hosts = lab.file("/etc/hosts", "127.0.0.1 localhost\n");
        lab.file("/etc/nsswitch.conf", "hosts: files\n");
        Path state = Files.createTempDirectory("meshcapture-probe");
        String plan = ENVOY + "services: {shop: {hosts: [shop.internal], ports: {80: 15009}}}\n";
        Outcome outcome = Program.must(8, Program.withPlan(plan, "apply", "--probe", "--state-dir=" + state));
        assertTrue(
                outcome.err().contains(":80 as uid 65534, gid 65534, service shop, reaches 127.0.0.1:15009"),
                outcome.err());
        assertEquals("127.0.0.1 localhost\n", Files.readString(hosts));
        lab.proxy(15009);
        Program.apply(plan, "--probe", "--state-dir=" + state);
        outcome = Program.must(0, Program.check(plan, "--probe", "--state-dir=" + state));
        assertTrue(
                outcome.out()
                        .matches("(?s).*shop +name +look-up of shop.internal for IPv4 +\\w+ +ok: leads to 127.66.*"),
                outcome.out());
        Files.writeString(hosts, "192.0.2.7 shop.internal\n" + Files.readString(hosts));
        outcome = Program.check(plan, "--probe", "--state-dir=" + state);
        assertEquals(3, outcome.exit());
        assertTrue(
                outcome.out().contains("WRONG: leads to 127.66.")
                        || outcome.out().contains("WRONG: leads to 192.0.2.7"),
                outcome.out());
    }
}
