package io.meshcapture.connections;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Caller;
import io.meshcapture.rules.Connection;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Explainer;
import io.meshcapture.rules.Explanation;
import io.meshcapture.rules.Step;
import io.meshcapture.system.ConntrackTable;
import io.meshcapture.system.HostFacts;
import io.meshcapture.system.SocketTable;
import io.meshcapture.system.SocketTable.Open;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Captured connections that are alive. Each is two sockets of this namespace: Envoy's end, on a listener's port, with a
 * peer that is not loopback, since a redirected client keeps the source address that it would have used on the way out
 * (one that asked a DNS server on loopback is the exception, and is told by its port 53); and the client's end, whose remote end is where it believes to be. Where the client's end is gone, Envoy was not told,
 * because the connection had been cut; such an end may stay for hours, and nobody waits for it.
 */
public final class CapturedConnections {

    private CapturedConnections() {}

    /**
     * One of them.
     *
     * @param client the client's end; its remote end is the original destination
     * @param envoysEnd Envoy's end; its remote end is the client as Envoy sees it
     * @param service the service that a decision assigns it to, or null for none
     * @param callerKnown whether the client could be told; where it could not, there is no service either
     */
    record Captured(Open client, Open envoysEnd, @Nullable ServiceName service, boolean callerKnown) {

        /** Whether the decision assigns it to nobody, and certainly so. */
        boolean isNobodys() {
            return callerKnown && service == null;
        }
    }

    /**
     * Envoy's end and what may be the client's.
     *
     * @param envoysEnd Envoy's end
     * @param clients one, or several that share an address and a port where conntrack does not tell which of them it is
     * @param isGuests whether the client is behind this host, and its end is known by its addresses alone
     */
    record Pair(Open envoysEnd, List<Open> clients, boolean isGuests) {
        Pair(Open envoysEnd, List<Open> clients) {
            this(envoysEnd, clients, false);
        }
    }

    /** Tells whose answers come from Envoy's end. */
    interface Origins {
        /** The client's end, or null where that is not known. */
        @Nullable
        Open of(Open envoysEnd);
    }

    /**
     * The captured connections of the calling thread's namespace.
     *
     * @param decision by which each is assigned to a service, as if it were opened now
     * @param listeners Envoy's
     */
    static List<Captured> alive(Decision decision, List<Port> listeners) {
        return assign(decision, pairs(SocketTable.open(), listeners));
    }

    static List<Captured> assign(Decision decision, List<Pair> pairs) {
        if (pairs.isEmpty()) {
            return List.of();
        }
        List<Open> clients = new ArrayList<>();
        for (Pair pair : pairs) {
            if (!pair.isGuests()) {
                clients.addAll(pair.clients());
            }
        }
        Callers callers = Callers.ofCaptured(decision, clients);
        Explainer explainer = Explainer.of(decision);
        Set<Address> own = HostFacts.ownAddresses();
        List<Captured> found = new ArrayList<>(pairs.size());
        for (Pair pair : pairs) {
            Open client = pair.clients().getFirst();
            Caller caller = pair.isGuests()
                    ? Caller.behind(client.local())
                    : pair.clients().size() == 1 ? callers.of(client) : null;
            ServiceName service = caller == null ? null : service(explainer, client, caller, own);
            found.add(new Captured(client, pair.envoysEnd(), service, caller != null));
        }
        return found;
    }

    private static @Nullable ServiceName service(Explainer explainer, Open client, Caller caller, Set<Address> own) {
        Explanation explanation = explainer.explain(
                new Connection(Connection.Protocol.TCP, client.remote(), client.remotePort(), caller, own));
        return explanation.outcome() == Explanation.Outcome.CAPTURED ? explanation.service() : null;
    }

    /** Pairs the ends among the sockets of this namespace. */
    static List<Pair> pairs(List<Open> sockets, List<Port> listeners) {
        return pairs(sockets, listeners, CapturedConnections::askConntrack);
    }

    /**
     * Pairs the ends: the client's local end is Envoy's peer. Several sockets share a local address and port where they go to
     * different destinations, and then netfilter gives all but one of those that it redirects another port
     * (nf_nat_l4proto_unique_tuple() in net/netfilter/nf_nat_core.c). So where there is not exactly one, conntrack is asked.
     */
    static List<Pair> pairs(List<Open> sockets, List<Port> listeners, Origins origins) {
        return pairs(sockets, listeners, origins, false);
    }

