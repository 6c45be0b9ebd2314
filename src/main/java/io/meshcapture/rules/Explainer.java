package io.meshcapture.rules;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Network;
import io.meshcapture.rules.Explanation.Line;
import io.meshcapture.rules.Explanation.Outcome;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Walks a decision for new connections. */
public final class Explainer {

    private final Decision decision;

    private final Path outbound;
    private final Path forwarding;

    /**
     * Steps that are walked one after the other.
     *
     * @param indexes one for each step, null for those that are no look-ups
     */
    private record Path(List<Step> steps, List<@Nullable EntryIndex> indexes) {
        static Path of(List<Step> steps) {
            List<@Nullable EntryIndex> indexes = new ArrayList<>();
            for (Step step : steps) {
                indexes.add(step instanceof Step.Lookup lookup ? new EntryIndex(lookup.entries()) : null);
            }
            return new Path(steps, indexes);
        }
    }

    private Explainer(Decision decision) {
        this.decision = decision;
        this.outbound = Path.of(decision.steps());
        this.forwarding = Path.of(
                decision.forwarding() == null
                        ? List.of()
                        : decision.forwarding().steps());
    }

    /** Prepares to explain many connections: each takes a time that does not grow with the number of services. */
    public static Explainer of(Decision decision) {
        return new Explainer(decision);
    }

    public static Explanation explain(Decision decision, Connection connection) {
        return of(decision).explain(connection);
    }

    public Explanation explain(Connection connection) {
        List<Line> lines = new ArrayList<>();
        Guards guards = new Guards(connection);
        Path path = connection.caller().source() == null ? outbound : forwarding;
        for (int i = 0; i < path.steps().size(); i++) {
            Step step = path.steps().get(i);
            EntryIndex index = path.indexes().get(i);
            if (index != null) {
                Entry entry = index.first(connection);
                if (entry != null) {
                    lines.add(new Line(entry.why(), true));
                    return end(decision, connection, entry, lines);
                }
                lines.add(new Line(step.why(), false));
            } else if (step instanceof Step.Dns dns && dns.captures(connection)) {
                lines.add(new Line(step.why(), true));
                return captured(decision, connection, dns, lines);
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
                case DROP_INVALID -> null; // a new connection has none
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

    private static Explanation captured(Decision decision, Connection connection, Step.Dns dns, List<Line> lines) {
        boolean rejected = connection.destination().family() == Family.IPV6
                && decision.endings().contains(Decision.Ending.REJECT_IPV6);
        Decision.Ending ending = rejected ? Decision.Ending.REJECT_IPV6 : Decision.Ending.REDIRECT;
        lines.add(new Line(rejected ? ending.why() : ending.why() + " on port " + dns.listener(), true));
        return rejected
                ? new Explanation(lines, Outcome.REJECTED, null, null)
                : new Explanation(lines, Outcome.CAPTURED, null, dns.listener());
    }

    /** Whether a guard decides a connection. */
    private record Guards(Connection connection) implements Step.Reader<Boolean> {
        @Override
        public Boolean otherProtocols(Step.OtherProtocols step) {
            return !step.looksAt(connection.protocol(), connection.port());
        }

        @Override
        public Boolean exceptInterfaces(EitherWay.ExceptInterfaces step) {
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
                    && !destination.isLoopback();
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
        public Boolean dns(Step.Dns step) {
            return false; // what it captures has not come here
        }

        @Override
        public Boolean otherDns(Step.OtherDns step) {
            return connection.protocol() == Connection.Protocol.UDP && connection.port() == Step.Dns.PORT;
        }

        @Override
        public Boolean ownAddresses(Step.OwnAddresses step) {
            return connection.destination().isLoopback()
                    || connection.ownAddresses().contains(connection.destination());
        }

        @Override
        public Boolean linkLocal(EitherWay.LinkLocal step) {
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
        public Boolean ipv6Bypass(EitherWay.Ipv6Bypass step) {
            return connection.destination().family() == Family.IPV6;
        }

        @Override
        public Boolean openConnections(EitherWay.OpenConnections step) {
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
