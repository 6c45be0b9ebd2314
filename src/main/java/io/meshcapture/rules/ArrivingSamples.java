package io.meshcapture.rules;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Ports;
import io.meshcapture.rules.Connection.Protocol;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;

/** One connection that arrives from elsewhere for each path of a decision: ports that are captured, excepted, and Envoy's own. */
public final class ArrivingSamples {

    /** So many exceptions have one each. */
    private static final int EXCEPTIONS = 8;

    private static final int[] PORTS = {80, 8080, 443, 9};

    private final Decision decision;
    private final InboundDecision inbound;
    private final Set<Address> own;
    private final String device;
    private final Function<Family, Address> senders;
    private final List<Sample> samples = new ArrayList<>();

    private ArrivingSamples(
            Decision decision,
            InboundDecision inbound,
            Set<Address> own,
            String device,
            Function<Family, Address> senders) {
        this.decision = decision;
        this.inbound = inbound;
        this.own = own;
        this.device = device;
        this.senders = senders;
    }

    /**
     * Finds them; none where connections to this host are left alone.
     *
     * @param own the addresses of this host
     * @param device the interface that they arrive on
     * @param senders where they come from
     */
    public static List<Sample> of(
            Decision decision, Set<Address> own, String device, Function<Family, Address> senders) {
        InboundDecision inbound = decision.inbound();
        if (inbound == null) {
            return List.of();
        }
        ArrivingSamples all = new ArrivingSamples(decision, inbound, own, device, senders);
        destinations(own).values().forEach(all::to);
        return all.samples;
    }

    /**
     * One captured connection of a guest behind this host for each service and family.
     *
     * @param device the interface that they arrive on
     */
    public static List<Sample> ofGuests(
            Decision decision, Set<Address> own, String device, Function<Family, Address> senders) {
        List<Sample> samples = new ArrayList<>();
        Set<String> taken = new HashSet<>();
        Explainer explainer = Explainer.of(decision);
        for (Step step : decision.forwarding() == null
                ? List.<Step>of()
                : decision.forwarding().steps()) {
            for (Entry entry : step instanceof Step.Lookup lookup ? lookup.entries() : List.<Entry>of()) {
                Family family = entry.network().family();
                String path = entry.service() + " " + family;
                Caller guest = Caller.behind(senders.apply(family));
                if (entry.listener() == null || taken.contains(path)) {
                    continue;
                }
                for (Address to : Samples.addresses(entry.network())) {
                    int port = Samples.ports(entry.ports()).getFirst();
                    Connection asked = new Connection(Protocol.TCP, to, port, guest, own, device);
                    Explanation said = explainer.explain(asked);
                    if (said.outcome() != Explanation.Outcome.DIRECT && taken.add(path)) {
                        samples.add(new Sample(said.service(), "of guests", asked, said));
                    }
                }
            }
        }
        return samples;
    }

    /** The first of each family that others can reach. */
    private static Map<Family, Address> destinations(Set<Address> own) {
        Map<Family, Address> found = new EnumMap<>(Family.class);
        for (Address address : new TreeSet<>(own)) {
            boolean isNobody = address.high() == 0 && address.low() == 0;
            boolean isWithin = isNobody
                    || address.isLoopback()
                    || AlwaysDirect.LINK_LOCAL.stream().anyMatch(network -> network.contains(address));
            if (!isWithin) {
                found.putIfAbsent(address.family(), address);
            }
        }
        return found;
    }

    private void to(Address address) {
        for (InboundStep step : inbound.deciding()) {
            if (step instanceof InboundStep.PortLookup lookup) {
                for (int port : candidates(lookup.to())) {
                    if (take("arrives", address, port, Explanation.Outcome.DIRECT, false)) {
                        break;
                    }
                }
                lookup.except().ranges().stream()
                        .limit(EXCEPTIONS)
                        .forEach(range ->
                                take("arrives, excepted", address, range.first(), Explanation.Outcome.DIRECT, true));
            } else if (step instanceof InboundStep.EnvoysPorts ports
                    && !ports.ports().isEmpty()) {
                take("arrives for Envoy", address, ports.ports().first(), Explanation.Outcome.DIRECT, true);
            }
        }
    }

    private static Set<Integer> candidates(Ports ports) {
        Set<Integer> found = new LinkedHashSet<>();
        for (int port : PORTS) {
            if (ports.contains(port)) {
                found.add(port);
            }
        }
        ports.ranges().forEach(range -> {
            found.add(Math.max(1, range.first()));
            found.add(range.last());
        });
        return found;
    }

    /** Takes it where the decision has that outcome, or any other one. */
    private boolean take(String path, Address address, int port, Explanation.Outcome outcome, boolean isIt) {
        Explanation said = InboundExplainer.explain(decision, new Arrival(Protocol.TCP, address, port, device, own));
        if ((said.outcome() == outcome) != isIt) {
            return false;
        }
        Connection connection = new Connection(
                Protocol.TCP, address, port, Caller.behind(senders.apply(address.family())), own, device);
        samples.add(new Sample(null, path, connection, said, true));
        return true;
    }
}
