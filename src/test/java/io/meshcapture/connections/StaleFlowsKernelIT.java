package io.meshcapture.connections;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Caller;
import io.meshcapture.lab.Conversation;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.NotPermitted;
import io.meshcapture.lab.Verdict.Refused;
import io.meshcapture.rules.Decision;
import io.meshcapture.system.ConntrackTable;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** UDP flows older than the decision that they contradict. */
@InNetns
class StaleFlowsKernelIT {
    private static final List<String> QUIC = List.of("10.99.0.1:443", "[fd99::1]:443");
    private static final String ANY = "udp443: reject\nservices: {any: {}}\n";

    @BeforeEach
    void world(Lab lab) {
        lab.nft().apply("""
                table inet firewall {
                  chain out { type filter hook output priority 0; ct state established,related accept; }
                  chain through { type filter hook forward priority 0; ct state established,related accept; }
                }
                """);
        lab.udpServerAt("10.99.0.1:443", "[fd99::1]:443", "10.99.0.1:5353");
        lab.server(443);
    }

    @Test
    void long_lived_flow_is_decided_anew_at_its_next_packet(Lab lab) {
        for (String server : QUIC) {
            Conversation conversation = lab.caller().openUdp(server);
            assertEquals(new Direct(server), conversation.ask());
            Decision standing = Standing.after(ANY);
            assertRejected(conversation);
            assertEquals(0, StaleFlows.forgetContradicting(standing));
            rollback(lab);
            conversation.ask(); // hears of the ICMP error that came last
            assertEquals(new Direct(server), conversation.ask());
        }
    }

    @Test
    void flow_that_a_killed_run_left_is_forgotten_by_the_next_one_though_all_is_in_sync(Lab lab) {
        Decision standing = Standing.after(ANY);
        String table = lab.nft().ours();
        rollback(lab);
        Conversation conversation = lab.caller().openUdp(QUIC.getFirst());
        assertEquals(new Direct(QUIC.getFirst()), conversation.ask());
        lab.nft().apply(table);
        assertEquals(new Direct(QUIC.getFirst()), conversation.ask(), "conntrack knows it");
        assertEquals(standing, Standing.after(ANY));
        assertRejected(conversation);
    }

    @Test
    void sockets_that_are_bound_to_any_address_are_found_by_their_port(Lab lab) {
        Caller caller = lab.caller();
        for (Caller any :
                List.of(caller.from("0.0.0.0:40404"), caller.v4Mapped().from("0.0.0.0:40405"))) {
            any.openUdp(QUIC.getFirst()).ask();
        }
        lab.caller().v4Mapped().openUdp(QUIC.getFirst()).ask();
        lab.caller().from("[::]:40406").openUdp(QUIC.getLast()).ask();
        assertEquals(4, ids().size());
        Standing.after(ANY);
        assertEquals(Map.of(), ids());
    }

    @Test
    void what_the_decision_does_not_contradict_stays(Lab lab) {
        lab.addGuest();
        Conversation meant = lab.caller().uid(1001).openUdp(QUIC.getFirst());
        Conversation otherUser = lab.caller().uid(1002).openUdp(QUIC.getFirst());
        Conversation otherPort = lab.caller().uid(1001).openUdp("10.99.0.1:5353");
        Conversation envoys = lab.caller().as(Identity.ENVOY).openUdp(QUIC.getFirst());
        Conversation own = lab.caller().uid(1001).from("0.0.0.0:40404").openUdp("10.99.0.1:5353");
        Conversation forwarded =
                lab.inGuest(() -> lab.caller().uid(1001).from("10.98.0.2:40404").openUdp(QUIC.getFirst()));
        for (Conversation each : List.of(meant, otherUser, otherPort, envoys, own)) {
            each.ask();
        }
        assertEquals(new Direct(QUIC.getFirst()), forwarded.ask());
        lab.caller().uid(1001).open(QUIC.getFirst()); // TCP
        Conversation gone = lab.caller().uid(1001).openUdp(QUIC.getFirst());
        gone.ask();
        gone.close();

        Map<String, Integer> before = ids();
        String tcp = tcp(lab);
        assertFalse(tcp.isEmpty());
        Standing.after("udp443: reject\nservices: {orders: {from: {user: 1001}}}\n");
        String source = "10.99.0.2:" + port(meant.local());
        assertEquals(7, before.size(), before.toString());
        Map<String, Integer> expected = new HashMap<>(before);
        expected.keySet().removeIf(flow -> flow.startsWith(source + " "));
        assertEquals(6, expected.size());
        assertEquals(expected, ids());
        assertEquals(tcp, tcp(lab));
        assertRejected(meant);
        for (Conversation each : List.of(otherUser, envoys)) {
            assertEquals(new Direct(QUIC.getFirst()), each.ask());
        }
        assertEquals(new Direct(QUIC.getFirst()), forwarded.ask());
    }

