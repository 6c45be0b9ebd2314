package io.meshcapture.verbs;

import io.meshcapture.backend.nftables.Change;
import io.meshcapture.backend.nftables.NftablesBackend;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Port;
import io.meshcapture.rules.AlwaysDirect;
import io.meshcapture.system.SocketTable;
import io.meshcapture.system.SocketTable.Open;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** Connections that are open while capture begins or ends. */
final class OpenConnections {
    private OpenConnections() {}

    /**
     * Commits the first capture and leaves alone what is open. The connections are listed before the commit, so that a
     * process killed right after it leaves none unprotected, and once more after it, for those opened in between; of the
     * latter, the ones captured already are told by their other end, a socket on one of Envoy's listeners.
     */
    static void commitBesideThem(NftablesBackend backend, Change change, List<Port> listeners) {
        Set<Open> before = new HashSet<>(leavable(SocketTable.open()));
        backend.commit(change, before);
        List<Open> after = SocketTable.open();
        Set<Peer> atEnvoy = captured(after, listeners).stream()
                .map(open -> new Peer(open.remote(), open.remotePort()))
                .collect(Collectors.toSet());
        List<Open> between = leavable(after).stream()
                .filter(open -> !before.contains(open))
                .filter(open -> !atEnvoy.contains(new Peer(open.local(), open.localPort())))
                .toList();
        backend.leaveAlone(between);
    }

    /** The address and port that a connection comes from. */
    private record Peer(Address address, int port) {}

    private static List<Open> leavable(List<Open> sockets) {
        return sockets.stream().filter(open -> !isLoopback(open.remote())).toList();
    }

    /**
     * Envoy's ends of captured connections: on a listener's port, with a peer that is not loopback, since a redirected
     * client keeps the source address that it would have used on the way out. Where the client's end is gone, Envoy was not
     * told, because the connection had been cut; such an end may stay for hours, and nobody waits for it.
     */
    static Set<Open> captured(List<Open> sockets, List<Port> listeners) {
        Set<Integer> ports = listeners.stream().map(Port::number).collect(Collectors.toSet());
        Set<End> ends = sockets.stream()
                .map(open -> new End(open.local(), open.localPort()))
                .collect(Collectors.toSet());
        return sockets.stream()
                .filter(open -> ends.contains(new End(open.remote(), open.remotePort())))
                .filter(open ->
                        ports.contains(open.localPort()) && isLoopback(open.local()) && !isLoopback(open.remote()))
                .collect(Collectors.toSet());
    }

    private record End(Address address, int port) {}

    private static boolean isLoopback(Address address) {
        return AlwaysDirect.LOOPBACK.stream().anyMatch(network -> network.contains(address));
    }
}