    /**
     * Likewise, and each is checked with conntrack, some 50 us a connection: where ports were exchanged, somebody else's socket
     * may have the port that Envoy sees.
     */
    static List<Pair> exactPairs(List<Open> sockets, List<Port> listeners) {
        return pairs(sockets, listeners, CapturedConnections::askConntrack, true);
    }

    /**
     * Those of virtual machines and containers behind this host, whose own ends are elsewhere; conntrack tells what they
     * called.
     */
    static List<Pair> ofGuests(List<Open> sockets, List<Port> listeners) {
        List<Pair> pairs = new ArrayList<>();
        for (Open envoysEnd : arrived(sockets, listeners)) {
            Open origin = askConntrack(envoysEnd);
            if (origin != null) {
                pairs.add(new Pair(envoysEnd, List.of(origin), true));
            }
        }
        return pairs;
    }

    private static List<Pair> pairs(List<Open> sockets, List<Port> listeners, Origins origins, boolean exactly) {
        List<Open> envoysEnds = envoysEnds(sockets, listeners);
        if (envoysEnds.isEmpty()) {
            return List.of();
        }
        Map<End, List<Open>> byLocalEnd = new HashMap<>();
        for (Open socket : sockets) {
            byLocalEnd
                    .computeIfAbsent(End.local(socket), any -> new ArrayList<>(1))
                    .add(socket);
        }
        List<Pair> pairs = new ArrayList<>(envoysEnds.size());
        for (Open envoysEnd : envoysEnds) {
            List<Open> clients = byLocalEnd.getOrDefault(End.remote(envoysEnd), List.of());
            if (envoysEnd.remote().isLoopback()) {
                clients = clients.stream()
                        .filter(client -> client.remotePort() == Step.Dns.PORT
                                && client.remote().isLoopback())
                        .toList();
                if (clients.size() == 1) {
                    pairs.add(new Pair(envoysEnd, clients));
                }
                continue;
            }
            Open origin = clients.size() == 1 && !exactly ? null : origins.of(envoysEnd);
            if (origin != null) {
                clients = byLocalEnd.getOrDefault(End.local(origin), List.of()).stream()
                        .filter(origin::equals)
                        .toList();
            }
            if (!clients.isEmpty()) {
                pairs.add(new Pair(envoysEnd, clients));
            }
        }
        return pairs;
    }

    private static List<Open> envoysEnds(List<Open> sockets, List<Port> listeners) {
        Set<Integer> ports = new HashSet<>();
        for (Port listener : listeners) {
            ports.add(listener.number());
        }
        List<Open> ends = new ArrayList<>();
        for (Open socket : sockets) {
            if (ports.contains(socket.localPort()) && socket.local().isLoopback()) {
                ends.add(socket);
            }
        }
        return ends;
    }

    /** Envoy's ends of captured connections from elsewhere, whose client's end is not here. */
    static List<Open> arrived(List<Open> sockets, List<Port> listeners) {
        Set<Integer> ports = new HashSet<>();
        for (Port listener : listeners) {
            ports.add(listener.number());
        }
        List<Open> ends = new ArrayList<>();
        for (Open socket : sockets) {
            if (ports.contains(socket.localPort()) && !socket.local().isLoopback()) {
                ends.add(socket);
            }
        }
        return ends;
    }

    /**
     * Ends a connection: Envoy's end is ended, which resets the client's, so that it hears at once also where it is idle. Its
     * conntrack entry is forgotten, or a new connection from the same port within 10 s would be sent to Envoy too.
     */
    public static SocketTable.Abortion cut(Open envoysEnd) {
        SocketTable.Abortion done = SocketTable.abort(envoysEnd);
        ConntrackTable.Entry entry = done == SocketTable.Abortion.ABORTED ? entry(envoysEnd) : null;
        if (entry != null) {
            ConntrackTable.delete(entry);
        }
        return done;
    }

    private static ConntrackTable.@Nullable Entry entry(Open envoysEnd) {
        return ConntrackTable.tcpWithReply(new ConntrackTable.Tuple(
                envoysEnd.local(), envoysEnd.localPort(), envoysEnd.remote(), envoysEnd.remotePort()));
    }

    private static @Nullable Open askConntrack(Open envoysEnd) {
        ConntrackTable.Entry entry = entry(envoysEnd);
        if (entry == null) {
            return null;
        }
        ConntrackTable.Tuple original = entry.original();
        return new Open(original.source(), original.sourcePort(), original.destination(), original.destinationPort());
    }
}
