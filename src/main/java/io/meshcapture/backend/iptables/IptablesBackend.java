package io.meshcapture.backend.iptables;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.Change;
import io.meshcapture.backend.Finding;
import io.meshcapture.backend.LiveState;
import io.meshcapture.backend.Owned;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.CallerKey;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Entry;
import io.meshcapture.rules.ServiceFacts;
import io.meshcapture.rules.Step;
import io.meshcapture.system.ConntrackTable;
import io.meshcapture.system.KernelClock;
import io.meshcapture.system.SocketTable;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Reads, compares and commits what stands in one flavour, in the calling thread's network namespace. */
public final class IptablesBackend implements Backend {

    private final Flavour flavour;
    private final Programs programs;

    /** What stands, as far as this backend has read and written it; rules of others included. */
    private Map<Family, Ruleset> stands = new EnumMap<>(Family.class);

    private IptablesBackend(Flavour flavour) {
        this.flavour = flavour;
        this.programs = new Programs(flavour);
    }

    /** For a flavour, whether or not its programs are there. */
    public static IptablesBackend of(Flavour flavour) {
        return new IptablesBackend(flavour);
    }

    /** Whether its programs are installed. */
    public boolean isInstalled() {
        return programs.areThere();
    }

    /** The ruleset of a decision as text that {@code iptables-restore --noflush} or {@code ip6tables-restore} accepts. */
    public static String render(Decision decision, Family family) {
        return RestoreScript.of(
                Renderer.render(decision, family, Slot.FIRST, remembering(new Memory(), decision, Map.of(), "", null)));
    }

    @Override
    public String name() {
        return flavour.label();
    }

    @Override
    public String home() {
        return "chain " + Slot.HOME + " (" + flavour.label() + ")";
    }

    @Override
    public boolean holdsTrials() {
        return false;
    }

    @Override
    public LiveState live() {
        return read(true);
    }

    @Override
    public LiveState liveOfAnyVersion() {
        return read(false);
    }

    private IptablesState read(boolean thisVersionOnly) {
        Map<Family, Ruleset> families = new EnumMap<>(Family.class);
        for (Family family : Family.values()) {
            Ruleset ruleset = programs.save(family);
            requireOurs(ruleset, thisVersionOnly);
            families.put(family, ruleset);
        }
        stands = new EnumMap<>(families);
        return new IptablesState(families);
    }

    private void requireOurs(Ruleset ruleset, boolean thisVersionOnly) {
        Map<String, List<Rule>> nat = ruleset.of(Table.NAT).chains();
        List<Rule> home = nat.get(Slot.HOME);
        if (home == null) {
            for (String chain : nat.keySet()) {
                if (Slot.isOurs(chain)) {
                    throw notOurs(chain);
                }
            }
            return;
        }
        if (!Memory.isOurs(home)) {
            throw notOurs(Slot.HOME);
        }
        if (thisVersionOnly && !Memory.isOfThisVersion(home)) {
            throw new Failure.Conflict(
                    "the chains of " + flavour.label() + " were written by another version of meshcapture",
                    "the first rule of chain " + Slot.HOME + " says \""
                            + home.getFirst().comment() + "\"",
                    "use that version, or remove the capture with: meshcapture rollback --all");
        }
    }

    private Failure.Conflict notOurs(String chain) {
        return new Failure.Conflict(
                "a chain called " + chain + " is in table nat already, and meshcapture did not make it",
                "no chain " + Slot.HOME + " says that it did",
                "look at it with: " + flavour.label() + " -t nat -S " + chain + "; remove or rename it yourself");
    }

    /** @throws Failure.Unavailable for what a plan may ask and these rules cannot do */
    private void requireSupported(Decision decision) {
        boolean drops = decision.endings().contains(Decision.Ending.DROP_INVALID)
                || (decision.inbound() != null && decision.inbound().endings().contains(Decision.Ending.DROP_INVALID));
        if (drops) {
            throw new Failure.Unavailable(
                    "the backend " + flavour.label() + " cannot do what \"invalid: drop\" asks",
                    "an INVALID packet does not say whether its connection was captured, and iptables keeps no record of"
                            + " those that were",
                    "leave it out of the plan, or choose the backend nftables");
        }
        if (flavour == Flavour.LEGACY && asksForGroups(decision)) {
            throw new Failure.Unavailable(
                    "the backend " + flavour.label() + " cannot tell callers by unit or cgroup without harm",
                    "once the control group of a rule is gone, the kernel refuses every further change of the table, also by"
                            + " other programs",
                    "name the service's user instead, or choose the backend iptables-nft or nftables");
        }
    }

