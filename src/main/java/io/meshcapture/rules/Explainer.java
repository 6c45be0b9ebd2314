package io.meshcapture.rules;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Network;
import io.meshcapture.rules.Explanation.Line;
import io.meshcapture.rules.Explanation.Outcome;
import java.util.ArrayList;
import java.util.List;

/** Walks the decision for one new connection. */
public final class Explainer {

    private Explainer() {}

    public static Explanation explain(Decision decision, Connection connection) {
        List<Line> lines = new ArrayList<>();
        Guards guards = new Guards(connection);
        List<Step> steps = decision.steps();
        if (connection.caller().source() != null) {
            steps = decision.forwarding() == null
                    ? List.of()
                    : decision.forwarding().steps();
        }
        for (Step step : steps) {
            if (step instanceof Step.Lookup lookup) {
                Entry entry = lookup.entries().stream()
                        .filter(candidate -> candidate.fits(connection))
                        .findFirst()
                        .orElse(null);
                if (entry != null) {
                    lines.add(new Line(entry.why(), true));
                    return end(decision, connection, entry, lines);
                }
                lines.add(new Line(step.why(), false));
            } else {
                boolean decides = step.read(guards);
                InboundDecision inbound = decision.inbound();
                if (decides && inbound != null && step instanceof Step.EnvoyToItself) {
                    lines.add(new Line(step.why(), false));
                    return InboundExplainer.ofEnvoy(decision, inbound, connection, lines);
                }
                lines.add(new Line(step.why(), decides));
                if (decides) {
                    return new Explanation(lines, Outcome.DIRECT, null, null);
                }
            }
        }
        return new Explanation(lines, Outcome.DIRECT, null, null);
    }

    private static Explanation end(Decision decision, Connection connection, Entry entry, List<Line> lines) {
        if (entry.listener() == null) {
            return new Explanation(lines, Outcome.DIRECT, entry.service(), null);
        }
        for (Decision.Ending ending : decision.endings()) {
            Outcome outcome = switch (ending) {
                case REJECT_IPV6 -> connection.destination().family() == Family.IPV6 ? Outcome.REJECTED : null;
                case REJECT_QUIC -> connection.protocol() == Connection.Protocol.UDP ? Outcome.REJECTED : null;
                case REDIRECT -> Outcome.CAPTURED;
            };
            if (outcome != null) {
                boolean captured = outcome == Outcome.CAPTURED;
                lines.add(new Line(captured ? ending.why() + " on port " + entry.listener() : ending.why(), true));
                return new Explanation(lines, outcome, entry.service(), captured ? entry.listener() : null);
            }
        }
        throw new IllegalStateException("a decision without an ending");
    }

    /** Whether a guard decides a connection. */
    private record Guards(Connection connection) implements Step.Reader<Boolean> {
        @Override
        public Boolean otherProtocols(Step.OtherProtocols step) {
            return connection.protocol() == Connection.Protocol.UDP && !(step.quicToo() && connection.port() == 443);
        }

        @Override
        public Boolean exceptInterfaces(Step.ExceptInterfaces step) {
            String device = connection.device();
            return device != null && step.interfaces().stream().anyMatch(one -> one.names(device));
        }

        /** As if from an own address, which is what the kernel chooses unless it is told otherwise. */
        @Override
        public Boolean envoyToItself(Step.EnvoyToItself step) {
            Address destination = connection.destination();
            boolean unspecified = destination.high() == 0 && destination.low() == 0;
            return connection.protocol() == Connection.Protocol.TCP
                    && (step.uids().contains(connection.caller().uid())
                            || step.gids().contains(connection.caller().gid()))
                    && connection.ownAddresses().contains(destination)
                    && !unspecified // which the kernel connects to loopback
                    && !isIn(AlwaysDirect.LOOPBACK, destination);
        }

        @Override
        public Boolean envoyUsers(Step.EnvoyUsers step) {
            return step.uids().contains(connection.caller().uid());
        }

        @Override
        public Boolean envoyGroups(Step.EnvoyGroups step) {
            return step.gids().contains(connection.caller().gid());
        }

        @Override
        public Boolean ownAddresses(Step.OwnAddresses step) {
            return isIn(AlwaysDirect.LOOPBACK, connection.destination())
                    || connection.ownAddresses().contains(connection.destination());
        }

        @Override
        public Boolean linkLocal(Step.LinkLocal step) {
            return isIn(AlwaysDirect.LINK_LOCAL, connection.destination());
        }

        @Override
        public Boolean multicast(Step.Multicast step) {
            return isIn(AlwaysDirect.MULTICAST, connection.destination());
        }

        @Override
        public Boolean broadcast(Step.Broadcast step) {
            return isIn(AlwaysDirect.BROADCAST, connection.destination());
        }

        @Override
        public Boolean ipv6Bypass(Step.Ipv6Bypass step) {
            return connection.destination().family() == Family.IPV6;
        }

        @Override
        public Boolean openConnections(Step.OpenConnections step) {
            return false; // a new connection is not an open one
        }

        @Override
        public Boolean underway(Step.Underway step) {
            return false;
        }

        @Override
        public Boolean lookup(Step.Lookup step) {
            throw new IllegalArgumentException(step.why());
        }
    }

    private static boolean isIn(List<Network> networks, Address address) {
        return networks.stream().anyMatch(network -> network.contains(address));
    }
}
