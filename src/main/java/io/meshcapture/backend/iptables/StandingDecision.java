package io.meshcapture.backend.iptables;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.EitherWay;
import io.meshcapture.rules.Forwarding;
import io.meshcapture.rules.InboundDecision;
import io.meshcapture.rules.ServiceFacts;
import io.meshcapture.rules.ServiceRules;
import io.meshcapture.rules.Step;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Reads a decision back from the rules of a slot. A rule is told by its comment; what varies from plan to plan is read from
 * its options. Whether the rules say what their comments say is for {@link Drift}.
 */
final class StandingDecision {

    private final StandingChains chains;
    private final StandingLookups lookups;
    private final StandingInbound inbound;

    /**
     * A slot of what stands.
     *
     * @param families what stands of ours
     */
    StandingDecision(Map<Family, Ruleset> families, Slot slot) {
        this.chains = new StandingChains(families, slot);
        this.lookups = new StandingLookups(chains);
        this.inbound = new StandingInbound(chains);
    }

    /** The names of its chains in the nat tables of both families, without what is the same for all. */
    Collection<String> names() {
        return chains.names();
    }

    /** The services with their entries, as they would have to be compiled again. */
    Map<ServiceName, ServiceRules> services() {
        return lookups.services(false);
    }

    /** Likewise, those of control groups that are gone included. */
    Map<ServiceName, ServiceRules> servicesWithGoneGroups() {
        return lookups.services(true);
    }

    /** How connections to this host are captured, or null where they are not. */
    @Nullable
    InboundDecision inbound() {
        return inbound.read();
    }

    /**
     * The whole decision.
     *
     * @throws Failure.Conflict where a rule stands there that is not ours
     */
    Decision read() {
        List<Port> listeners = new ArrayList<>();
        LinkedHashSet<Decision.Ending> endings = new LinkedHashSet<>();
        for (String plain : chains.names()) {
            Port listener = StandingChains.listener(plain);
            if (listener != null && !listeners.contains(listener)) {
                listeners.add(listener);
            }
            if (listener != null || StandingChains.dnsListener(plain) != null) {
                endings.addAll(chains.endings(plain));
            }
        }
        for (Decision.Ending ending : Decision.Ending.values()) {
            if (chains.all(Table.FILTER, "LEAVING").stream()
                    .anyMatch(rule -> rule.comment().equals(ending.why()))) {
                endings.add(ending);
            }
        }
        listeners.sort((one, other) -> Integer.compare(one.number(), other.number()));
        List<ServiceFacts> facts = new ArrayList<>();
        services().forEach((name, rules) -> facts.add(new ServiceFacts(name, rules.digest())));
        List<Decision.Ending> inOrder = new ArrayList<>(List.of(Decision.Ending.values()));
        inOrder.retainAll(endings);
        if (inOrder.isEmpty()) {
            inOrder.add(Decision.Ending.REDIRECT);
        }
        return new Decision(steps("OUTPUT"), inOrder, listeners, facts, inbound(), forwarding());
    }

    private List<Step> steps(String plain) {
        List<Step> steps = new ArrayList<>();
        List<Rule> guards = new ArrayList<>(chains.rules(Family.IPV4, Table.NAT, plain));
        guards.addAll(chains.rules(Family.IPV4, Table.NAT, plain + "_ASKED"));
        for (Rule rule : guards) {
            boolean known = rule.comment().isEmpty() || LeafComment.parse(rule.comment()) != null;
            Step step = known ? null : guard(rule, plain);
            if (step != null && !steps.contains(step)) {
                steps.add(step);
            }
            if (step instanceof Step.EnvoyUsers
                    && !(steps.getLast() instanceof Step.EnvoyGroups)
                    && withComment(plain, new Step.EnvoyGroups(new TreeSet<>()).why())
                            .isEmpty()) {
                steps.add(new Step.EnvoyGroups(new TreeSet<>())); // without groups it is no rule
            }
            if (step instanceof Step.Broadcast && chains.chainOf(Family.IPV6) == null) {
                steps.add(new EitherWay.Ipv6Bypass());
            }
        }
        // the servers of a plan may all be of the other family
        Step.Dns dns = dns();
        if (plain.equals("OUTPUT") && dns != null && !steps.contains(dns)) {
            int at = steps.indexOf(new Step.OtherDns());
            steps.add(at < 0 ? steps.size() : at, dns);
        }
        if (plain.equals("OUTPUT")) {
            int at = steps.indexOf(new Step.OwnAddresses());
            steps.addAll(at < 0 ? steps.size() : at, lookups.byName());
        }
        steps.addAll(lookups.of(plain.equals("FWD")));
        return steps;
    }

