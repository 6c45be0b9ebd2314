package io.meshcapture.backend.iptables;

import io.meshcapture.plan.Family;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which slots what stands is in.
 *
 * @param families everything that stands
 * @param inForce the slot that new connections are decided by, or null for none
 */
record StandingSlots(
        Map<Family, Ruleset> families, @Nullable Slot inForce) {

    static StandingSlots of(Map<Family, Ruleset> families) {
        return new StandingSlots(families, inForce(families));
    }

    private static @Nullable Slot inForce(Map<Family, Ruleset> families) {
        for (Ruleset ruleset : families.values()) {
            for (Rule rule : ruleset.of(Table.NAT).builtin().getOrDefault("OUTPUT", List.of())) {
                for (Slot slot : Slot.values()) {
                    if (rule.target().equals(slot.chain("OUTPUT"))) {
                        return slot;
                    }
                }
            }
        }
        return null;
    }

    /** The slot that is compared and changed. */
    Slot considered() {
        if (inForce != null) {
            return inForce;
        }
        boolean first = holds(Slot.FIRST);
        return !first && holds(Slot.SECOND) ? Slot.SECOND : Slot.FIRST;
    }

    /** Whether any chain of it stands. */
    boolean holds(Slot slot) {
        return families.values().stream()
                .flatMap(ruleset -> ruleset.tables().values().stream())
                .anyMatch(contents -> contents.chains().keySet().stream().anyMatch(chain -> slot.plain(chain) != null));
    }
}
