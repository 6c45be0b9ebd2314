package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Standin;
import io.meshcapture.system.ArrivalDevice;
import java.io.IOException;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** check --probe tells where connections go that arrive from elsewhere or from guests, whatever this host thinks of them. */
@InNetns
class ProbedArrivalsKernelIT {
    private static final String INBOUND = "version: 1\nenvoy: {user: 1337, inbound: 15006}\nservices: {}\n";

    private static final String GUESTS = ENVOY + "services: {any: {to: [\":80\"]}}\ninterfaces: {outbound: [vnet*]}\n";

    private static void envoy(Lab lab) {
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15001", "[::]:15001");
    }

    private static void assertSaid(String pattern, Outcome outcome) {
        assertTrue(
                outcome.out().lines().anyMatch(line -> line.matches(pattern)), () -> pattern + " in\n" + outcome.out());
    }

    /** Nobody but the kernel hears of them, and no interface is left. */
    @ParameterizedTest
    @CsvSource({
        "nftables, redirect",
        "nftables, tproxy",
        "iptables-nft, redirect",
        "iptables-legacy, redirect",
    })
    void what_arrives_and_what_guests_open_is_probed(String backend, String mode, Lab lab) {
        Standin in = mode.equals("tproxy")
                ? lab.transparentProxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006")
                : lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15001", "[::]:15001");
        String plan = """
                version: 1
                envoy: {user: 1337, inbound: 15006}
                backend: BACKEND
                services: {any: {to: [":80"]}}
                inbound: {mode: MODE, except: [15020]}
                interfaces: {outbound: [vnet*, virbr0]}
                """.replace("BACKEND", backend).replace("MODE", mode);
        Program.apply(plan);
        Outcome outcome = Program.must(0, Program.check(plan, "--probe"));
        String reaches = mode.equals("tproxy")
                ? " arrived +ok: is taken by the transparent listener 15006"
                : " conntrack +ok: reaches .*:15006";
        for (String said : List.of(
                "- +arrives +tcp 10.99.0.2:80 from 192.0.2.\\d+ +" + reaches,
                "- +arrives +tcp \\[fd99::2\\]:80 from 2001:db8:\\S+ +" + reaches,
                "- +arrives, excepted +tcp 10.99.0.2:15020 .* arrived +ok: arrives as it is",
                "- +arrives for Envoy +tcp 10.99.0.2:15001 .* arrived +ok: arrives as it is",
                "any +of guests +tcp 192.0.2.1:80 from 192.0.2.\\d+ +conntrack +ok: reaches 192.0.2.\\d+:15001",
                "any +of guests +tcp \\[2001:db8::1\\]:80 .*ok: reaches .*:15001")) {
            assertTrue(
                    outcome.out().lines().anyMatch(line -> line.matches(said)), () -> said + " in\n" + outcome.out());
        }
        assertTrue(outcome.err().contains("connections of guests on virbr0 were not probed"), outcome.err());
        assertEquals(List.of(), in.arrivals());
        assertFalse(Run.command("ip", "link").orFail().contains("meshin"));
        lab.nft().apply("table ip t { chain c { type filter hook prerouting priority -300; tcp dport 80 notrack; }; }");
        Outcome untracked = Program.check(plan, "--probe");
        lab.nft().apply("delete table ip t");
        assertEquals(3, untracked.exit(), untracked.out());
    }

    /** A firewall knows the machine's interfaces and not the probe's, so it proves nothing about what really arrives. */
    @Test
    void what_arrives_and_is_rejected_or_meets_a_firewall_is_told_apart(Lab lab) {
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        String plan = "version: 1\nenvoy: {user: 1337, inbound: 15006}\nipv6: reject\nservices: {}\n";
        Program.apply(plan);
        lab.nft().apply("table ip fw { chain c { type filter hook input priority 0; iifname \"meshin*\" drop; }; }");
        Outcome outcome = Program.must(0, Program.check(plan, "--probe"));
        for (String said : List.of(
                "- +arrives +tcp 10.99.0.2:80 .* entering +not told: it is sent to 192.0.2.\\d+:15006, and a filter .*",
                "- +arrives +tcp \\[fd99::2\\]:80 .* answer +ok: is rejected")) {
            assertTrue(
                    outcome.out().lines().anyMatch(line -> line.matches(said)), () -> said + " in\n" + outcome.out());
        }
    }

