package io.meshcapture.backend.iptables;

import io.meshcapture.plan.Family;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.Rank;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.CallerKey;
import io.meshcapture.rules.Entry;
import io.meshcapture.rules.ServiceRules;
import io.meshcapture.rules.Step;
import io.meshcapture.system.ControlGroups;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;

/** The look-ups of a slot as they stand: who is captured to where. */
final class StandingLookups {

    private static final Origin LIVE = Origin.of("live state");

    private final StandingChains chains;

    StandingLookups(StandingChains chains) {
        this.chains = chains;
    }

    /** Those of connections of this host, or of those that it forwards, but for names. */
    List<Step.Lookup> of(boolean forwarded) {
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
        Set<ServiceName> byName = namedServices();
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

    /** Those by name, which are asked before the others. */
    List<Step.Lookup> byName() {
        return lookups(Rank.NAME, layers(false));
    }

    private static Rank rank(Entry entry, Set<ServiceName> byName) {
        boolean named = entry.service() != null && byName.contains(entry.service());
        return named ? Rank.NAME : entry.caller().rank();
    }

    /** The services that capture by name. */
    private Set<ServiceName> namedServices() {
        Set<ServiceName> names = new HashSet<>();
        for (String plain : chains.names()) {
            for (Rule rule : chains.all(Table.NAT, plain)) {
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
        chains.families()
                .forEach((family, ruleset) -> ruleset.of(Table.NAT).chains().forEach((chain, rules) -> {
                    String plain = chains.slot().plain(chain);
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
        Network network = destination == null ? Network.all(family) : StandingChains.network(destination, rule);
        String source = rule.value("-s");
        String uid = rule.value("--uid-owner");
        String gid = rule.value("--gid-owner");
        CallerKey caller = new CallerKey(
                rule.value("--path"),
                uid == null ? null : Long.valueOf(StandingChains.number(uid, rule)),
                gid == null ? null : Long.valueOf(StandingChains.number(gid, rule)),
                source == null ? null : StandingChains.network(source, rule));
        String target = chains.slot().plain(rule.target());
        Port listener = target == null ? null : StandingChains.listener(target);
        List<PortRange> ports = new ArrayList<>();
        String one = rule.value("--dport");
        String several = rule.value("--dports");
        if (several != null) {
            for (String part : several.split(",", -1)) {
                ports.add(StandingChains.range(part, rule));
            }
        } else {
            ports.add(one == null ? PortRange.ALL : StandingChains.range(one, rule));
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

    /**
     * The services with their entries, as they would have to be compiled again.
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
        return ServiceRules.of(all, namedServices(), LIVE);
    }
}
