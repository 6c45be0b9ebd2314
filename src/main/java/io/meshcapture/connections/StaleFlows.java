package io.meshcapture.connections;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Port;
import io.meshcapture.rules.Caller;
import io.meshcapture.rules.Connection;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Explainer;
import io.meshcapture.rules.Explanation;
import io.meshcapture.rules.Step;
import io.meshcapture.system.ConntrackTable;
import io.meshcapture.system.ConntrackTable.Tuple;
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
 * UDP flows that go on otherwise than the standing decision says. A flow is decided at its first packet, and netfilter's nat
 * chains are not asked again while conntrack knows it: a QUIC client that sends every few seconds would never notice that
 * QUIC is rejected now. Forgotten, its next packet is the first of a new flow.
 *
 * <p>Only flows of local sockets are looked at, and only those that the decision has a say in. Forwarded flows, those of
 * nobody's socket, and whatever others have translated to where Envoy is not, stay as they are.
 */
public final class StaleFlows {

    private static final Address ANY_IPV4 = Address.ipv4(0);
    private static final Address ANY_IPV6 = new Address(Family.IPV6, 0, 0);

    private StaleFlows() {}

    /** A flow and the sockets that may be sending it. */
    private record Sent(ConntrackTable.Entry flow, List<Open> sockets) {}

    /**
     * Forgets the flows of the calling thread's namespace that contradict a decision. Once more finds nothing to do, and
     * mends what a run left that was killed.
     *
     * @return how many
     */
    public static int forgetContradicting(Decision standing) {
        Step.OtherProtocols protocols = protocols(standing);
        if (protocols == null || !protocols.quicToo()) {
            return 0;
        }
        List<ConntrackTable.Entry> flows = lookedAt(protocols);
        if (flows.isEmpty()) {
            return 0;
        }
        Set<Address> own = HostFacts.ownAddresses();
        List<Sent> sent = sent(flows, own);
        if (sent.isEmpty()) {
            return 0;
        }
        Set<Open> senders = new HashSet<>();
        for (Sent one : sent) {
            senders.addAll(one.sockets());
        }
        Callers callers = Callers.of(standing, senders);
        Explainer explainer = Explainer.of(standing);
        Set<Address> broadcast = HostFacts.broadcastAddresses();
        int forgotten = 0;
        for (Sent one : sent) {
            if (!broadcast.contains(one.flow().original().destination())
                    && contradicts(one, standing, callers, explainer, own)
                    && ConntrackTable.delete(one.flow())) {
                forgotten++;
            }
        }
        return forgotten;
    }

    private static Step.@Nullable OtherProtocols protocols(Decision decision) {
        for (Step step : decision.steps()) {
            if (step instanceof Step.OtherProtocols protocols) {
                return protocols;
            }
        }
        return null;
    }

    private static List<ConntrackTable.Entry> lookedAt(Step.OtherProtocols protocols) {
        List<ConntrackTable.Entry> flows = new ArrayList<>();
        for (ConntrackTable.Entry flow : ConntrackTable.udp()) {
            // flows of DNS are in their zone or they are not; see CapturedQueries
            if (flow.original().destinationPort() != Step.Dns.PORT
                    && protocols.looksAt(
                            Connection.Protocol.UDP, flow.original().destinationPort())) {
                flows.add(flow);
            }
        }
        return flows;
    }

    /** Those that a socket of this namespace sends. */
    private static List<Sent> sent(List<ConntrackTable.Entry> flows, Set<Address> own) {
        Map<End, List<Open>> byLocalEnd = new HashMap<>();
        for (Open socket : SocketTable.openUdp()) {
            byLocalEnd
                    .computeIfAbsent(End.local(socket), any -> new ArrayList<>(1))
                    .add(socket);
        }
        List<Sent> sent = new ArrayList<>();
        for (ConntrackTable.Entry flow : flows) {
            List<Open> sockets = senders(flow.original(), byLocalEnd, own);
            if (!sockets.isEmpty()) {
                sent.add(new Sent(flow, sockets));
            }
        }
        return sent;
    }

    /** The narrowest that fit: connected to the destination, bound to the source, bound to its port alone. */
    private static List<Open> senders(Tuple flow, Map<End, List<Open>> byLocalEnd, Set<Address> own) {
        List<Open> bound = byLocalEnd.getOrDefault(new End(flow.source(), flow.sourcePort()), List.of());
        for (Open socket : bound) {
            if (socket.remotePort() == flow.destinationPort() && socket.remote().equals(flow.destination())) {
                return List.of(socket);
            }
        }
        if (!bound.isEmpty() || !own.contains(flow.source())) {
            return bound; // a forwarded flow may have the port of a socket here
        }
        List<Open> any = new ArrayList<>();
        if (flow.source().family() == Family.IPV4) {
            any.addAll(byLocalEnd.getOrDefault(new End(ANY_IPV4, flow.sourcePort()), List.of()));
        }
        for (Open socket : byLocalEnd.getOrDefault(new End(ANY_IPV6, flow.sourcePort()), List.of())) {
            if (flow.source().family() == Family.IPV6 || !socket.ipv6Only()) {
                any.add(socket);
            }
        }
        return any;
    }

    /** Whether the decision says something else, whichever of the sockets it is. */
    private static boolean contradicts(
            Sent sent, Decision standing, Callers callers, Explainer explainer, Set<Address> own) {
        Tuple flow = sent.flow().original();
        for (Open socket : sent.sockets()) {
            Caller caller = callers.of(socket);
            if (caller == null) {
                return false;
            }
            Explanation said = explainer.explain(
                    new Connection(Connection.Protocol.UDP, flow.destination(), flow.destinationPort(), caller, own));
            if (does(sent.flow(), standing, said)) {
                return false;
            }
        }
        return true;
    }

    /** Whether a flow does what was said. What is rejected has no flow. */
    private static boolean does(ConntrackTable.Entry flow, Decision standing, Explanation said) {
        Port listener = said.listener();
        return switch (said.outcome()) {
            case REJECTED -> false;
            case CAPTURED -> listener != null && isSentTo(listener, flow);
            case DIRECT -> standing.listeners().stream().noneMatch(one -> isSentTo(one, flow));
        };
    }

    /** Whether it was redirected: its answers come from a listener on loopback, and it was sent elsewhere. */
    private static boolean isSentTo(Port listener, ConntrackTable.Entry flow) {
        return flow.reply().sourcePort() == listener.number()
                && flow.reply().source().isLoopback()
                && !flow.original().destination().isLoopback();
    }
}
