package io.meshcapture.backend.iptables;

import io.meshcapture.backend.Change;
import io.meshcapture.backend.Finding;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.ServiceFacts;
import io.meshcapture.system.KernelClock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The changes of what stands: what is to stand afterwards, and what of it differs. Nothing is written. */
final class Changes {
    private Changes() {}

    /** A decision where nothing stands. */
    static Ruleset of(Decision decision, Family family) {
        return Renderer.render(decision, family, Slot.FIRST, remembering(new Memory(), decision, Map.of(), "", null));
    }

    /** To a decision, for good or on trial. */
    static IptablesChange to(
            IptablesState state, Decision decision, String version, Instant now, @Nullable Duration trial) {
        Memory memory = remembering(state.memory(), decision, state.groups(decision), version, now);
        Map<Family, Ruleset> inPlace = rendered(decision, state.considered(), memory);
        List<Finding> differences = new ArrayList<>(differences(state, inPlace, null));
        Slot inForce = state.slot();
        if (trial == null) {
            // rules of others that have come before ours since; who tries a plan longer tries the same
            differences.addAll(Shadows.differences(state.families()));
        }
        if (trial == null || differences.isEmpty()) {
            return new IptablesChange(keepingOwners(state, inPlace), false, differences);
        }
        // beside what stands, which it falls back to; where nothing does, to nothing
        Slot tried = inForce == null ? state.considered() : inForce.other();
        Map<Family, Ruleset> target = rendered(decision, tried, memory.trying(KernelClock.millis() + trial.toMillis()));
        if (inForce != null) {
            keepChains(state, target, inForce);
        }
        return new IptablesChange(keepingOwners(state, target), false, differences);
    }

    private static Memory remembering(
            Memory memory, Decision decision, Map<String, Long> groups, String version, @Nullable Instant now) {
        TreeSet<Integer> listeners = new TreeSet<>(memory.listeners());
        decision.listeners().forEach(port -> listeners.add(port.number()));
        if (decision.dns() != null) {
            listeners.add(decision.dns().listener().number());
        }
        TreeSet<Integer> inbound = new TreeSet<>(memory.inboundListeners());
        if (decision.inbound() != null) {
            inbound.add(decision.inbound().listener().number());
        }
        return new Memory(stamped(decision, memory, version, now), listeners, inbound, groups, memory.trialEnds());
    }

    /** A service whose capture is the same keeps its note; another gets one of today, or none where now is null. */
    private static SortedMap<String, Memory.ServiceNote> stamped(
            Decision decision, Memory memory, String version, @Nullable Instant now) {
        TreeMap<String, Memory.ServiceNote> notes = new TreeMap<>();
        for (ServiceFacts facts : decision.services()) {
            String name = facts.name().value();
            Memory.ServiceNote old = memory.services().get(name);
            boolean same = old != null && old.digest().equals(facts.digest());
            notes.put(name, same ? old : new Memory.ServiceNote(facts.digest(), version, now));
        }
        return notes;
    }

    private static Map<Family, Ruleset> rendered(Decision decision, Slot slot, Memory memory) {
        Map<Family, Ruleset> target = new EnumMap<>(Family.class);
        for (Family family : Family.values()) {
            target.put(family, Renderer.render(decision, family, slot, memory));
        }
        return target;
    }

    private static void keepChains(IptablesState state, Map<Family, Ruleset> target, Slot slot) {
        state.families()
                .forEach((family, ruleset) -> ruleset.tables()
                        .forEach((table, contents) -> contents.chains().forEach((chain, rules) -> {
                            if (slot.plain(chain) != null) {
                                target.computeIfAbsent(family, any -> new Ruleset())
                                        .in(table)
                                        .chains()
                                        .put(chain, rules);
                            }
                        })));
    }

    private static Map<Family, Ruleset> keepingOwners(IptablesState state, Map<Family, Ruleset> target) {
        List<Rule> owners = state.families()
                .getOrDefault(Family.IPV4, new Ruleset())
                .of(Table.NAT)
                .chains()
                .get(Slot.OWNERS);
        if (owners != null) {
            Ruleset.nat4(target).put(Slot.OWNERS, owners);
        }
        return target;
    }

    /** What is on trial lasts. */
    static Change confirmation(IptablesState state) {
        return leadingTo(state, state.considered(), state.memory().trying(null), false);
    }

