package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.system.SocketTable.Open;
import java.util.List;

/** Finds sockets of the test in what the kernel lists. */
final class SocketEnds {
    private SocketEnds() {}

    /** The port of {@code 10.99.0.2:40312}. */
    static int port(String endpoint) {
        return Integer.parseInt(endpoint.substring(endpoint.lastIndexOf(':') + 1));
    }

    /** The one socket that has this port. */
    static Open withLocalPort(List<Open> sockets, int port) {
        List<Open> found =
                sockets.stream().filter(socket -> socket.localPort() == port).toList();
        assertEquals(1, found.size(), found.toString());
        return found.getFirst();
    }
}
