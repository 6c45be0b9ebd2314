package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import java.util.HashSet;
import java.util.Set;

/** Changes that need no second slot. */
final class InPlace {
    private InPlace() {}

    /**
     * Whether a change in place is one instant for every connection: rules alone, or, for each family, elements that are
     * added to one map or taken out of one map. With kernels before 6.17 an element that is replaced is missing from its map
     * until the map is exchanged.
     */
    static boolean isInOneInstant(Ruleset from, Ruleset to, boolean inForce) {
        boolean othersChange = !from.chains().keySet().equals(chainsOfASlot(to));
        for (Chain chain : from.chains().values()) {
            Chain wanted = to.chains().get(chain.name());
            othersChange |= wanted == null || !wanted.rules().equals(chain.rules());
        }
        int changedIpv4 = 0;
        int changedIpv6 = 0;
        for (NftSet wanted : to.sets().values()) {
            NftSet stands = from.sets().get(wanted.name());
            if (Slot.isSharedSet(wanted.name())) {
                continue;
            }
            if (stands == null
                    || stands.isMap() != wanted.isMap()
                    || !stands.declaration().equals(wanted.declaration())) {
                return false;
            }
            if (wanted.isMap()) {
                Difference difference = difference(stands, wanted);
                boolean ofPorts = !wanted.declaration().getFirst().contains("_addr");
                if (difference == Difference.BOTH_WAYS || (ofPorts && difference != Difference.NONE)) {
                    return false; // a range is two elements
                }
                if (difference == Difference.ONE_WAY) {
                    boolean ipv6 = wanted.declaration().getFirst().contains("ipv6_addr");
                    changedIpv4 += ipv6 ? 0 : 1;
                    changedIpv6 += ipv6 ? 1 : 0;
                }
            }
        }
        int changed = changedIpv4 + changedIpv6;
        for (NftSet set : from.sets().values()) {
            if (!to.sets().containsKey(set.name())) {
                othersChange = true;
                changed += set.isMap() ? 1 : 0;
            }
        }
        return changed == 0 || (inForce && !othersChange && changedIpv4 <= 1 && changedIpv6 <= 1);
    }

    private enum Difference {
        NONE,
        ONE_WAY,
        BOTH_WAYS
    }

    private static Difference difference(NftSet stands, NftSet wanted) {
        boolean adds = false;
        boolean takes = false;
        for (Element element : wanted.elements().values()) {
            Element old = stands.elements().get(element.key());
            adds |= old == null;
            if (old != null && !old.isSame(element)) {
                return Difference.BOTH_WAYS;
            }
        }
        for (Element old : stands.elements().values()) {
            if (!wanted.elements().containsKey(old.key())) {
                if (!Transaction.isSpellable(stands, old)) {
                    return Difference.BOTH_WAYS;
                }
                takes = true;
            }
        }
        if (adds && takes) {
            return Difference.BOTH_WAYS;
        }
        return adds || takes ? Difference.ONE_WAY : Difference.NONE;
    }

    private static Set<String> chainsOfASlot(Ruleset ruleset) {
        Set<String> names = new HashSet<>(ruleset.chains().keySet());
        names.removeIf(Slot::isSharedChain);
        return names;
    }
}
