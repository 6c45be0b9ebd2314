package io.meshcapture.rules;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.rules.Explanation.Line;
import io.meshcapture.rules.Explanation.Outcome;
import java.util.ArrayList;
import java.util.List;

/** Walks the decision for one new connection that is meant for this host. */
public final class InboundExplainer {

    private InboundExplainer() {}

    /** What becomes of a connection that arrives. */
    public static Explanation explain(Decision decision, Arrival arrival) {
        InboundDecision inbound = decision.inbound();
        return inbound == null
                ? new Explanation(List.of(), Outcome.DIRECT, null, null)
                : walk(decision, inbound, inbound.steps(), arrival, new ArrayList<>());
    }

    /** Goes on with a connection that Envoy opens to this host. */
    static Explanation ofEnvoy(Decision decision, InboundDecision inbound, Connection connection, List<Line> lines) {
        Arrival arrival = new Arrival(
                connection.protocol(), connection.destination(), connection.port(), null, connection.ownAddresses());
        return walk(decision, inbound, inbound.deciding(), arrival, lines);
    }

    private static Explanation walk(
            Decision decision, InboundDecision inbound, List<InboundStep> steps, Arrival arrival, List<Line> lines) {
        Guards guards = new Guards(decision, arrival);
        for (InboundStep step : steps) {
            if (step instanceof InboundStep.PortLookup lookup) {
                if (lookup.except().contains(arrival.port())) {
                    lines.add(new Line("the plan excepts inbound port " + arrival.port(), true));
                    return new Explanation(lines, Outcome.DIRECT, null, null);
                }
                if (lookup.to().contains(arrival.port())) {
                    lines.add(new Line("the plan captures inbound port " + arrival.port(), true));
                    return end(inbound, arrival, lines);
                }
                lines.add(new Line(step.why(), false));
            } else {
                boolean decides = step.read(guards);
                lines.add(new Line(step.why(), decides));
                if (decides) {
                    return new Explanation(lines, Outcome.DIRECT, null, null);
                }
            }
        }
        throw new IllegalStateException("inbound steps without an end");
    }

    private static Explanation end(InboundDecision inbound, Arrival arrival, List<Line> lines) {
        boolean ipv6 = arrival.destination().family() == Family.IPV6;
        if (ipv6 && inbound.endings().contains(Decision.Ending.REJECT_IPV6)) {
            lines.add(new Line(Decision.Ending.REJECT_IPV6.why(), true));
            return new Explanation(lines, Outcome.REJECTED, null, null);
        }
        lines.add(new Line(Decision.Ending.REDIRECT.why() + " on port " + inbound.listener(), true));
        return new Explanation(lines, Outcome.CAPTURED, null, inbound.listener());
    }

    /** Whether a guard decides a connection. */
    private record Guards(Decision decision, Arrival arrival) implements InboundStep.Reader<Boolean> {
        @Override
        public Boolean otherProtocols(InboundStep.OtherProtocols step) {
            return arrival.protocol() != Connection.Protocol.TCP;
        }

        @Override
        public Boolean exceptInterfaces(EitherWay.ExceptInterfaces step) {
            String device = arrival.device();
            return device != null && step.interfaces().stream().anyMatch((InterfaceName one) -> one.names(device));
        }

        @Override
        public Boolean withinHost(InboundStep.WithinHost step) {
            return "lo".equals(arrival.device()) || isIn(AlwaysDirect.LOOPBACK);
        }

        @Override
        public Boolean elsewhere(InboundStep.Elsewhere step) {
            return !arrival.ownAddresses().contains(arrival.destination());
        }

        @Override
        public Boolean openConnections(EitherWay.OpenConnections step) {
            return false; // a new connection is not an open one
        }

        @Override
        public Boolean linkLocal(EitherWay.LinkLocal step) {
            return isIn(AlwaysDirect.LINK_LOCAL);
        }

        @Override
        public Boolean ipv6Bypass(EitherWay.Ipv6Bypass step) {
            return arrival.destination().family() == Family.IPV6;
        }

        @Override
        public Boolean envoysPorts(InboundStep.EnvoysPorts step) {
            return step.ports().contains(arrival.port())
                    || decision.listeners().stream().anyMatch(port -> port.number() == arrival.port());
        }

        @Override
        public Boolean portLookup(InboundStep.PortLookup step) {
            throw new IllegalArgumentException(step.why());
        }

        @Override
        public Boolean otherPorts(InboundStep.OtherPorts step) {
            return true;
        }

        private boolean isIn(List<io.meshcapture.plan.Network> networks) {
            Address address = arrival.destination();
            return networks.stream().anyMatch(network -> network.contains(address));
        }
    }
}