    @Test
    void what_guests_open_past_capture_is_told_and_does_not_leave(Lab lab) {
        envoy(lab);
        lab.sysctl("net.ipv4.ip_forward", "1");
        lab.sysctl("net.ipv6.conf.all.forwarding", "1");
        Program.apply(GUESTS);
        lab.nft().apply("delete table inet meshcapture");
        Outcome outcome = Program.must(3, Program.check(GUESTS, "--probe"));
        assertSaid("any +of guests +tcp 192.0.2.1:80 .* leaving +WRONG: leaves as it is", outcome);
        assertSaid("any +of guests +tcp \\[2001:db8::1]:80 .* leaving +WRONG: leaves as it is", outcome);
        assertEquals("", lab.conntrack().list(), "what leaves is known to conntrack");
        lab.nft().apply("table inet fw { chain c { type filter hook forward priority 0; policy drop; }; }");
        Outcome behindFirewall = Program.must(3, Program.check(GUESTS, "--probe"));
        assertSaid("any +of guests .* entering +WRONG: arrives as it is, until a filter drops it", behindFirewall);
    }

    /** Nobody sends from the addresses of the probe, or on its interface, but the probe. */
    @Test
    void what_this_host_drops_since_it_is_a_probe_is_no_fault(Lab lab) {
        envoy(lab);
        Program.apply(INBOUND);
        lab.sysctl("net.ipv6.conf.default.disable_ipv6", "1");
        lab.nft()
                .apply(
                        "table ip bogons { chain c { type filter hook prerouting priority -300; ip saddr 192.0.2.0/24 drop; }; }");
        Outcome outcome = Program.must(0, Program.check(INBOUND, "--probe"));
        assertSaid("- +arrives +tcp 10.99.0.2:80 .* silence +not told: a rule of somebody or .*", outcome);
        assertFalse(outcome.out().contains("from 2001:db8:"), outcome.out());
        assertTrue(
                outcome.err()
                        .contains("inbound connections over IPv6 were not probed, since new interfaces have no IPv6"),
                outcome.err());
    }

    @Test
    void two_at_the_same_time_do_not_hear_each_other(Lab lab) throws IOException {
        envoy(lab);
        lab.sysctl("net.ipv4.conf.all.rp_filter", "1");
        Program.apply(INBOUND);
        ArrivalDevice other = ArrivalDevice.open(ArrivalDevice.NAME);
        try {
            Outcome outcome = Program.must(0, Program.check(INBOUND, "--probe"));
            assertSaid("- +arrives +tcp 10.99.0.2:80 .* ok: reaches .*", outcome);
            assertSaid("- +arrives +tcp \\[fd99::2]:80 .* ok: reaches .*", outcome);
            assertTrue(outcome.out().matches("(?s).*\\d+ probes: \\d+ as planned\n.*"), outcome.out());
        } finally {
            other.close();
        }
    }

    @Test
    void envoy_that_listens_on_addresses_of_interfaces_alone_takes_what_arrives(Lab lab) {
        lab.proxyAt(Identity.ENVOY, "10.99.0.2:15006", "[fd99::2]:15006");
        Program.apply(INBOUND, "--probe");
        Outcome outcome = Program.must(0, Program.check(INBOUND, "--probe"));
        assertSaid("- +arrives +tcp 10.99.0.2:80 .* ok: reaches .*:15006", outcome);
    }

    @Test
    void many_services_are_probed_in_bounded_number(Lab lab) {
        envoy(lab);
        String plan = GUESTS.replace(
                "any: {to: [\":80\"]}",
                IntStream.range(0, 300)
                        .mapToObj(i -> "s" + i + ": {to: [\"10." + i / 250 + "." + i % 250 + ".0/24:80\"]}")
                        .collect(Collectors.joining(", ")));
        Program.apply(plan);
        Outcome outcome = Program.must(0, Program.check(plan, "--probe"));
        assertTrue(outcome.out().contains("\n256 probes: 256 as planned\n"), outcome.out());
        assertSaid("s0 +of guests +.*", outcome);
    }
}