    /** What stood before a trial is in force again. */
    static Change abandonment(IptablesState state) {
        return leadingTo(state, state.considered().other(), state.memory().trying(null), true);
    }

    /** What stands of a slot alone, and the jumps to it. */
    private static Change leadingTo(IptablesState state, Slot slot, Memory memory, boolean takesAway) {
        Map<Family, Ruleset> target = new EnumMap<>(Family.class);
        state.families().forEach((family, ruleset) -> {
            Ruleset kept = Standing.ours(ruleset, slot);
            kept.tables().values().forEach(contents -> contents.builtin().clear());
            FilterRules.remember(memory, kept, family, slot);
            Jumps.to(slot, kept, family);
            if (kept.of(Table.NAT).chains().containsKey(Slot.HOME)) {
                kept.in(Table.NAT).chains().put(Slot.HOME, memory.rules(family == Family.IPV4));
            }
            target.put(family, kept);
        });
        return new IptablesChange(target, takesAway, List.of());
    }

    /** A trial runs for a time from now. */
    static Change extension(IptablesState state, Duration trial) {
        Map<Family, Ruleset> target = state.ours();
        Memory memory = state.memory().trying(KernelClock.millis() + trial.toMillis());
        Ruleset.nat4(target).put(Slot.HOME, memory.rules(true));
        return new IptablesChange(target, false, List.of());
    }

    /** The differences between what stands and a decision. */
    static List<Finding> differences(IptablesState state, Decision decision, @Nullable Set<ServiceName> only) {
        Memory memory = remembering(state.memory(), decision, state.groups(decision), "", null);
        return differences(state, rendered(decision, state.considered(), memory), only);
    }

    /** What a trial falls back to is no difference. */
    private static List<Finding> differences(
            IptablesState state, Map<Family, Ruleset> target, @Nullable Set<ServiceName> only) {
        List<Finding> differences = new ArrayList<>();
        for (Family family : Family.values()) {
            Ruleset all = state.families().getOrDefault(family, new Ruleset());
            Ruleset stands = Standing.ours(all, state.behindTrial() == null ? null : state.considered());
            differences.addAll(Drift.between(family, stands, target.getOrDefault(family, new Ruleset()), only));
        }
        return differences;
    }

    /** Services go, and everything else stays as it stands, edited by hand or on trial. */
    static Change removal(IptablesState state, Set<String> services) {
        Map<Family, Ruleset> target = state.ours();
        target.values()
                .forEach(ruleset -> ruleset.tables()
                        .values()
                        .forEach(contents -> contents.chains()
                                .replaceAll((chain, rules) -> rules.stream()
                                        .filter(rule -> !isOf(rule, services) && !StandingLookups.isOfGoneGroup(rule))
                                        .toList())));
        List<Finding> differences = new ArrayList<>();
        for (Family family : Family.values()) {
            differences.addAll(Drift.between(
                    family,
                    state.ours().getOrDefault(family, new Ruleset()),
                    target.getOrDefault(family, new Ruleset()),
                    null));
        }
        return new IptablesChange(target, true, differences);
    }

    private static boolean isOf(Rule rule, Set<String> services) {
        LeafComment leaf = LeafComment.parse(rule.comment());
        boolean isLeaf = leaf != null
                && leaf.service() != null
                && services.contains(leaf.service().value());
        return isLeaf || Memory.isNoteOf(rule, services);
    }

    /** The chain that keeps conntrack on stays, and what translates DNS that is on its way. */
    static Change removalOfAll(IptablesState state, String home) {
        Map<Family, Ruleset> target = new EnumMap<>(Family.class);
        state.ours().forEach((family, ruleset) -> {
            Ruleset kept = new Ruleset();
            for (String chain : List.of(Slot.HOME, Slot.OWNERS)) {
                List<Rule> rules = ruleset.of(Table.NAT).chains().get(chain);
                if (rules != null) {
                    kept.in(Table.NAT).chains().put(chain, rules);
                }
            }
            ruleset.of(Table.RAW).chains().forEach((chain, rules) -> {
                kept.in(Table.RAW).chains().put(chain, ZoneRules.answersOnly(rules));
                kept.in(Table.RAW).builtin().putAll(ruleset.of(Table.RAW).builtin());
            });
            target.put(family, kept);
        });
        return new IptablesChange(target, true, List.of(new Finding(null, home, home, "")));
    }
}
