package io.meshcapture.connections;

import io.meshcapture.backend.LiveState;
import io.meshcapture.backend.Owned;
import io.meshcapture.connections.CapturedConnections.Captured;
import io.meshcapture.connections.CapturedConnections.Pair;
import io.meshcapture.plan.Port;
import io.meshcapture.rules.Decision;
import io.meshcapture.system.SocketTable.Open;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Whose captured connections are. The record in the kernel says it of those that an earlier decision captured; of the others
 * the decision in force tells, as if they were opened now.
 */
public final class Ownership {

    private final LiveState live;
    private final List<Port> listeners;

    /** Those at which connections to this host arrive. */
    private final List<Port> inbound;

    public Ownership(LiveState live) {
        this.live = live;
        this.inbound = live.inboundListeners();
        this.listeners = new ArrayList<>(live.listeners());
        listeners.addAll(inbound); // what Envoy called here
    }

    /**
     * By the cookies of Envoy's ends; the empty text where nobody can tell.
     *
     * @param sockets of this namespace
     */
    public Map<Long, Owned> among(List<Open> sockets) {
        return among(sockets, pairs(sockets));
    }

    /** What has to be recorded when another decision comes into force: whose it is now and what that one would not say. */
    public Map<Long, Owned> lostBy(Decision next, List<Open> sockets) {
        List<Pair> pairs = pairs(sockets);
        Map<Long, Owned> now = among(sockets, pairs);
        now.values().removeIf(owned -> owned.service().isEmpty());
        if (now.isEmpty()) {
            return now;
        }
        for (Captured captured : CapturedConnections.assign(next, pairs)) {
            long cookie = captured.envoysEnd().cookie();
            Owned owned = now.get(cookie);
            if (owned != null
                    && captured.service() != null
                    && owned.service().equals(captured.service().value())) {
                now.remove(cookie);
            }
        }
        return now;
    }

    /** Those that a decision sends to nobody any more, of connections that were opened before it came into force. */
    public Map<Long, Owned> directBy(Decision next, List<Open> sockets) {
        List<Pair> pairs = pairs(sockets);
        Map<Long, Owned> found = among(sockets, pairs);
        for (Captured captured : CapturedConnections.assign(next, pairs)) {
            if (!captured.isNobodys()) {
                found.remove(captured.envoysEnd().cookie());
            }
        }
        return found;
    }

    /** Envoy's listeners whose clients' ends are not here. */
    private List<Port> elsewhere() {
        List<Port> ports = new ArrayList<>(inbound);
        if (live.isForwarding()) {
            ports.addAll(live.listeners());
        }
        return ports;
    }

    private List<Pair> pairs(List<Open> sockets) {
        List<Pair> pairs = new ArrayList<>(CapturedConnections.exactPairs(sockets, listeners));
        if (live.isForwarding()) {
            pairs.addAll(CapturedConnections.ofGuests(sockets, live.listeners()));
        }
        return pairs;
    }

    private Map<Long, Owned> among(List<Open> sockets, List<Pair> pairs) {
        Map<Long, Owned> found = new LinkedHashMap<>();
        for (Pair pair : pairs) {
            found.put(
                    pair.envoysEnd().cookie(),
                    new Owned("", pair.clients().getFirst().cookie()));
        }
        for (Decision decision : live.decisions()) {
            for (Captured captured : CapturedConnections.assign(decision, pairs)) {
                if (captured.service() != null) {
                    Owned owned = new Owned(
                            captured.service().value(), captured.client().cookie());
                    found.merge(
                            captured.envoysEnd().cookie(),
                            owned,
                            (old, now) -> old.service().isEmpty() ? now : old);
                }
            }
        }
        for (Open envoysEnd : CapturedConnections.arrived(sockets, elsewhere())) {
            found.putIfAbsent(envoysEnd.cookie(), new Owned("", 0));
        }
        live.owners().forEach((cookie, owned) -> {
            if (!owned.service().isEmpty()) {
                found.computeIfPresent(cookie, (same, told) -> new Owned(owned.service(), told.client()));
            }
        });
        return found;
    }
}