    private Step guard(Rule rule, String plain) {
        List<Supplier<@Nullable Step>> guards = List.of(
                () -> new Step.OtherProtocols(false, false),
                () -> new Step.OtherProtocols(true, false),
                () -> new Step.OtherProtocols(false, true),
                () -> new Step.OtherProtocols(true, true),
                () -> new EitherWay.ExceptInterfaces(interfaces(plain, "-o", rule.comment())),
                () -> new Step.EnvoyToItself(
                        ids(plain, rule.comment(), "--uid-owner"), ids(plain, rule.comment(), "--gid-owner")),
                () -> new Step.EnvoyUsers(ids(plain, rule.comment(), "--uid-owner")),
                () -> new Step.EnvoyGroups(ids(plain, rule.comment(), "--gid-owner")),
                Step.OwnAddresses::new,
                EitherWay.LinkLocal::new,
                Step.Multicast::new,
                Step.Broadcast::new,
                Step.Underway::new,
                Step.OtherDns::new,
                this::dns,
                () -> new EitherWay.OpenConnections(ephemeral(rule.exceptValue("--sport"), rule)));
        for (Supplier<@Nullable Step> one : guards) {
            Step step = withWhy(one, rule);
            if (step != null) {
                return step;
            }
        }
        throw StandingChains.notOurs(rule);
    }

    /** Null where it is another step. */
    private static @Nullable Step withWhy(Supplier<@Nullable Step> one, Rule rule) {
        try {
            Step step = one.get();
            return step != null && step.why().equals(rule.comment()) ? step : null;
        } catch (Failure.Conflict another) {
            return null;
        }
    }

    private List<Rule> withComment(String plain, String comment) {
        List<Rule> found = new ArrayList<>();
        for (String chain : List.of(plain, plain + "_ASKED")) {
            for (Rule rule : chains.rules(Family.IPV4, Table.NAT, chain)) {
                if (rule.comment().equals(comment)) {
                    found.add(rule);
                }
            }
        }
        return found;
    }

    private SortedSet<Long> ids(String plain, String comment, String option) {
        TreeSet<Long> ids = new TreeSet<>();
        for (Rule rule : withComment(plain, comment)) {
            String value = rule.value(option);
            if (value != null) {
                ids.add(StandingChains.number(value, rule));
            }
        }
        return ids;
    }

    private List<InterfaceName> interfaces(String plain, String option, String comment) {
        List<InterfaceName> names = new ArrayList<>();
        for (Rule rule : withComment(plain, comment)) {
            String value = rule.value(option);
            if (value != null) {
                names.add(StandingChains.interfaceName(value));
            }
        }
        return names;
    }

    private static PortRange ephemeral(@Nullable String value, Rule rule) {
        if (value == null) {
            throw StandingChains.notOurs(rule);
        }
        return StandingChains.range(value, rule);
    }

    /** How DNS is captured, or null where it is not. */
    Step.@Nullable Dns dns() {
        Port listener = null;
        for (String plain : chains.names()) {
            Port one = StandingChains.dnsListener(plain);
            listener = one == null ? listener : one;
        }
        if (listener == null) {
            return null;
        }
        TreeSet<Address> servers = new TreeSet<>();
        boolean any = false;
        String to = chains.slot().chain("TO_DNS_" + listener);
        for (Family family : Family.values()) {
            for (Rule rule : chains.rules(family, Table.NAT, "OUTPUT_ASKED")) {
                String destination = rule.target().equals(to) ? rule.value("-d") : null;
                any |= rule.target().equals(to) && destination == null;
                if (destination != null) {
                    servers.add(StandingChains.network(destination, rule).base());
                }
            }
        }
        return any ? new Step.Dns(true, new TreeSet<>(), listener) : new Step.Dns(false, servers, listener);
    }

    private @Nullable Forwarding forwarding() {
        if (!chains.names().contains("FWD")) {
            return null;
        }
        List<InterfaceName> interfaces = new ArrayList<>();
        for (Rule rule : chains.rules(Family.IPV4, Table.NAT, "ARRIVING")) {
            String name = rule.target().equals(chains.slot().chain("FWD")) ? rule.value("-i") : null;
            if (name != null) {
                interfaces.add(StandingChains.interfaceName(name));
            }
        }
        return new Forwarding(interfaces, steps("FWD"));
    }
}
