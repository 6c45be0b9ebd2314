package io.meshcapture.backend.nftables;

import io.meshcapture.backend.Finding;
import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The table that stands, told apart: which slot is in force, which is on trial, and what nothing leads to.
 *
 * @param table everything in it, under the names that the kernel knows
 * @param confirmed the slot that the base chains lead to for good, told by the one of {@code output}, or null where it leads to none
 * @param trial the slot that they lead to while the trial lasts, or null
 * @param trialLeft what is left of the trial, or null where there is none or its time is over
 */
record StandingTable(
        Ruleset table,
        @Nullable Slot confirmed,
        @Nullable Slot trial,
        @Nullable Duration trialLeft) {

    static StandingTable of(Ruleset table) {
        Slot confirmed = null;
        Slot trial = null;
        Chain output = table.chains().get(BaseChain.OUTPUT.chain());
        for (String rule : output == null ? List.<String>of() : output.rules()) {
            Slot one = BaseChain.OUTPUT.led(rule);
            Slot other = BaseChain.OUTPUT.ledOnTrial(rule);
            if (one != null && confirmed == null) {
                confirmed = one;
            } else if (other != null && confirmed == null && trial == null) {
                trial = other;
            }
        }
        return new StandingTable(table, confirmed, trial, trial == null ? null : left(table));
    }

    /** What the longest-living element of the trial has left. */
    private static @Nullable Duration left(Ruleset table) {
        NftSet set = table.sets().get(Ruleset.TRIAL);
        Duration left = null;
        if (set != null) {
            for (Element element : set.elements().values()) {
                Duration one = Timeouts.left(element.options());
                if (left == null || one.compareTo(left) > 0) {
                    left = one;
                }
            }
        }
        return left;
    }

    /** The slot that decides new connections now, or null where nothing does. */
    @Nullable
    Slot inForce() {
        return trialLeft != null ? trial : confirmed;
    }

    /** Whether a trial has ended by itself and nobody has cleared it away. */
    boolean hasEndedTrial() {
        return trial != null && trialLeft == null;
    }

    /** The slot that holds what nothing leads to: the beginnings of a change, or a trial that ended; null for none. */
    @Nullable
    Slot leftover() {
        for (Slot slot : Slot.values()) {
            boolean led = slot == confirmed || (slot == trial && trialLeft != null);
            if (!led && inForce() != null && !slot.isFree(table)) {
                return slot;
            }
        }
        return null;
    }

    /** What nothing leads to, told as one difference. */
    List<Finding> leftovers() {
        Slot leftover = leftover();
        if (leftover == null) {
            return List.of();
        }
        Ruleset contents = leftover.contents(table);
        int things = contents.sets().size() + contents.chains().size();
        String what = hasEndedTrial() ? "a trial that has ended" : "a change that was interrupted";
        String left = things == 1 ? "1 set, map or chain" : things + " sets, maps and chains";
        return List.of(new Finding(null, "table " + Ruleset.TABLE, left + " that " + what + " left behind", ""));
    }

    /**
     * The slot that is compared and changed: the one in force; where none is, one that is not free, since somebody may have
     * taken away no more than the way to it; the first where both are.
     */
    Slot considered() {
        Slot inForce = inForce();
        if (inForce != null) {
            return inForce;
        }
        return Slot.FIRST.isFree(table) && !Slot.SECOND.isFree(table) ? Slot.SECOND : Slot.FIRST;
    }

    /** The considered slot as a ruleset by itself, as a decision is rendered to one. */
    Ruleset ruleset() {
        Ruleset contents = considered().contents(table);
        LinkedHashMap<String, NftSet> sets = new LinkedHashMap<>();
        LinkedHashMap<String, Chain> chains = new LinkedHashMap<>();
        table.sets().forEach((name, set) -> {
            if (Slot.isSharedSet(name)) {
                sets.put(name, set);
            }
        });
        sets.putAll(contents.sets());
        chains.putAll(contents.chains());
        for (BaseChain base : BaseChain.values()) {
            Chain chain = table.chains().get(base.chain());
            if (chain != null) {
                List<String> rules = withoutSlots(base, chain.rules());
                // one that only the other slot needs is none of this one
                if (base == BaseChain.OUTPUT
                        || !rules.isEmpty()
                        || !base.properties().equals(chain.base())
                        || contents.chains().containsKey(base.target())) {
                    chains.put(base.chain(), new Chain(base.chain(), chain.base(), rules));
                }
            }
        }
        return new Ruleset(table.comment(), table.isDormant(), sets, chains, table.foreign());
    }

    /** A base chain's rules, with one way to what is in force, whichever slot that is. */
    private List<String> withoutSlots(BaseChain base, List<String> rules) {
        boolean passes = trial != null && !base.isLedToIn(trial, table);
        List<String> plain = new ArrayList<>();
        for (String rule : rules) {
            Slot tried = base.ledOnTrial(rule);
            Slot led = base.led(rule);
            if (tried == null && led == null) {
                if (!passes || !BaseChain.isPass(rule)) {
                    plain.add(rule);
                }
            } else if (trialLeft != null ? tried == trial : led != null && led == confirmed) {
                plain.add(base.way(Slot.FIRST));
            }
        }
        return plain;
    }
}
