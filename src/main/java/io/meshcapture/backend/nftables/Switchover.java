package io.meshcapture.backend.nftables;

import io.meshcapture.backend.Finding;
import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.failure.Failure;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Plans how the table gets from what stands to what is wanted without an instant in which a connection meets neither:
 * in place where one map changes in one way, through the free {@link Slot} otherwise.
 */
final class Switchover {

    private Switchover() {}

    /** Where no table stands: everything is built, and nothing leads to it before the commitment. */
    static NftChange begin(Ruleset wanted, @Nullable Duration trial, List<Finding> differences) {
        Ruleset built = BaseChain.leading(wanted, null, null, false);
        return new NftChange(
                "",
                Transaction.between(null, built),
                Transaction.between(built, BaseChain.leading(built, Slot.FIRST, null, trial != null))
                        + trialElements(trial),
                differences);
    }

    /**
     * The change to a ruleset.
     *
     * @param wanted as {@link RulesetRenderer} renders it, spelled as the library spells it
     * @param trial how long it is to be in force unless it is confirmed, or null for good
     */
    static NftChange between(
            StandingTable standing, Ruleset wanted, @Nullable Duration trial, List<Finding> differences) {
        if (!isUsable(standing.table())) {
            if (trial != null) {
                throw new Failure.Conflict(
                        "the live table was changed by hand, so that nothing can be tried beside it",
                        "it is dormant, or a base chain or a shared set of ours is missing or of another kind",
                        "see the difference with: meshcapture check; repair it with: meshcapture apply");
            }
            // of another kind, so that whatever was in it has not worked: anew, in one transaction
            Ruleset whole = BaseChain.leading(keeping(standing.table(), wanted), Slot.FIRST, null, false);
            return new NftChange("", "", Transaction.anew(whole) + trialElements(trial), differences);
        }
        Ruleset cleared = cleared(standing);
        String clearing = Transaction.between(standing.table(), cleared);
        StandingTable now = StandingTable.of(cleared);
        Slot considered = now.considered();
        Slot inForce = now.inForce();
        Ruleset contents = considered.contents(cleared);
        Ruleset target = copy(cleared);
        considered.clear(target);
        considered.fill(target, wanted);
        addListeners(target, wanted);
        addCaptured(target, wanted);
        target = BaseChain.leading(target, considered, null, false);
        removeCaptured(target, wanted);
        if (trial == null && InPlace.isInOneInstant(contents, wanted, inForce != null)) {
            return new NftChange(clearing, "", Transaction.between(cleared, withoutStrangers(target)), differences);
        }
        Slot free = considered.other();
        Ruleset built = copy(cleared);
        free.fill(built, counting(wanted, contents));
        addListeners(built, wanted);
        addCaptured(built, wanted);
        built = BaseChain.prepared(built);
        Ruleset switched = copy(built);
        if (trial == null || inForce == null) {
            considered.clear(switched);
            removeCaptured(switched, wanted);
        }
        switched = BaseChain.leading(switched, free, inForce, trial != null);
        return new NftChange(
                clearing,
                Transaction.between(cleared, built),
                Transaction.between(built, withoutStrangers(switched)) + trialElements(trial),
                differences);
    }

    /** Makes what is on trial last: one rule changes, and what stood before is taken away. */
    static NftChange confirmation(StandingTable standing) {
        Slot tried = Objects.requireNonNull(standing.trial());
        Ruleset target = copy(standing.table());
        tried.other().clear(target);
        target = BaseChain.leading(target, tried, null, false);
        return new NftChange("", "", Transaction.between(standing.table(), target) + trialElements(null), List.of());
    }

    /** Ends a trial now. */
    static NftChange abandonment(StandingTable standing) {
        Ruleset target = copy(standing.table());
        Objects.requireNonNull(standing.trial()).clear(target);
        target = BaseChain.leading(target, standing.confirmed(), null, false);
        return new NftChange("", "", Transaction.between(standing.table(), target) + trialElements(null), List.of());
    }

    /** Lets a trial last anew. An element that is added again keeps its old time; so it is taken out first. */
    static NftChange extension(Duration trial) {
        return new NftChange("", "", trialElements(trial), List.of());
    }

    /** The table without what nothing leads to. */
    private static Ruleset cleared(StandingTable standing) {
        Ruleset table = copy(standing.table());
        Slot confirmed = standing.confirmed();
        if (standing.hasEndedTrial()) {
            if (confirmed != null) {
                confirmed.other().clear(table);
                return BaseChain.leading(table, confirmed, null, false);
            }
            // its redirect keeps conntrack on for the connections that it captured, until something replaces it
            Objects.requireNonNull(standing.trial()).other().clear(table);
            return BaseChain.leading(table, null, null, false);
        }
        if (standing.inForce() != null ? standing.leftover() != null : areBothHeld(table)) {
            standing.considered().other().clear(table);
            // and rules that somebody put into base chains, which may refer to what goes
            return standing.trialLeft() != null
                    ? BaseChain.leading(table, standing.trial(), standing.confirmed(), true)
                    : BaseChain.leading(table, standing.confirmed(), null, false);
        }
        return table;
    }

