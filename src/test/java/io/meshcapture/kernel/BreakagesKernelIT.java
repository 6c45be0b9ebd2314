package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Cgroup;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Each line breaks capture that works in one way, and says which command finds it and what a line of its answer says. All of a
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

    /** A breakage: shell commands that make it and that take it back, who finds it, and what a line of the answer has. */
    private record Breakage(String name, String how, String undo, String command, String said) {}

    private static final String CHECK = "check";
    private static final String PROBE = "probe";
    private static final String DOCTOR = "doctor";
    private static final String ORDERS_V4 = "orders +captured +tcp 192\\.0\\.2\\.1:80 .*WRONG: ";
    private static final String ORDERS_V6 = "orders +captured +tcp \\[2001:db8::1\\]:80 .*WRONG: ";
    private static final String DIRECT = "leaves as it is";

    private static Breakage of(String name, String how, String undo, String command, String said) {
        return new Breakage(name, how, undo, command, said);
    }

    /** A rule of somebody in a table of nftables of its own. */
    private static Breakage foreign(String name, String family, String hook, String rule, String command, String said) {
        return of(
                name,
                "nft 'add table " + family + " t; add chain " + family + " t c { type " + hook + "; }; add rule "
                        + family + " t c " + rule + "'",
                "nft delete table " + family + " t",
                command,
                said);
    }

    private static final String NAT_FIRST = "nat hook output priority -150";

    private static final List<Breakage> OF_ANY_BACKEND = List.of(
            of("loopback down", "ip link set lo down", "ip link set lo up", DOCTOR, "addresses.loopback-down"),
            of(
                    "no route to Envoy's address",
                    "ip rule del pref 0; ip rule add pref 1 to 127.0.0.1 blackhole; ip rule add pref 2 lookup local",
                    "ip rule add pref 0 lookup local; ip rule del pref 1; ip rule del pref 2",
                    PROBE,
                    "WRONG: is lost"),
            of(
                    "a captured destination in a blackhole",
                    "ip route add blackhole 192.0.2.0/24",
                    "ip route del blackhole 192.0.2.0/24",
                    PROBE,
                    ORDERS_V4 + "the kernel refuses it"),
            of(
                    "a firewall of iptables-nft before Envoy",
                    "iptables-nft -A OUTPUT -p tcp --dport 15001 -j DROP",
                    "iptables-nft -F OUTPUT",
                    PROBE,
                    ORDERS_V4 + "is lost"),
            of(
                    "a firewall of iptables-legacy on loopback",
                    "iptables-legacy -A INPUT -i lo -p tcp --dport 15002 -j DROP",
                    "iptables-legacy -F INPUT",
                    PROBE,
                    "ledger +captured +tcp 10\\.0\\.0\\.1:80 .*WRONG: is lost"),
            foreign(
                    "a firewall for IPv6 alone",
                    "ip6",
                    "filter hook input priority 0",
                    "iif lo drop",
                    PROBE,
                    ORDERS_V6 + "is lost"),
            foreign(
                    "connections that nobody tracks",
                    "ip",
                    "filter hook output priority -300",
                    "tcp dport 80 notrack",
                    PROBE,
                    ORDERS_V4 + DIRECT),
            foreign(
                    "a nat chain that is asked first",
                    "ip",
                    NAT_FIRST,
                    "tcp dport 80 redirect to :9",
                    CHECK,
                    "in place but ineffective: table ip t chain c"),
            foreign(
                    "an accept in a nat chain that is asked first, IPv6",
                    "ip6",
                    NAT_FIRST,
                    "tcp dport 80 redirect to :9",
                    PROBE,
                    ORDERS_V6 + "is sent to \\[::1\\]:9"),
            foreign(
                    "a destination that is written over before nat",
                    "ip",
                    "route hook output priority -250",
                    "ip daddr 192.0.2.1 tcp dport 80 tcp dport set 5432",
                    PROBE,
                    ORDERS_V4),
            foreign(
                    "Envoy's own traffic sent back to it",
                    "ip",
                    NAT_FIRST,
                    "meta skuid 1337 tcp dport 80 redirect to :15001",
                    PROBE,
                    "Envoy's own +.*WRONG: is sent to 127.0.0.1:15001"),
            of(
                    "Istio on top",
                    "iptables-nft -t nat -N ISTIO_OUTPUT",
                    "iptables-nft -t nat -X ISTIO_OUTPUT",
                    DOCTOR,
                    "rules.istio"),
            of(
                    "Linkerd on top in the other flavour",
                    "ip6tables-legacy -t nat -N PROXY_INIT_OUTPUT",
                    "ip6tables-legacy -t nat -X PROXY_INIT_OUTPUT",
                    DOCTOR,
                    "rules.linkerd"),
            of(
                    "clients with other ports than at apply",
                    "echo 20000 30000 > /proc/sys/net/ipv4/ip_local_port_range",
                    "echo 32768 60999 > /proc/sys/net/ipv4/ip_local_port_range",
                    CHECK,
                    "20000"));

    private static final List<Breakage> OF_NFTABLES = List.of(
            nft("a chain emptied", "flush chain inet meshcapture outbound", CHECK, "chain outbound rule 1"),
            nft("the table removed", "delete table inet meshcapture", PROBE, ORDERS_V4 + DIRECT),
            nft("the ruleset flushed", "flush ruleset", CHECK, "table inet meshcapture"),
            nft("the table dormant", "add table inet meshcapture { flags dormant; }", PROBE, ORDERS_V4 + DIRECT),
            nft("the IPv6 half gone", "flush map inet meshcapture user_2_ip6", PROBE, ORDERS_V6 + DIRECT),
            nft("Envoy unknown", "delete element inet meshcapture envoy_users { 1337 }", CHECK, "set envoy_users"),
            nft("a client as Envoy", "add element inet meshcapture envoy_users { 1001 }", PROBE, ORDERS_V4 + DIRECT),
            nft(
                    "a listener exchanged for another",
                    "flush chain inet meshcapture to_15001;"
                            + " add rule inet meshcapture to_15001 meta l4proto tcp redirect to :15002",
                    PROBE,
                    ORDERS_V4 + "is sent to 127.0.0.1:15002"),
            nft("a base chain emptied", "flush chain inet meshcapture output", CHECK, "chain output rule 1"));

    private static Breakage nft(String name, String batch, String command, String said) {
        return of(name, "nft '" + batch + "'", "true", command, said);
    }

    private static List<Breakage> ofIptables(String flavour) {
        String four = "iptables-" + flavour + " -t nat ";
        String six = "ip6tables-" + flavour + " -t nat ";
        return List.of(
                of("the jump removed", four + "-D OUTPUT 1", "true", CHECK, "IPv4 table nat chain OUTPUT"),
                of("the jump of IPv6 removed", six + "-F OUTPUT", "true", PROBE, ORDERS_V6 + DIRECT),
                of(
                        "a rule of somebody before the jump",
                        four + "-I OUTPUT -p tcp --dport 80 -j ACCEPT",
                        four + "-D OUTPUT -p tcp --dport 80 -j ACCEPT",
                        PROBE,
                        ORDERS_V4 + DIRECT),
                of("a chain emptied", four + "-F MESHCAPTURE_OUTPUT", "true", CHECK, "chain MESHCAPTURE_OUTPUT"),
                of("IPv6's chain emptied", six + "-F MESHCAPTURE_OUTPUT", "true", PROBE, ORDERS_V6 + DIRECT),
                of(
                        "a rule of somebody in our chain",
                        four + "-I MESHCAPTURE_OUTPUT -p tcp --dport 80 -j ACCEPT",
                        "true",
                        CHECK,
                        "dport 80 -j ACCEPT"),
                of("a rule deleted", four + "-D MESHCAPTURE_OUTPUT 3", "true", CHECK, "chain MESHCAPTURE_OUTPUT"),
                of(
                        "a listener exchanged for another",
                        four + "-I MESHCAPTURE_TO_15001 -p tcp -j REDIRECT --to-ports 15002",
                        "true",
                        PROBE,
                        ORDERS_V4 + "is sent to 127.0.0.1:15002"));
    }

    @TestFactory
    Stream<DynamicTest> breakages_with_nftables(Lab lab) {
        return tests("nftables", Stream.concat(OF_ANY_BACKEND.stream(), OF_NFTABLES.stream()), lab);
    }

    @TestFactory
    Stream<DynamicTest> breakages_with_iptables_nft(Lab lab) {
        return tests("iptables-nft", ofIptables("nft").stream(), lab);
    }

    @TestFactory
    Stream<DynamicTest> breakages_with_iptables_legacy(Lab lab) {
        return tests("iptables-legacy", ofIptables("legacy").stream(), lab);
    }

    private static Stream<DynamicTest> tests(String backend, Stream<Breakage> breakages, Lab lab) {
        String plan = PLAN.replace("BACKEND", backend);
        lab.file("/etc/resolv.conf", "nameserver 10.99.0.1\n");
        lab.file("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n");
        lab.file("/etc/nsswitch.conf", "hosts: files dns\n");
        lab.proxy(15001);
        lab.proxy(15002);
        Program.apply(plan);
        return breakages.map(one -> DynamicTest.dynamicTest(one.name, () -> {
            Program.must(0, Program.check(plan, "--probe"));
            sh(one.how);
            Outcome found = one.command.equals(DOCTOR)
                    ? Program.run("doctor", "-o", "json")
                    : Program.check(plan, one.command.equals(PROBE) ? "--probe" : "-v");
            sh(one.undo);
            Program.apply(plan);
            assertNotEquals(0, found.exit(), found.out());
            Pattern said = Pattern.compile(one.said);
            assertTrue(said.matcher(found.out()).find(), () -> one.said + " in\n" + found.out() + found.err());
        }));
    }

    private static void sh(String command) {
        Run.command("sh", "-ec", command).orFail();
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