    @Test
    void decision_that_does_not_look_at_udp_forgets_nothing(Lab lab) {
        Conversation conversation = lab.caller().openUdp(QUIC.getFirst());
        conversation.ask();
        Map<String, Integer> before = ids();
        assertEquals(1, before.size());
        Standing.after("services: {any: {}}\n");
        assertEquals(before, ids());
    }

    @Test
    void broadcast_and_the_hosts_own_stay(Lab lab) {
        lab.udpProxyAt(Identity.APPLICATION, "10.99.0.2:443");
        lab.caller()
                .broadcasting()
                .within(Duration.ofMillis(50))
                .openUdp("10.99.0.255:443")
                .ask();
        lab.caller().openUdp("10.99.0.2:443").ask();
        Map<String, Integer> before = ids();
        assertEquals(2, before.size());
        Standing.after(ANY);
        assertEquals(before, ids());
    }

    @Test
    void what_others_have_translated_stays_where_the_decision_says_direct(Lab lab) {
        lab.nft().apply("""
                table ip theirs {
                  chain out { type nat hook output priority -100; ip daddr 192.0.2.9 udp dport 443 dnat to 10.99.0.1:5353; }
                }
                """);
        lab.caller().uid(1002).openUdp("192.0.2.9:443").ask();
        Conversation meant = lab.caller().uid(1001).openUdp("192.0.2.9:443");
        meant.ask();
        assertEquals(2, ids().size());
        Standing.after("udp443: reject\nservices: {orders: {from: {user: 1001}}}\n");
        assertEquals(1, ids().size());
        assertRejected(meant);
    }

    /** The first send after the rejection fails at once, or with what the ICMP error left behind. */
    private static void assertRejected(Conversation conversation) {
        Verdict verdict = conversation.ask();
        assertTrue(Set.of(new NotPermitted(), new Refused()).contains(verdict), verdict::toString);
    }

    private static void rollback(Lab lab) {
        lab.nft().apply("delete table inet meshcapture");
    }

    private static Map<String, Integer> ids() {
        Map<String, Integer> ids = new HashMap<>();
        for (ConntrackTable.Entry flow : ConntrackTable.udp()) {
            ids.put(
                    flow.original().source() + ":" + flow.original().sourcePort() + " "
                            + flow.original().destination() + ":"
                            + flow.original().destinationPort(),
                    flow.id());
        }
        return ids;
    }

    /** What conntrack(8) lists of TCP, without what passes by itself. */
    private static String tcp(Lab lab) {
        return lab.conntrack()
                .list()
                .lines()
                .filter(line -> line.startsWith("tcp"))
                .map(line -> line.substring(line.indexOf("src=")))
                .reduce("", (all, line) -> all + line + "\n");
    }

    private static int port(String endpoint) {
        return Integer.parseInt(endpoint.substring(endpoint.lastIndexOf(':') + 1));
    }
}
