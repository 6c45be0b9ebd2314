package io.meshcapture.backend.iptables;

import io.meshcapture.failure.Failure;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/** Who wrote the chains that are called like ours: we did, another version of us, or somebody else. */
final class Authorship {
    private Authorship() {}

    /** Whether anything stands that we wrote; also where somebody has since removed all of table nat, which says so. */
    static boolean isOurs(Collection<Ruleset> families) {
        return families.stream()
                        .map(ruleset -> ruleset.of(Table.NAT).chains().get(Slot.HOME))
                        .anyMatch(home -> home != null && Memory.isOurs(home))
                || families.stream()
                        .anyMatch(ruleset ->
                                ruleset.of(Table.NAT).chains().keySet().stream().noneMatch(Slot::isOurs)
                                        && !Standing.ours(ruleset, null).isEmpty());
    }

    /**
     * Refuses what we did not write.
     *
     * @param thisVersionOnly whether to refuse what another version wrote, too
     * @throws Failure.Conflict that names the chain
     */
    static void require(Flavour flavour, Ruleset ruleset, boolean thisVersionOnly) {
        Map<String, List<Rule>> nat = ruleset.of(Table.NAT).chains();
        List<Rule> home = nat.get(Slot.HOME);
        if (home == null) {
            for (String chain : nat.keySet()) {
                if (Slot.isOurs(chain)) {
                    throw notOurs(flavour, chain);
                }
            }
            return;
        }
        if (!Memory.isOurs(home)) {
            throw notOurs(flavour, Slot.HOME);
        }
        if (thisVersionOnly && !Memory.isOfThisVersion(home)) {
            throw new Failure.Conflict(
                    "the chains of " + flavour.label() + " were written by another version of meshcapture",
                    "the first rule of chain " + Slot.HOME + " says \""
                            + home.getFirst().comment() + "\"",
                    "use that version, or remove the capture with: meshcapture rollback --all");
        }
    }

    private static Failure.Conflict notOurs(Flavour flavour, String chain) {
        return new Failure.Conflict(
                "a chain called " + chain + " is in table nat already, and meshcapture did not make it",
                "no chain " + Slot.HOME + " says that it did",
                "look at it with: " + flavour.label() + " -t nat -S " + chain + "; remove or rename it yourself");
    }
}