    private static boolean asksForGroups(Decision decision) {
        for (Step step : decision.steps()) {
            if (step instanceof Step.Lookup lookup) {
                for (Entry entry : lookup.entries()) {
                    CallerKey caller = entry.caller();
                    if (caller.cgroup() != null) {
                        return true;
                    }
                }
            }
        }
        return false;
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

    @Override
    public Change change(LiveState live, Decision decision, String version, Instant now, @Nullable Duration trial) {
        requireSupported(decision);
        IptablesState state = ours(live);
        Memory memory = remembering(state.memory(), decision, state.groups(decision), version, now);
        Map<Family, Ruleset> inPlace = rendered(decision, state.considered(), memory);
        List<Finding> differences = new ArrayList<>(differences(state, inPlace, null));
        Slot inForce = state.slot();
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
            nat4(target).put(Slot.OWNERS, owners);
        }
        return target;
    }

    private static Map<String, List<Rule>> nat4(Map<Family, Ruleset> target) {
        return target.computeIfAbsent(Family.IPV4, any -> new Ruleset())
                .in(Table.NAT)
                .chains();
    }

    @Override
    public Change confirmation(LiveState live) {
        IptablesState state = ours(live);
        Slot slot = state.considered();
        return leadingTo(state, slot, state.memory().trying(null), false);
    }

    @Override
    public Change abandonment(LiveState live) {
        IptablesState state = ours(live);
        return leadingTo(state, state.considered().other(), state.memory().trying(null), true);
    }

    /** What stands of a slot alone, and the jumps to it. */
    private static Change leadingTo(IptablesState state, Slot slot, Memory memory, boolean takesAway) {
        Map<Family, Ruleset> target = new EnumMap<>(Family.class);
        state.families().forEach((family, ruleset) -> {
            Ruleset kept = IptablesState.ours(ruleset, slot);
            kept.tables().values().forEach(contents -> contents.builtin().clear());
            Jumps.to(slot, kept, family);
            if (kept.of(Table.NAT).chains().containsKey(Slot.HOME)) {
                kept.in(Table.NAT).chains().put(Slot.HOME, memory.rules(family == Family.IPV4));
            }
            target.put(family, kept);
        });
        return new IptablesChange(target, takesAway, List.of());
    }

    @Override
    public Change extension(LiveState live, Duration trial) {
        IptablesState state = ours(live);
        Map<Family, Ruleset> target = state.ours();
        nat4(target)
                .put(
                        Slot.HOME,
                        state.memory()
                                .trying(KernelClock.millis() + trial.toMillis())
                                .rules(true));
        return new IptablesChange(target, false, List.of());
    }

    @Override
    public List<Finding> differences(LiveState live, Decision decision, @Nullable Set<ServiceName> only) {
        IptablesState state = ours(live);
        Memory memory = remembering(state.memory(), decision, state.groups(decision), "", null);
        return differences(state, rendered(decision, state.considered(), memory), only);
    }

    /** What a trial falls back to is no difference. */
    private static List<Finding> differences(
            IptablesState state, Map<Family, Ruleset> target, @Nullable Set<ServiceName> only) {
        List<Finding> differences = new ArrayList<>();
        for (Family family : Family.values()) {
            Ruleset all = state.families().getOrDefault(family, new Ruleset());
            Ruleset stands = IptablesState.ours(all, state.behindTrial() == null ? null : state.considered());
            differences.addAll(Drift.between(family, stands, target.getOrDefault(family, new Ruleset()), only));
        }
        return differences;
    }

    /** The chain that nothing leads to is enough: its second rule keeps conntrack on. */
    @Override
    public void prepare(Change change) {
        ours(change).target().forEach((family, target) -> {
            List<Rule> home = target.of(Table.NAT).chains().get(Slot.HOME);
            Ruleset here = stands.getOrDefault(family, new Ruleset());
            if (home != null) {
                programs.requireThere(family);
            }
            if (home != null && !here.of(Table.NAT).chains().containsKey(Slot.HOME)) {
                Ruleset held = IptablesState.ours(here, null);
                held.in(Table.NAT).chains().put(Slot.HOME, new Memory().rules(false));
                programs.restore(family, RestoreScript.between(here, held, List.of(Table.NAT)));
                stands.put(family, Standing.after(here, held));
            }
        });
    }

    @Override
    public void commit(Change change, Collection<SocketTable.Open> open, Map<Long, Owned> owners) {
        if (change.isNothing()) {
            return;
        }
        int failed = ConntrackTable.introduce(open.stream()
                .map(one -> new ConntrackTable.Tuple(one.local(), one.localPort(), one.remote(), one.remotePort()))
                .toList());
        if (failed > 0) {
            throw new Failure.Refused(
                    failed + " open connection(s) could not be kept as they are, and nothing was put in force",
                    "the kernel does not take them into conntrack by ctnetlink",
                    "load the module nf_conntrack_netlink, or apply when fewer connections are open");
        }
        commitWith(ours(change), owners.isEmpty() ? List.of() : OwnerRules.of(owners));
    }

    @Override
    public void commit(Change change) {
        prepare(change);
        write(ours(change).target(), ours(change).takesAway());
    }

    @Override
    public void commit(Change change, Map<Long, Owned> owners) {
        prepare(change);
        List<Rule> all = new ArrayList<>(owners());
        all.addAll(OwnerRules.of(owners));
        commitWith(ours(change), all);
    }

