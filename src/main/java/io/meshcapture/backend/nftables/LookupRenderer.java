package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Rank;
import io.meshcapture.rules.CallerKey;
import io.meshcapture.rules.Entry;
import io.meshcapture.rules.Step;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Look-ups as maps, and the rules that ask them; {@link LookupReader} reads them back. */
record LookupRenderer(RulesetBuilder builder) {

    /** Of what is opened here: maps by what callers and destinations are told by, each asked by a rule. */
    List<String> ofThisHost(Step.Lookup lookup) {
        List<String> rules = new ArrayList<>();
        Map<CallerKey, Integer> networksOf = new HashMap<>();
        for (Entry entry : lookup.entries()) {
            networksOf.merge(entry.caller(), 1, Integer::sum);
        }
        // sorted: which map of a look-up is asked first makes no difference, and so no difference may come of it
        TreeMap<LookupMap, List<Entry>> maps = new TreeMap<>();
        for (Entry entry : lookup.entries()) {
            boolean many = networksOf.getOrDefault(entry.caller(), 0) > LookupMap.MANY;
            maps.computeIfAbsent(LookupMap.of(entry, many), any -> new ArrayList<>())
                    .add(entry);
        }
        maps.forEach((kind, entries) -> {
            String prefix = prefix(lookup, kind);
            NftSet map = builder.set(
                    kind.name(prefix), true, "type " + kind.type() + " : verdict", "flags interval", "counter");
            rules.add(kind.expression() + " vmap @" + map.name() + RulesetBuilder.comment(lookup.why()));
            for (Entry entry : entries) {
                String key = kind.key(entry);
                add(map, key, entry);
            }
        });
        return rules;
    }

    private static String prefix(Step.Lookup lookup, LookupMap kind) {
        if (lookup.rank() == null) {
            return "except";
        }
        return (lookup.rank() == Rank.NAME ? "name" : kind.who()) + "_" + lookup.layer();
    }

    private static void add(NftSet map, String key, Entry entry) {
        String verdict = entry.listener() == null ? "accept" : "goto " + Redirect.chainTo(entry.listener());
        String owner = entry.service() == null ? "" : entry.service().value();
        map.elements().put(key, Element.of(key, owner, verdict));
    }

    /** Of what arrives from guests: a map for each family. */
    List<String> ofGuests(Step.Lookup lookup) {
        List<String> rules = new ArrayList<>();
        for (Family family : Family.values()) {
            String ip = family == Family.IPV4 ? "ip" : "ip6";
            String address = family == Family.IPV4 ? "ipv4_addr" : "ipv6_addr";
            List<Entry> entries = lookup.entries().stream()
                    .filter(entry -> entry.network().family() == family)
                    .toList();
            if (entries.isEmpty()) {
                continue;
            }
            NftSet map = builder.set(
                    RulesetRenderer.FORWARDED + "_" + lookup.layer() + "_" + ip,
                    true,
                    "type " + address + " . " + address + " . inet_service : verdict",
                    "flags interval",
                    "counter");
            rules.add(ip + " saddr . " + ip + " daddr . th dport vmap @" + map.name()
                    + RulesetBuilder.comment(lookup.why()));
            for (Entry entry : entries) {
                Network source = entry.caller().network();
                Network any = family == Family.IPV4 ? Network.ALL_IPV4 : Network.ALL_IPV6;
                String key = spelled(source == null ? any : source) + " . " + spelled(entry.network()) + " . "
                        + entry.ports();
                add(map, key, entry);
            }
        }
        return rules;
    }

    private static String spelled(Network network) {
        return network.prefix() == 0 ? network.base() + "/0" : network.toString();
    }
}
