package io.meshcapture.system;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.system.SocketTable.Open;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProcSocketsTest {

    @Test
    void line_of_tcp_tells_both_ends_the_state_the_user_and_the_inode() {
        Open open = take(
                "   1: 0200630A:9C41 0100630A:1F90 01 00000000:00000000 02:000006D9 00000000  1001        0"
                        + " 27115 2 0000000000000000 20 4 0 10 -1",
                1);
        assertEquals(
                "10.99.0.2 40001 10.99.0.1 8080",
                open.local() + " " + open.localPort() + " " + open.remote() + " " + open.remotePort());
        assertEquals(List.of(1001L, 27115L, 0L), List.of(open.uid(), open.inode(), open.cookie()));
    }

    @Test
    void ipv4_of_an_ipv6_socket_counts_as_ipv4() {
        Open open = take(
                "  12: 0000000000000000FFFF00000200630A:9C41 0000000000000000FFFF00000100630A:1F90 01"
                        + " 00000000:00000000 00:00000000 00000000     0        0 0 1",
                1);
        assertEquals("10.99.0.2 10.99.0.1", open.local() + " " + open.remote());
    }

    @Test
    void line_of_udp_has_the_same_shape() {
        Open open = take(
                " 2903: 00000000:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000   111        0"
                        + " 3815 2 0000000000000000 0",
                7);
        assertEquals(List.of(5353, 0), List.of(open.localPort(), open.remotePort()));
        assertEquals(List.of(111L, 3815L), List.of(open.uid(), open.inode()));
    }

    private static Open take(String line, int state) {
        List<Open> taken = new ArrayList<>();
        ProcSockets.take(line, (socket, told) -> {
            assertEquals(state, told);
            return taken.add(socket);
        });
        return taken.getFirst();
    }
}
