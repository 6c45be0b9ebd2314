package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Connection;
import io.meshcapture.lab.Conversation;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.system.ConntrackTable;
import io.meshcapture.system.ConntrackTable.Entry;
import io.meshcapture.system.ConntrackTable.Tuple;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What conntrack knows, and that exactly the flow that is meant is forgotten. */
@InNetns
class ConntrackTableKernelIT {
    static final String STATEFUL = """
            table inet firewall {
              chain out { type filter hook output priority 0
                ct state established,related accept
              }
            }
            """;

    @Test
    void where_conntrack_is_off_nothing_is_known(Lab lab) {
        lab.udpServerAt("10.99.0.1:5353");
        lab.caller().udp("10.99.0.1:5353");
        assertEquals(List.of(), ConntrackTable.udp());
    }

    @Test
    void udp_flows_of_both_families_are_listed_and_no_others(Lab lab) {
        lab.nft().apply(STATEFUL);
        lab.server(8080);
        lab.udpServerAt("10.99.0.1:5353", "[fd99::1]:5353");
        lab.caller().open("10.99.0.1:8080");
        for (String server : List.of("10.99.0.1:5353", "[fd99::1]:5353")) {
            Conversation conversation = lab.caller().openUdp(server);
            conversation.ask();
            Entry entry = from(conversation);
            assertEquals(server, text(entry.original().destination(), 5353));
            assertEquals(17, entry.protocol());
            assertEquals(0, entry.zone());
            assertEquals(entry.original().destination(), entry.reply().source());
            assertEquals(5353, entry.reply().sourcePort());
        }
        assertEquals(2, ConntrackTable.udp().size());
    }

    @Test
    void one_flow_is_forgotten_and_its_neighbour_is_not(Lab lab) {
        lab.nft().apply(STATEFUL);
        lab.udpServerAt("10.99.0.1:5353", "[fd99::1]:5353");
        for (String server : List.of("10.99.0.1:5353", "[fd99::1]:5353")) {
            Conversation meant = lab.caller().openUdp(server);
            Conversation other = lab.caller().openUdp(server);
            meant.ask();
            other.ask();
            Entry entry = from(meant);
            int before = from(other).id();
            assertFalse(
                    ConntrackTable.delete(new Entry(17, entry.original(), entry.reply(), 0, ~entry.id())),
                    "another flow with its tuple is not meant");
            assertEquals(entry.id(), from(meant).id());
            assertTrue(ConntrackTable.delete(entry));
            assertFalse(ConntrackTable.delete(entry), "it is gone");
            assertEquals(before, from(other).id());
            assertEquals(new Direct(server), meant.ask());
            from(meant);
        }
    }

    @Test
    void flow_in_a_zone_is_forgotten_there(Lab lab) {
        lab.nft().apply("""
                table inet zones {
                  chain out { type filter hook output priority raw; udp dport 5353 ct zone set 7; udp dport 5354 ct original zone set 8; }
                  chain in { type filter hook prerouting priority raw; udp sport 5353 ct zone set 7; }
                }
                """ + STATEFUL);
        lab.udpServerAt("10.99.0.1:5353", "10.99.0.1:5354");
        for (int port : List.of(5353, 5354)) {
            Conversation conversation = lab.caller().openUdp("10.99.0.1:" + port);
            conversation.ask();
            Entry entry = from(conversation);
            assertEquals(port - 5346, entry.zone());
            assertFalse(
                    ConntrackTable.delete(new Entry(entry.protocol(), entry.original(), entry.reply(), 9, entry.id())));
            assertTrue(ConntrackTable.delete(entry));
        }
    }

    @Test
    void redirected_connection_is_found_by_its_answers(Lab lab) throws BadValue {
        lab.proxy(15001);
        lab.server(8080);
        Program.apply(ANY);
        for (String server : List.of("10.99.0.1:8080", "[fd99::1]:8080")) {
            Connection captured = lab.caller().open(server);
            boolean four = server.startsWith("1");
            Address loopback = Address.parse(four ? "127.0.0.1" : "::1");
            Address own = Address.parse(four ? "10.99.0.2" : "fd99::2");
            int port = SocketEnds.port(captured.local());
            Entry entry = ConntrackTable.tcpWithReply(new Tuple(loopback, 15001, own, port));
            assertNotNull(entry);
            assertEquals(
                    server,
                    text(entry.original().destination(), entry.original().destinationPort()));
            assertEquals(port, entry.original().sourcePort());
            assertNull(ConntrackTable.tcpWithReply(new Tuple(loopback, 15002, own, port)));
        }
    }

    private static Entry from(Conversation conversation) {
        int port = SocketEnds.port(conversation.local());
        List<Entry> found = ConntrackTable.udp().stream()
                .filter(entry -> entry.original().sourcePort() == port)
                .toList();
        assertEquals(1, found.size(), found.toString());
        return found.getFirst();
    }

    private static String text(Address address, int port) {
        String text = address.toString();
        return (text.contains(":") ? "[" + text + "]" : text) + ":" + port;
    }
}
