package io.meshcapture.connections;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.Change;
import io.meshcapture.backend.LiveState;
import io.meshcapture.backend.Owned;
import io.meshcapture.plan.Port;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Step;
import io.meshcapture.system.SocketTable;
import io.meshcapture.system.SocketTable.Open;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Connections that are open while capture begins or ends. */
public final class OpenConnections {
    private OpenConnections() {}

    /**
     * Commits a capture and leaves alone what is open and not captured. The connections are listed when everything is built
     * and nothing is captured yet: conntrack knows by then whatever is opened from now on. Captured ones are told by their
     * other end, a socket on one of Envoy's listeners.
     *
     * @param live what stands before the commit
     * @param wanted what is to stand after it
     * @return whose captured connections are of which what stands after it would not tell
     */
    public static Map<Long, Owned> commitBesideThem(Backend backend, Change change, LiveState live, Decision wanted) {
        List<Port> inbound = new ArrayList<>(live.inboundListeners());
        if (live.isForwarding()) {
            inbound.addAll(live.listeners());
        }
        List<Port> listeners = new ArrayList<>(live.listeners());
        listeners.addAll(wanted.listeners());
        listeners.addAll(inbound);
        backend.prepare(change);
        List<Open> sockets = SocketTable.open();
        Map<Long, Owned> owners = live.isPresent() ? new Ownership(live).lostBy(wanted, sockets) : Map.of();
        backend.commit(change, leavable(sockets, listeners, inbound, wanted.dns() != null), owners);
        return owners;
    }

    private static List<Open> leavable(List<Open> sockets, List<Port> listeners, List<Port> inbound, boolean dns) {
        Set<Open> captured = new HashSet<>();
        for (CapturedConnections.Pair pair : CapturedConnections.pairs(sockets, listeners)) {
            captured.addAll(pair.clients());
        }
        captured.addAll(CapturedConnections.arrived(sockets, inbound));
        return sockets.stream()
                .filter(open -> !open.remote().isLoopback() || (dns && open.remotePort() == Step.Dns.PORT))
                .filter(open -> !captured.contains(open))
                .toList();
    }
}
