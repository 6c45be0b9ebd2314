package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Ends of capture that need no decision: what stands, without what goes. */
final class Removals {
    private Removals() {}

    /** Elements of some services. Captures go first: an exception that went before its capture would be captured. */
    static NftChange some(Ruleset stands, Set<String> services) {
        Ruleset captureNothing = without(stands, services, true);
        Ruleset target = without(captureNothing, services, false);
        return new NftChange(
                "",
                Transaction.between(stands, captureNothing),
                Transaction.between(captureNothing, target),
                Drift.between(stands, target, null));
    }

    private static Ruleset without(Ruleset stands, Set<String> services, boolean capturesOnly) {
        Map<String, NftSet> sets = new LinkedHashMap<>();
        for (NftSet set : stands.sets().values()) {
            Map<String, Element> elements = new LinkedHashMap<>(set.elements());
            elements.values()
                    .removeIf(element -> services.contains(Drift.ownerOrNothing(element))
                            && !(capturesOnly && element.verdict().equals("accept")));
            sets.put(set.name(), new NftSet(set.name(), set.isMap(), set.declaration(), elements));
        }
        return new Ruleset(stands.comment(), stands.isDormant(), sets, stands.chains(), stands.foreign());
    }

    /**
     * Everything; the base chains and the redirects stay. The maps are deleted whole, since the kernel takes 30 s to empty one of 100,000
     * elements and 0.1 s to delete it.
     */
    static NftChange all(Ruleset stands) {
        Map<String, NftSet> sets = new LinkedHashMap<>();
        stands.sets().forEach((name, set) -> {
            if (Ruleset.isLiving(name)) {
                sets.put(name, set);
            }
        });
        Map<String, Ruleset.Chain> chains = new LinkedHashMap<>();
        stands.chains().forEach((name, chain) -> {
            if (name.startsWith(Redirect.TO)) {
                // what somebody put there may refer to what goes
                List<String> redirects = chain.rules().stream()
                        .filter(rule -> rule.contains(" redirect to :"))
                        .toList();
                chains.put(name, new Ruleset.Chain(name, null, redirects));
            } else if (name.equals(BaseChain.QUERIES.chain())) {
                chains.put(name, chain);
            } else if (isZoneChain(name)) {
                chains.put(name, DnsRules.answersOnly(chain));
            } else if (chain.base() != null) {
                chains.put(name, new Ruleset.Chain(name, chain.base(), List.of()));
            }
        });
        Ruleset target = new Ruleset(stands.comment(), stands.isDormant(), sets, chains, stands.foreign());
        return new NftChange("", "", Transaction.between(stands, target), Drift.between(stands, target, null));
    }

    private static boolean isZoneChain(String name) {
        return name.equals(Slot.FIRST.name(DnsRules.ZONE_CHAIN)) || name.equals(Slot.SECOND.name(DnsRules.ZONE_CHAIN));
    }
}
