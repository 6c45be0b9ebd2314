package io.meshcapture.backend.iptables;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.Ports;
import io.meshcapture.plan.Rank;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.CallerKey;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Entry;
import io.meshcapture.rules.Forwarding;
import io.meshcapture.rules.InboundDecision;
import io.meshcapture.rules.InboundStep;
import io.meshcapture.rules.ServiceFacts;
import io.meshcapture.rules.ServiceRules;
import io.meshcapture.rules.Step;
import io.meshcapture.system.ControlGroups;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Reads a decision back from the rules of a slot. A rule is told by its comment; what varies from plan to plan is read from
 * its options. Whether the rules say what their comments say is for {@link Drift}.
 */
final class StandingDecision {

    private static final Origin LIVE = Origin.of("live state");
    private static final String TO = "TO_";

    private final Map<Family, Ruleset> families;
    private final Slot slot;

    /**
     * A slot of what stands.
     *
     * @param families what stands of ours
     */
    StandingDecision(Map<Family, Ruleset> families, Slot slot) {
        this.families = families;
        this.slot = slot;
    }

    /**
     * The whole decision.
     *
     * @throws Failure.Conflict where a rule stands there that is not ours
     */
    Decision read() {
        List<Port> listeners = new ArrayList<>();
        LinkedHashSet<Decision.Ending> endings = new LinkedHashSet<>();
        for (String plain : chains()) {
            Port listener = listener(plain);
            if (listener != null && !listeners.contains(listener)) {
                listeners.add(listener);
            }
            if (listener != null || dnsListener(plain) != null) {
                endings.addAll(endings(plain));
            }
        }
        for (Decision.Ending ending : Decision.Ending.values()) {
            if (all(Table.FILTER, "LEAVING").stream()
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

    private List<Decision.Ending> endings(String plain) {
        List<Decision.Ending> endings = new ArrayList<>();
        for (Decision.Ending ending : Decision.Ending.values()) {
            if (all(Table.NAT, plain).stream().anyMatch(rule -> rule.comment().equals(ending.why()))) {
                endings.add(ending);
            }
        }
        return endings;
    }

    /** The names of its chains in the nat tables of both families, without what is the same for all. */
    Collection<String> chains() {
        LinkedHashSet<String> names = new LinkedHashSet<>();
        for (Ruleset ruleset : families.values()) {
            for (String chain : ruleset.of(Table.NAT).chains().keySet()) {
                String plain = slot.plain(chain);
                if (plain != null) {
                    names.add(plain);
                }
            }
        }
        return names;
    }

    private List<Rule> rules(Family family, Table table, String plain) {
        Ruleset ruleset = families.getOrDefault(family, new Ruleset());
        return ruleset.of(table).chains().getOrDefault(slot.chain(plain), List.of());
    }

    /** Of both families, IPv4 first. */
    private List<Rule> all(Table table, String plain) {
        List<Rule> all = new ArrayList<>(rules(Family.IPV4, table, plain));
        all.addAll(rules(Family.IPV6, table, plain));
        return all;
    }

    private List<Step> steps(String plain) {
        List<Step> steps = new ArrayList<>();
        List<Rule> guards = new ArrayList<>(rules(Family.IPV4, Table.NAT, plain));
        guards.addAll(rules(Family.IPV4, Table.NAT, plain + "_ASKED"));
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
            if (step instanceof Step.Broadcast && chainOf(Family.IPV6) == null) {
                steps.add(new Step.Ipv6Bypass());
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
            steps.addAll(at < 0 ? steps.size() : at, lookups(Rank.NAME, layers(false)));
        }
        steps.addAll(lookups(plain.equals("FWD")));
        return steps;
    }

    private @Nullable List<Rule> chainOf(Family family) {
        Ruleset ruleset = families.get(family);
        return ruleset == null ? null : ruleset.of(Table.NAT).chains().get(slot.chain("OUTPUT"));
    }

    private Step guard(Rule rule, String plain) {
        List<Supplier<@Nullable Step>> guards = List.of(
                () -> new Step.OtherProtocols(false, false),
                () -> new Step.OtherProtocols(true, false),
                () -> new Step.OtherProtocols(false, true),
                () -> new Step.OtherProtocols(true, true),
                () -> new Step.ExceptInterfaces(interfaces(plain, "-o", rule.comment())),
                () -> new Step.EnvoyToItself(
                        ids(plain, rule.comment(), "--uid-owner"), ids(plain, rule.comment(), "--gid-owner")),
                () -> new Step.EnvoyUsers(ids(plain, rule.comment(), "--uid-owner")),
                () -> new Step.EnvoyGroups(ids(plain, rule.comment(), "--gid-owner")),
                Step.OwnAddresses::new,
                Step.LinkLocal::new,
                Step.Multicast::new,
                Step.Broadcast::new,
                Step.Underway::new,
                Step.OtherDns::new,
                this::dns,
                () -> new Step.OpenConnections(ephemeral(rule.exceptValue("--sport"), rule)));
        for (Supplier<@Nullable Step> one : guards) {
            Step step = withWhy(one, rule);
            if (step != null) {
                return step;
            }
        }
        throw notOurs(rule);
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

    static Failure.Conflict notOurs(Object rule) {
        return new Failure.Conflict(
                "the live chains hold a rule that meshcapture did not write",
                rule.toString(),
                "see the difference with: meshcapture check; repair it with: meshcapture apply");
    }

    private List<Rule> withComment(String plain, String comment) {
        List<Rule> found = new ArrayList<>();
        for (String chain : List.of(plain, plain + "_ASKED")) {
            for (Rule rule : rules(Family.IPV4, Table.NAT, chain)) {
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
                ids.add(number(value, rule));
            }
        }
        return ids;
    }

    private static long number(String value, Rule rule) {
        try {
            return Long.parseLong(value);
        } catch (NumberFormatException e) {
            throw notOurs(rule);
        }
    }

    private List<InterfaceName> interfaces(String plain, String option, String comment) {
        List<InterfaceName> names = new ArrayList<>();
        for (Rule rule : withComment(plain, comment)) {
            String value = rule.value(option);
            if (value != null) {
                names.add(
                        new InterfaceName(value.endsWith("+") ? value.substring(0, value.length() - 1) + "*" : value));
            }
        }
        return names;
    }

    private static PortRange ephemeral(@Nullable String value, Rule rule) {
        if (value == null) {
            throw notOurs(rule);
        }
        return range(value, rule);
    }

    /** {@code 80} or {@code 8000:8100}. */
    private static PortRange range(String value, Rule rule) {
        try {
            int colon = value.indexOf(':');
            int first = Integer.parseInt(colon < 0 ? value : colon == 0 ? "0" : value.substring(0, colon));
            String end = colon < 0 ? value : value.substring(colon + 1);
            return new PortRange(first, end.isEmpty() ? 65535 : Integer.parseInt(end));
        } catch (IllegalArgumentException e) {
            throw notOurs(rule);
        }
    }

    /** How DNS is captured, or null where it is not. */
    Step.@Nullable Dns dns() {
        Port listener = null;
        for (String plain : chains()) {
            Port one = dnsListener(plain);
            listener = one == null ? listener : one;
        }
        if (listener == null) {
            return null;
        }
        TreeSet<Address> servers = new TreeSet<>();
        boolean any = false;
        String to = slot.chain("TO_DNS_" + listener);
        for (Family family : Family.values()) {
            for (Rule rule : rules(family, Table.NAT, "OUTPUT_ASKED")) {
                String destination = rule.target().equals(to) ? rule.value("-d") : null;
                any |= rule.target().equals(to) && destination == null;
                if (destination != null) {
                    servers.add(network(destination, rule).base());
                }
            }
        }
        return any ? new Step.Dns(true, new TreeSet<>(), listener) : new Step.Dns(false, servers, listener);
    }

    private static Network network(String text, Rule rule) {
        try {
            return Network.parse(text);
        } catch (BadValue e) {
            throw notOurs(rule);
        }
    }

    private List<Step.Lookup> lookups(boolean forwarded) {
        Map<Entry, Integer> layers = layers(forwarded);
        List<Step.Lookup> lookups = new ArrayList<>();
        List<Entry> ofThePlan = layers.keySet().stream()
                .filter(entry -> entry.service() == null)
                .toList();
        if (!ofThePlan.isEmpty()) {
            lookups.add(new Step.Lookup(null, 1, ofThePlan));
        }
        for (Rank rank : Rank.values()) {
            if (rank != Rank.NAME) {
                lookups.addAll(lookups(rank, layers));
            }
        }
        return lookups;
    }

    private List<Step.Lookup> lookups(Rank rank, Map<Entry, Integer> layers) {
        Set<ServiceName> byName = byName();
        TreeMap<Integer, List<Entry>> ofRank = new TreeMap<>();
        layers.forEach((entry, layer) -> {
            if (entry.service() != null && rank(entry, byName) == rank) {
                ofRank.computeIfAbsent(layer, any -> new ArrayList<>()).add(entry);
            }
        });
        List<Step.Lookup> lookups = new ArrayList<>();
        ofRank.forEach((layer, entries) -> lookups.add(new Step.Lookup(rank, layer, entries)));
        return lookups;
    }

    private static Rank rank(Entry entry, Set<ServiceName> byName) {
        boolean named = entry.service() != null && byName.contains(entry.service());
        return named ? Rank.NAME : entry.caller().rank();
    }

    /** The services that capture by name. */
    private Set<ServiceName> byName() {
        Set<ServiceName> names = new HashSet<>();
        for (String plain : chains()) {
            for (Rule rule : all(Table.NAT, plain)) {
                LeafComment leaf = LeafComment.parse(rule.comment());
                if (leaf != null && leaf.byName() && leaf.service() != null) {
                    names.add(leaf.service());
                }
            }
        }
        return names;
    }

    /** The entries of all look-ups, each with its layer. */
    private Map<Entry, Integer> layers(boolean forwarded) {
        return layers(forwarded, false);
    }

    /** A control group that is gone, or has another one in its place: nobody will be in it again. */
    static boolean isOfGoneGroup(Rule rule) {
        String path = rule.value("--path");
        LeafComment leaf = LeafComment.parse(rule.comment());
        if (path == null || leaf == null) {
            return false;
        }
        OptionalLong now = ControlGroups.id(path);
        return now.isEmpty() || (leaf.group() != null && now.getAsLong() != leaf.group());
    }

    private Map<Entry, Integer> layers(boolean forwarded, boolean gone) {
        Map<Entry, Integer> layers = new LinkedHashMap<>();
        families.forEach((family, ruleset) -> ruleset.of(Table.NAT).chains().forEach((chain, rules) -> {
            String plain = slot.plain(chain);
            if (plain != null && isForwarded(plain) == forwarded) {
                for (Rule rule : rules) {
                    LeafComment comment = LeafComment.parse(rule.comment());
                    if (comment != null && !"udp".equals(rule.value("-p")) && (gone || !isOfGoneGroup(rule))) {
                        entries(rule, comment, family).forEach(entry -> layers.put(entry, comment.layer()));
                    }
                }
            }
        }));
        return layers;
    }

    private static boolean isForwarded(String plain) {
        return plain.startsWith("F");
    }

    private List<Entry> entries(Rule rule, LeafComment comment, Family family) {
        String destination = rule.value("-d");
        Network network = destination == null ? Network.all(family) : network(destination, rule);
        String source = rule.value("-s");
        String uid = rule.value("--uid-owner");
        String gid = rule.value("--gid-owner");
        CallerKey caller = new CallerKey(
                rule.value("--path"),
                uid == null ? null : Long.valueOf(number(uid, rule)),
                gid == null ? null : Long.valueOf(number(gid, rule)),
                source == null ? null : network(source, rule));
        String target = slot.plain(rule.target());
        Port listener = target == null ? null : listener(target);
        List<PortRange> ports = new ArrayList<>();
        String one = rule.value("--dport");
        String several = rule.value("--dports");
        if (several != null) {
            for (String part : several.split(",", -1)) {
                ports.add(range(part, rule));
            }
        } else {
            ports.add(one == null ? PortRange.ALL : range(one, rule));
        }
        List<Entry> entries = new ArrayList<>();
        for (PortRange range : ports) {
            String said = network.prefix() == 0 && range.equals(PortRange.ALL)
                    ? "any " + family.label()
                    : network + (range.equals(PortRange.ALL) ? "" : " port " + range);
            entries.add(new Entry(comment.service(), caller, network, range, listener, said));
        }
        return entries;
    }

    /** The services with their entries, as they would have to be compiled again. */
    Map<ServiceName, ServiceRules> services() {
        return services(false);
    }

    /**
     * Likewise.
     *
     * @param gone whether entries of control groups that are gone are among them
     */
    Map<ServiceName, ServiceRules> services(boolean gone) {
        LinkedHashSet<Entry> all = new LinkedHashSet<>(layers(false, gone).keySet());
        for (Entry entry : layers(true, gone).keySet()) {
            if (entry.caller().network() != null) {
                all.add(entry); // what anybody may be is among those of this host's callers
            }
        }
        Set<ServiceName> byName = byName();
        Map<ServiceName, List<Entry>> except = new LinkedHashMap<>();
        Map<ServiceName, List<Entry>> to = new LinkedHashMap<>();
        for (Entry entry : all) {
            if (entry.service() != null) {
                (entry.listener() == null ? except : to)
                        .computeIfAbsent(entry.service(), any -> new ArrayList<>())
                        .add(entry);
            }
        }
        Map<ServiceName, ServiceRules> services = new LinkedHashMap<>();
        for (Map<ServiceName, List<Entry>> some : List.of(except, to)) {
            some.forEach((name, entries) -> services.put(
                    name,
                    new ServiceRules(
                            name,
                            rank(entries.getFirst(), byName),
                            except.getOrDefault(name, List.of()),
                            to.getOrDefault(name, List.of()),
                            LIVE)));
        }
        return services;
    }

    private @Nullable Forwarding forwarding() {
        if (!chains().contains("FWD")) {
            return null;
        }
        List<InterfaceName> interfaces = new ArrayList<>();
        for (Rule rule : rules(Family.IPV4, Table.NAT, "ARRIVING")) {
            String name = rule.target().equals(slot.chain("FWD")) ? rule.value("-i") : null;
            if (name != null) {
                interfaces.add(
                        new InterfaceName(name.endsWith("+") ? name.substring(0, name.length() - 1) + "*" : name));
            }
        }
        return new Forwarding(interfaces, steps("FWD"));
    }

    /** Envoy's listener that a chain sends outbound connections to, or null. */
    static @Nullable Port listener(String plain) {
        return port(plain, TO);
    }

    static @Nullable Port dnsListener(String plain) {
        return port(plain, "TO_DNS_");
    }

    static @Nullable Port inboundListener(String plain) {
        return port(plain, "TO_IN_");
    }

    private static @Nullable Port port(String plain, String prefix) {
        try {
            return plain.startsWith(prefix) ? Port.parse(plain.substring(prefix.length())) : null;
        } catch (BadValue e) {
            return null;
        }
    }

    /** How connections to this host are captured, or null where they are not. */
    @Nullable
    InboundDecision inbound() {
        Port listener = null;
        for (String plain : chains()) {
            Port one = inboundListener(plain);
            listener = one == null ? listener : one;
        }
        if (listener == null) {
            return null;
        }
        boolean tproxy = !rules(Family.IPV4, Table.MANGLE, "INTERCEPTED").isEmpty();
        List<Rule> asked =
                tproxy ? rules(Family.IPV4, Table.MANGLE, "INTERCEPTED") : rules(Family.IPV4, Table.NAT, "ARRIVING");
        List<InboundStep> arriving = new ArrayList<>();
        for (Rule rule : asked) {
            InboundStep step = arriving(rule, asked);
            if (step != null && !arriving.contains(step)) {
                arriving.add(step);
            }
        }
        List<Decision.Ending> endings = new ArrayList<>();
        for (Decision.Ending ending : Decision.Ending.values()) {
            if (all(Table.NAT, "TO_IN_" + listener).stream()
                    .anyMatch(rule -> rule.comment().equals(ending.why()))) {
                endings.add(ending);
            }
        }
        return new InboundDecision(
                tproxy ? Choices.InboundMode.TPROXY : Choices.InboundMode.REDIRECT,
                listener,
                arriving,
                deciding(),
                endings);
    }

    private @Nullable InboundStep arriving(Rule rule, List<Rule> all) {
        String comment = rule.comment();
        if (rule.target().equals(slot.chain("FWD")) || comment.equals(ArrivalRules.CAPTURED)) {
            return null;
        }
        List<InterfaceName> interfaces = new ArrayList<>();
        for (Rule one : all) {
            String name = one.comment().equals(comment) ? one.value("-i") : null;
            if (name != null) {
                interfaces.add(
                        new InterfaceName(name.endsWith("+") ? name.substring(0, name.length() - 1) + "*" : name));
            }
        }
        String ports = rule.value("--dport");
        PortRange ephemeral = ports == null ? ephemeralOfOutbound() : range(ports, rule);
        for (InboundStep step : List.of(
                new InboundStep.OtherProtocols(),
                new InboundStep.ExceptInterfaces(interfaces),
                new InboundStep.WithinHost(),
                new InboundStep.Elsewhere(),
                new InboundStep.OpenConnections(ephemeral))) {
            if (step.why().equals(comment)) {
                return step;
            }
        }
        throw notOurs(rule);
    }

    private PortRange ephemeralOfOutbound() {
        for (String chain : List.of("OUTPUT", "OUTPUT_ASKED")) {
            for (Rule rule : rules(Family.IPV4, Table.NAT, chain)) {
                String ports = rule.exceptValue("--sport");
                if (ports != null) {
                    return range(ports, rule);
                }
            }
        }
        throw notOurs("the chain OUTPUT does not tell the ephemeral ports");
    }

    private List<InboundStep> deciding() {
        TreeSet<Integer> envoys = new TreeSet<>();
        List<PortRange> except = new ArrayList<>();
        List<PortRange> to = new ArrayList<>();
        InboundStep.EnvoysPorts envoysPorts = new InboundStep.EnvoysPorts(new TreeSet<>());
        InboundStep.PortLookup lookup = new InboundStep.PortLookup(Ports.NONE, Ports.NONE);
        InboundStep.OtherPorts others = new InboundStep.OtherPorts();
        InboundStep.LinkLocal linkLocal = new InboundStep.LinkLocal();
        for (Rule rule : rules(Family.IPV4, Table.NAT, "INBOUND")) {
            String ports = rule.value("--dport");
            if (rule.comment().equals(envoysPorts.why()) && ports != null) {
                envoys.add((int) number(ports, rule));
            } else if (rule.comment().equals(lookup.why())) {
                (rule.target().equals("RETURN") ? except : to).add(ports == null ? PortRange.ALL : range(ports, rule));
            } else if (!rule.comment().equals(ArrivalRules.SERVICES_LISTENERS)
                    && !rule.comment().equals(others.why())
                    && !rule.comment().equals(linkLocal.why())) {
                throw notOurs(rule);
            }
        }
        List<InboundStep> steps = new ArrayList<>();
        steps.add(linkLocal);
        if (chainOf(Family.IPV6) == null) {
            steps.add(new InboundStep.Ipv6Bypass());
        }
        steps.add(new InboundStep.EnvoysPorts(envoys));
        steps.add(new InboundStep.PortLookup(new Ports(except), new Ports(to)));
        steps.add(others);
        return steps;
    }
}
