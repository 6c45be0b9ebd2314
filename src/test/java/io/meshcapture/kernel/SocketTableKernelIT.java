package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static io.meshcapture.kernel.SocketEnds.port;
import static io.meshcapture.kernel.SocketEnds.withLocalPort;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Caller;
import io.meshcapture.lab.Cgroup;
import io.meshcapture.lab.Connection;
import io.meshcapture.lab.Conversation;
import io.meshcapture.lab.Echo;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Verdict.Proxied;
import io.meshcapture.system.ControlGroups;
import io.meshcapture.system.SocketTable;
import io.meshcapture.system.SocketTable.Abortion;
import io.meshcapture.system.SocketTable.Open;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What is told of sockets, and that exactly the one that is meant is ended. */
@InNetns
class SocketTableKernelIT {
    private static final List<String> BOTH = List.of("10.99.0.1:8080", "[fd99::1]:8080");
    private static final Duration AT_ONCE = Duration.ofMillis(500);

    @Test
    void socket_tells_its_user_its_inode_and_its_control_group(Lab lab) {
        lab.server(8080);
        Cgroup cgroup = lab.cgroup("meshcapture-test-s.slice/orders.service");
        for (String server : BOTH) {
            Connection connection = lab.caller().uid(1001).in(cgroup).open(server);
            Open socket = withLocalPort(SocketTable.open(), port(connection.local()));
            assertEquals(1001, socket.uid());
            assertNotEquals(0, socket.inode());
            assertNotEquals(0, socket.cookie());
            assertEquals(8080, socket.remotePort());
            assertEquals(
                    Map.of(socket.cgroup(), cgroup.name()),
                    ControlGroups.paths(List.of("meshcapture-test-s.slice"), Set.of(socket.cgroup())));
            assertEquals(
                    Map.of(),
                    ControlGroups.paths(
                            List.of("meshcapture-test-s.slice/orders.service/x", "no.slice"), Set.of(socket.cgroup())));
        }
    }

    @Test
    void udp_sockets_are_told_too(Lab lab) {
        lab.udpServerAt("10.99.0.1:5353");
        lab.udpProxy(5300);
        Conversation conversation = lab.caller().uid(1001).openUdp("10.99.0.1:5353");
        Open connected = withLocalPort(SocketTable.openUdp(), port(conversation.local()));
        assertEquals(List.of(1001L, 5353), List.of(connected.uid(), connected.remotePort()));
        assertEquals("10.99.0.1", connected.remote().toString());
        Open waiting = SocketTable.openUdp().stream()
                .filter(socket ->
                        socket.localPort() == 5300 && socket.local().toString().equals("127.0.0.1"))
                .findFirst()
                .orElseThrow();
        assertEquals(List.of(1337L, 0), List.of(waiting.uid(), waiting.remotePort()));
        assertEquals("0.0.0.0", waiting.remote().toString());
    }

    @Test
    void client_of_a_captured_connection_that_is_aborted_hears_it_at_once_though_idle(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
        Program.apply(ANY);
        for (String server : BOTH) {
            assertAbortedAlone(lab.caller(), server);
        }
        assertAbortedAlone(lab.caller().v4Mapped(), BOTH.getFirst());
    }

    private static void assertAbortedAlone(Caller caller, String server) {
        Connection meant = caller.open(server);
        Connection other = caller.open(server);
        assertEquals(new Proxied(15001, server), meant.verdict());
        Open envoysEnd = SocketTable.open().stream()
                .filter(socket -> socket.localPort() == 15001 && socket.remotePort() == port(meant.peerSeen()))
                .findFirst()
                .orElseThrow();
        assertEquals(Abortion.ABORTED, SocketTable.abort(envoysEnd));
        assertEquals(Echo.RESET, meant.listen(AT_ONCE));
        assertEquals(Echo.ANSWERED, other.echo("unharmed"));
        assertEquals(Abortion.GONE, SocketTable.abort(envoysEnd));
    }

    @Test
    void own_end_is_found_in_a_socket_of_either_family(Lab lab) {
        lab.server(8080);
        for (Connection meant : List.of(
                lab.caller().open("10.99.0.1:8080"),
                lab.caller().v4Mapped().open("10.99.0.1:8080"),
                lab.caller().open("[fd99::1]:8080"),
                lab.caller().boundToDevice("eth0").open("10.99.0.1:8080"),
                lab.caller().boundToDevice("eth0").open("[fd99::1]:8080"))) {
            Open socket = withLocalPort(SocketTable.open(), port(meant.local()));
            assertEquals(Abortion.ABORTED, SocketTable.abort(socket), socket.toString());
        }
    }

    @Test
    void connection_that_has_the_same_addresses_and_ports_later_is_not_meant(Lab lab) {
        lab.server(8080);
        Caller caller = lab.caller().resettingOnClose();
        for (Caller both :
                List.of(caller.from("10.99.0.2:40404"), caller.v4Mapped().from("10.99.0.2:40405"))) {
            Connection first = both.open("10.99.0.1:8080");
            Open before = withLocalPort(SocketTable.open(), port(first.local()));
            first.close();
            Connection second = both.open("10.99.0.1:8080");
            Open after = withLocalPort(SocketTable.open(), port(second.local()));
            assertEquals(before, after);
            assertNotEquals(before.cookie(), after.cookie());
            assertEquals(Abortion.GONE, SocketTable.abort(before));
            assertEquals(Echo.ANSWERED, second.echo("unharmed"));
        }
    }

    @Test
    void socket_of_which_only_the_ends_are_known_is_not_aborted(Lab lab) {
        lab.server(8080);
        Connection connection = lab.caller().open("10.99.0.1:8080");
        Open known = withLocalPort(SocketTable.open(), port(connection.local()));
        Open guessed = new Open(known.local(), known.localPort(), known.remote(), known.remotePort());
        assertTrue(known.equals(guessed));
        assertEquals(Abortion.UNSUPPORTED, SocketTable.abort(guessed));
        assertEquals(Echo.ANSWERED, connection.echo("unharmed"));
    }
}
