package io.meshcapture.verbs;

import io.meshcapture.backend.LiveState;
import io.meshcapture.backend.Owned;
import io.meshcapture.plan.Port;
import io.meshcapture.rules.Decision;
import io.meshcapture.system.SocketTable.Open;
import io.meshcapture.verbs.CapturedConnections.Captured;
import io.meshcapture.verbs.CapturedConnections.Pair;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Whose captured connections are. The record in the kernel says it of those that an earlier decision captured; of the others
 * the decision in force tells, as if they were opened now.
 */
final class Ownership {

    private final LiveState live;
    private final List<Port> listeners;

    /** Those at which connections from elsewhere arrive. */
    private final List<Port> arriving;

    Ownership(LiveState live) {
        this.live = live;
        this.arriving = new ArrayList<>(live.inboundListeners());
        if (live.isForwarding()) {
            arriving.addAll(live.listeners()); // what is behind this host has its end elsewhere as well
        }
        this.listeners = new ArrayList<>(live.listeners());
        listeners.addAll(live.inboundListeners()); // what Envoy called here
    }

    /**
     * By the cookies of Envoy's ends; the empty text where nobody can tell.
     *
     * @param sockets of this namespace
     */
    Map<Long, Owned> among(List<Open> sockets) {
        return among(sockets, live.decisions());
    }

    private Map<Long, Owned> among(List<Open> sockets, List<Decision> decisions) {
        List<Pair> pairs = CapturedConnections.exactPairs(sockets, listeners);
        Map<Long, Owned> found = new LinkedHashMap<>();
        for (Pair pair : pairs) {
            found.put(
                    pair.envoysEnd().cookie(),
                    new Owned("", pair.clients().getFirst().cookie()));
        }
        for (Decision decision : decisions) {
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
        for (Open envoysEnd : CapturedConnections.arrived(sockets, arriving)) {
            found.putIfAbsent(envoysEnd.cookie(), new Owned("", 0));
        }
        live.owners().forEach((cookie, owned) -> {
            if (!owned.service().isEmpty()) {
                found.computeIfPresent(cookie, (same, told) -> new Owned(owned.service(), told.client()));
            }
        });
        return found;
    }

    /** What has to be recorded when another decision comes into force: whose it is now and what that one would not say. */
    Map<Long, Owned> lostBy(Decision next, List<Open> sockets) {
        Map<Long, Owned> now = among(sockets);
        now.values().removeIf(owned -> owned.service().isEmpty());
        if (now.isEmpty()) {
            return now;
        }
        Map<Long, String> said = new HashMap<>();
        for (Captured captured : CapturedConnections.assign(next, CapturedConnections.exactPairs(sockets, listeners))) {
            if (captured.service() != null) {
                said.put(captured.envoysEnd().cookie(), captured.service().value());
            }
        }
        now.entrySet().removeIf(entry -> entry.getValue().service().equals(said.get(entry.getKey())));
        return now;
    }

    /** Those that a decision sends to nobody any more, of connections that were opened before it came into force. */
    Map<Long, Owned> directBy(Decision next, List<Open> sockets) {
        Map<Long, Owned> found = among(sockets);
        for (Captured captured : CapturedConnections.assign(next, CapturedConnections.exactPairs(sockets, listeners))) {
            if (captured.service() != null || !captured.callerKnown()) {
                found.remove(captured.envoysEnd().cookie());
            }
        }
        return found;
    }
}