    /** Those of before stay: connections that were sent there may go on. */
    private static void addListeners(Ruleset table, Ruleset wanted) {
        for (NftSet added : wanted.sets().values()) {
            if (Ruleset.remembersListeners(added.name())) {
                NftSet stands = Objects.requireNonNull(table.sets().get(added.name()));
                Map<String, Element> elements = new LinkedHashMap<>(stands.elements());
                elements.putAll(added.elements());
                table.sets().put(added.name(), new NftSet(stands.name(), false, stands.declaration(), elements));
            }
        }
    }

    /** The records of captured connections, which only some decisions keep. */
    private static void addCaptured(Ruleset table, Ruleset wanted) {
        wanted.sets().values().stream()
                .filter(set -> Ruleset.isRecord(set.name()))
                .forEach(set -> table.sets().putIfAbsent(set.name(), set));
    }

    private static void removeCaptured(Ruleset table, Ruleset wanted) {
        table.sets()
                .keySet()
                .removeIf(set -> Ruleset.isRecord(set) && !wanted.sets().containsKey(set));
    }

    private static boolean areBothHeld(Ruleset table) {
        return !Slot.FIRST.isFree(table) && !Slot.SECOND.isFree(table);
    }

    private static String trialElements(@Nullable Duration trial) {
        String set = Ruleset.TABLE + " " + Ruleset.TRIAL;
        if (trial == null) {
            return "";
        }
        String timeout = " timeout " + Timeouts.text(trial);
        return "flush set " + set + "\nadd element " + set + " { ipv4" + timeout + ", ipv6" + timeout + " }\n";
    }

    /** The wanted ruleset, its elements with what those that stand have counted. */
    private static Ruleset counting(Ruleset wanted, Ruleset stands) {
        Map<String, NftSet> sets = new LinkedHashMap<>();
        for (NftSet set : wanted.sets().values()) {
            NftSet old = stands.sets().get(set.name());
            if (old == null || !set.isMap()) {
                sets.put(set.name(), set);
                continue;
            }
            Map<String, Element> elements = new LinkedHashMap<>(set.elements().size() * 2);
            set.elements().forEach((key, element) -> {
                Element counted = old.elements().get(key);
                elements.put(key, counted != null && counted.isSame(element) ? element.counting(counted) : element);
            });
            sets.put(set.name(), new NftSet(set.name(), true, set.declaration(), elements));
        }
        return new Ruleset(wanted.comment(), sets, wanted.chains());
    }

    /**
     * Whether the table can be changed as it stands. The kernel alters neither the hook of a chain nor the type of a set, and
     * waking a dormant table is a matter of the table.
     */
    static boolean isUsable(Ruleset table) {
        if (table.isDormant() || !table.chains().containsKey(BaseChain.OUTPUT.chain())) {
            return false;
        }
        for (BaseChain base : BaseChain.values()) {
            Chain stands = table.chains().get(base.chain());
            if (stands != null && !Objects.equals(stands.base(), base.properties())) {
                return false;
            }
        }
        for (NftSet set : RulesetRenderer.shared()) {
            NftSet stands = table.sets().get(set.name());
            if (stands == null || !stands.declaration().containsAll(set.declaration())) {
                return false;
            }
        }
        return true;
    }

    /** The wanted ruleset, with the listeners and owners that a table knows of connections that go on. */
    private static Ruleset keeping(Ruleset table, Ruleset wanted) {
        Ruleset kept = copy(wanted);
        for (NftSet listeners : wanted.sets().values()) {
            NftSet ever = table.sets().get(listeners.name());
            if (Ruleset.remembersListeners(listeners.name())
                    && ever != null
                    && ever.declaration().equals(listeners.declaration())) {
                kept.sets().put(listeners.name(), ever);
            }
        }
        addListeners(kept, wanted);
        NftSet owners = table.sets().get(Ruleset.OWNERS);
        if (owners != null && owners.declaration().equals(OwnerSet.DECLARATION)) {
            kept.sets().put(Ruleset.OWNERS, owners);
        }
        return kept;
    }

    private static Ruleset copy(Ruleset table) {
        return new Ruleset(
                table.comment(),
                table.isDormant(),
                new LinkedHashMap<>(table.sets()),
                new LinkedHashMap<>(table.chains()),
                new ArrayList<>(table.foreign()));
    }

    /** Counters, flow tables and the like, which are never ours. */
    private static Ruleset withoutStrangers(Ruleset table) {
        return new Ruleset(table.comment(), table.isDormant(), table.sets(), table.chains(), List.of());
    }
}
