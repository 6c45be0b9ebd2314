package io.meshcapture.connections;

import io.meshcapture.backend.LiveState;
import io.meshcapture.backend.Owned;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Port;
import io.meshcapture.system.SocketTable;
import io.meshcapture.system.SocketTable.Open;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Captured connections that are open, and the packets on them. No rule counts these: it would be asked for every packet. The
 * kernel keeps them for each TCP socket anyway.
 *
 * @param connections how many are open
 * @param packets both ways, on Envoy's ends of them
 */
public record OpenTraffic(int connections, long packets) {

    /** Of none. */
    public static final OpenTraffic NONE = new OpenTraffic(0, 0);

    /** Whose a connection is takes some 50 us to find out, and nobody waits a second for that. */
    private static final int MOST = 5000;

    /** By the names of services; null where there are too many, or somebody has changed the rules that would tell. */
    public static @Nullable Map<String, OpenTraffic> byService(LiveState live) {
        Set<Integer> ports = new HashSet<>();
        for (Port listener : live.listeners()) {
            ports.add(listener.number());
        }
        List<Open> sockets = SocketTable.open();
        long ends = sockets.stream()
                .filter(socket -> ports.contains(socket.localPort()))
                .count();
        if (ends == 0) {
            return Map.of();
        }
        if (ends > MOST) {
            return null;
        }
        try {
            Map<Long, Long> packets = SocketTable.packets();
            Map<String, OpenTraffic> found = new HashMap<>();
            for (Map.Entry<Long, Owned> one : new Ownership(live).among(sockets).entrySet()) {
                OpenTraffic traffic = new OpenTraffic(1, packets.getOrDefault(one.getKey(), 0L));
                found.merge(one.getValue().service(), traffic, OpenTraffic::and);
            }
            return found;
        } catch (Failure changedByHand) {
            return null;
        }
    }

    private OpenTraffic and(OpenTraffic other) {
        return new OpenTraffic(connections + other.connections, packets + other.packets);
    }
}