    private List<Rule> owners() {
        return stands.getOrDefault(Family.IPV4, new Ruleset())
                .of(Table.NAT)
                .chains()
                .getOrDefault(Slot.OWNERS, List.of());
    }

    private void commitWith(IptablesChange change, List<Rule> owners) {
        Map<Family, Ruleset> target = new EnumMap<>(change.target());
        if (owners.isEmpty()) {
            nat4(target).remove(Slot.OWNERS);
        } else {
            nat4(target).put(Slot.OWNERS, owners);
        }
        write(target, change.takesAway());
    }

    /** All or nothing: what a family or a table has taken before another one refused is taken back. */
    private void write(Map<Family, Ruleset> target, boolean takesAway) {
        Map<Family, Ruleset> before = new EnumMap<>(Family.class);
        stands.forEach((family, ruleset) -> before.put(family, IptablesState.ours(ruleset, null)));
        List<Table> order = takesAway ? Table.backwards() : List.of(Table.values());
        try {
            // the notes stand with IPv4, so that they are true when they are written
            for (Family family : List.of(Family.IPV6, Family.IPV4)) {
                Ruleset wanted = target.getOrDefault(family, new Ruleset());
                Ruleset here = stands.getOrDefault(family, new Ruleset());
                programs.restore(family, RestoreScript.between(here, wanted, order));
            }
        } catch (Failure refused) {
            undo(before, refused);
            throw refused;
        }
        stands.replaceAll((family, here) -> Standing.after(here, target.getOrDefault(family, new Ruleset())));
    }

    private void undo(Map<Family, Ruleset> before, Failure refused) {
        for (Family family : Family.values()) {
            try {
                Ruleset now = programs.save(family);
                programs.restore(
                        family,
                        RestoreScript.between(now, before.getOrDefault(family, new Ruleset()), Table.backwards()));
                stands.put(family, now);
            } catch (Failure alsoRefused) {
                refused.addSuppressed(alsoRefused);
            }
        }
    }

    @Override
    public Change removal(LiveState live, Set<String> services) {
        IptablesState state = ours(live);
        Map<Family, Ruleset> target = state.ours();
        target.values()
                .forEach(ruleset -> ruleset.tables()
                        .values()
                        .forEach(contents -> contents.chains()
                                .replaceAll((chain, rules) -> rules.stream()
                                        .filter(rule -> !isOf(rule, services) && !StandingDecision.isOfGoneGroup(rule))
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
    @Override
    public Change removalOfAll(LiveState live) {
        IptablesState state = ours(live);
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
        return new IptablesChange(target, true, List.of(new Finding(null, home(), home(), "")));
    }

    @Override
    public void addOwners(Map<Long, Owned> owners) {
        if (!owners.isEmpty()) {
            List<Rule> all = new ArrayList<>(owners());
            all.addAll(OwnerRules.of(owners));
            writeOwners(all);
        }
    }

    @Override
    public void setOwners(Map<Long, Owned> owners) {
        writeOwners(OwnerRules.of(owners));
    }

    private void writeOwners(List<Rule> owners) {
        Map<Family, Ruleset> target = new EnumMap<>(Family.class);
        stands.forEach((family, ruleset) -> target.put(family, IptablesState.ours(ruleset, null)));
        commitWith(new IptablesChange(target, false, List.of()), owners);
    }

    @Override
    public void removeAll() {
        write(new EnumMap<>(Family.class), true);
    }

    /** A backend is asked about what it has read itself. */
    private static IptablesState ours(LiveState live) {
        return (IptablesState) live;
    }

    private static IptablesChange ours(Change change) {
        return (IptablesChange) change;
    }

    @Override
    public List<String> shadows(LiveState live) {
        List<String> found = new ArrayList<>();
        ours(live).families().forEach((family, ruleset) -> {
            for (Table table : List.of(Table.NAT, Table.RAW, Table.MANGLE, Table.FILTER)) {
                ruleset.of(table).builtin().forEach((chain, rules) -> {
                    Rule first = Shadows.first(rules);
                    if (first != null) {
                        found.add(family.label() + " table " + table.label() + " chain " + chain + " ("
                                + flavour.label() + ") rule " + (rules.indexOf(first) + 1) + ": " + first.text());
                    }
                });
            }
        });
        return found;
    }

    /** Rules of this flavour that decide at the priority of ours of the other one; which are asked first nobody can see. */
    public List<String> translations() {
        List<String> found = new ArrayList<>();
        for (Family family : Family.values()) {
            programs.save(family)
                    .of(Table.NAT)
                    .builtin()
                    .forEach((chain, rules) -> rules.stream()
                            .filter(rule -> (chain.equals("OUTPUT") || chain.equals("PREROUTING"))
                                    && !Slot.isOurs(rule.target())
                                    && Shadows.takes(rule))
                            .findFirst()
                            .ifPresent(rule -> found.add(family.label() + " table nat chain " + chain + " ("
                                    + flavour.label() + ", of the same priority): " + rule.text())));
        }
        return found;
    }

    @Override
    public void close() {
        stands = new EnumMap<>(Family.class);
    }
}
