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
        for (Step step : decision.steps()) {
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
                boolean decides = decides(step, connection);
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

    private static boolean decides(Step step, Connection connection) {
        Address destination = connection.destination();
        return switch (step) {
            case Step.OtherProtocols other ->
                connection.protocol() == Connection.Protocol.UDP && !(other.quicToo() && connection.port() == 443);
            case Step.EnvoyUsers envoy ->
                envoy.uids().contains(connection.caller().uid());
            case Step.EnvoyGroups envoy ->
                envoy.gids().contains(connection.caller().gid());
            case Step.OwnAddresses() ->
                isIn(AlwaysDirect.LOOPBACK, destination)
                        || connection.ownAddresses().contains(destination);
            case Step.LinkLocal() -> isIn(AlwaysDirect.LINK_LOCAL, destination);
            case Step.Multicast() -> isIn(AlwaysDirect.MULTICAST, destination);
            case Step.Broadcast() -> isIn(AlwaysDirect.BROADCAST, destination);
            case Step.Ipv6Bypass() -> destination.family() == Family.IPV6;
            case Step.OpenConnections open -> false; // a new connection is not an open one
            case Step.Lookup lookup -> throw new IllegalArgumentException(lookup.why());
        };
    }

    private static boolean isIn(List<Network> networks, Address address) {
        return networks.stream().anyMatch(network -> network.contains(address));
    }
}
