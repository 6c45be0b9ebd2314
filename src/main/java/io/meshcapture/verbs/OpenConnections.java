package io.meshcapture.verbs;

import io.meshcapture.backend.nftables.Change;
import io.meshcapture.backend.nftables.LiveState;
import io.meshcapture.backend.nftables.NftablesBackend;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Port;
import io.meshcapture.rules.AlwaysDirect;
import io.meshcapture.rules.Decision;
import io.meshcapture.system.SocketTable;
import io.meshcapture.system.SocketTable.Open;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** Connections that are open while capture begins or ends. */
final class OpenConnections {
    private OpenConnections() {}

    /**
     * Commits a capture and leaves alone what is open and not captured. The connections are listed when everything is built
     * and nothing is captured yet: conntrack knows by then whatever is opened from now on. Captured ones are told by their
     * other end, a socket on one of Envoy's listeners.
     *
     * @param live what stands before the commit
     * @param wanted what is to stand after it
     */
    static void commitBesideThem(NftablesBackend backend, Change change, LiveState live, Decision wanted) {
        List<Port> inbound = new ArrayList<>(live.inboundListeners());
        if (live.isForwarding()) {
            inbound.addAll(live.listeners());
        }
        List<Port> listeners = new ArrayList<>(live.listeners());
        listeners.addAll(wanted.listeners());
        listeners.addAll(inbound);
        backend.prepare(change);
        backend.commit(change, leavable(SocketTable.open(), listeners, inbound));
    }

    private static List<Open> leavable(List<Open> sockets, List<Port> listeners, List<Port> inbound) {
        Set<Integer> arrivedAt = inbound.stream().map(Port::number).collect(Collectors.toSet());
        Set<End> captured = captured(sockets, listeners).stream()
                .map(open -> new End(open.remote(), open.remotePort()))
                .collect(Collectors.toSet());
        return sockets.stream()
                .filter(open -> !isLoopback(open.remote()))
                .filter(open -> !arrivedAt.contains(open.localPort()))
                .filter(open -> !captured.contains(new End(open.local(), open.localPort())))
                .toList();
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

    /** Envoy's ends of captured connections from elsewhere, whose client's end is not here. */
    static Set<Open> arrived(List<Open> sockets, List<Port> listeners) {
        Set<Integer> ports = listeners.stream().map(Port::number).collect(Collectors.toSet());
        return sockets.stream()
                .filter(open -> ports.contains(open.localPort()) && !isLoopback(open.local()))
                .collect(Collectors.toSet());
    }

    private record End(Address address, int port) {}

    private static boolean isLoopback(Address address) {
        return AlwaysDirect.LOOPBACK.stream().anyMatch(network -> network.contains(address));
    }
}
