package io.meshcapture.backend.iptables;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.Change;
import io.meshcapture.backend.Finding;
import io.meshcapture.backend.LiveState;
import io.meshcapture.backend.Owned;
import io.meshcapture.backend.TracedRules;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Decision;
import io.meshcapture.system.ConntrackTable;
import io.meshcapture.system.LegacyTrace;
import io.meshcapture.system.SocketTable;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Reads, compares and commits what stands in one flavour, in the calling thread's network namespace. */
public final class IptablesBackend implements Backend {

    private final Flavour flavour;
    private final Programs programs;
    private final LiveTables tables;

    private IptablesBackend(Flavour flavour, TableNames names) {
        this.flavour = flavour;
        this.programs = new Programs(flavour);
        this.tables = new LiveTables(programs, names);
    }

    /** Which tables of a family are there, as the kernel says; null where it does not say. */
    public interface TableNames {
        @Nullable
        Set<String> of(Family family);

        /** Whether anything that could be ours may stand in them; where nothing does, no program is asked for what is ours. */
        default boolean mayHoldOurs(Family family) {
            return true;
        }

        /** The chains of one of them, as the kernel says; null where it does not say. */
        default @Nullable Set<String> chains(Family family, String table) {
            return null;
        }
    }

    /**
     * For a flavour, whether or not its programs are there.
     *
     * @param names where there are none, no program is asked; where there are some, what it prints has to have them all
     */
    public static IptablesBackend of(Flavour flavour, TableNames names) {
        return new IptablesBackend(flavour, names);
    }

    /** Whether its programs are installed. */
    public boolean isInstalled() {
        return programs.areThere();
    }

    /** Whether anything of ours stands, whichever version wrote it; also where somebody has removed all of table nat. */
    public boolean isPresent() {
        return Authorship.isOurs(tables.look().values());
    }

    /** The names of all chains that stand, those of others among them. */
    public Set<String> chains() {
        Set<String> names = new TreeSet<>();
        for (Ruleset ruleset : tables.ofAll().values()) {
            for (Table table : Table.values()) {
                names.addAll(ruleset.of(table).chains().keySet());
            }
        }
        return names;
    }

    /** The ruleset of a decision as text that {@code iptables-restore --noflush} or {@code ip6tables-restore} accepts. */
    public static String render(Decision decision, Family family) {
        return RestoreScript.of(Changes.of(decision, family));
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
    public void requireUsable() {
        programs.requireThere(Family.IPV4);
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
        Map<Family, Ruleset> families = tables.read();
        families.values().forEach(ruleset -> Authorship.require(flavour, ruleset, thisVersionOnly));
        return new IptablesState(families);
    }

    @Override
    public Change change(LiveState live, Decision decision, String version, Instant now, @Nullable Duration trial) {
        Support.require(flavour, decision);
        Support.requireOwners(flavour);
        IptablesChange change = Changes.to(ours(live), decision, version, now, trial);
        tables.requireOpen(change.target());
        return change;
    }

    @Override
    public Change confirmation(LiveState live) {
        return Changes.confirmation(ours(live));
    }

    @Override
    public Change abandonment(LiveState live) {
        return Changes.abandonment(ours(live));
    }

    @Override
    public Change extension(LiveState live, Duration trial) {
        return Changes.extension(ours(live), trial);
    }

    @Override
    public List<Finding> differences(LiveState live, Decision decision, @Nullable Set<ServiceName> only) {
        return Changes.differences(ours(live), decision, only);
    }

    @Override
    public void prepare(Change change) {
        tables.prepare(ours(change).target());
    }

    @Override
    public void commit(Change change, Collection<SocketTable.Open> open, Map<Long, Owned> owners) {
        if (change.isNothing()) {
            return;
        }
        try {
            introduce(open);
        } catch (Failure refused) {
            tables.takeBack(refused);
            throw refused;
        }
        commitWith(ours(change), OwnerRules.of(owners));
    }

    /** A connection that conntrack knows is not asked about by the nat table. */
    private static void introduce(Collection<SocketTable.Open> open) {
        int failed = ConntrackTable.introduce(open.stream()
                .map(one -> new ConntrackTable.Tuple(one.local(), one.localPort(), one.remote(), one.remotePort()))
                .toList());
        if (failed > 0) {
            throw new Failure.Refused(
                    failed + " open connection(s) could not be kept as they are, and nothing was put in force",
                    "the kernel does not take them into conntrack by ctnetlink",
                    "load the module nf_conntrack_netlink, or apply when fewer connections are open");
        }
    }

    @Override
    public void commit(Change change) {
        prepare(change);
        tables.write(ours(change).target(), ours(change).takesAway());
    }

    @Override
    public void commit(Change change, Map<Long, Owned> owners) {
        prepare(change);
        commitWith(ours(change), andThese(owners));
    }

    private List<Rule> andThese(Map<Long, Owned> owners) {
        List<Rule> all = new ArrayList<>(tables.owners());
        all.addAll(OwnerRules.of(owners));
        return all;
    }

    /** With these owners, or without any where there are none. */
    private void commitWith(IptablesChange change, List<Rule> owners) {
        Map<Family, Ruleset> target = new EnumMap<>(change.target());
        if (owners.isEmpty()) {
            Ruleset.nat4(target).remove(Slot.OWNERS);
        } else {
            Ruleset.nat4(target).put(Slot.OWNERS, owners);
        }
        tables.write(target, change.takesAway());
    }

    @Override
    public Change removal(LiveState live, Set<String> services) {
        return Changes.removal(ours(live), services);
    }

    @Override
    public Change removalOfAll(LiveState live) {
        return Changes.removalOfAll(ours(live), home());
    }

    @Override
    public void addOwners(Map<Long, Owned> owners) {
        if (!owners.isEmpty()) {
            commitWith(new IptablesChange(tables.ours(), false, List.of()), andThese(owners));
        }
    }

    @Override
    public void setOwners(Map<Long, Owned> owners) {
        commitWith(new IptablesChange(tables.ours(), false, List.of()), OwnerRules.of(owners));
    }

    @Override
    public void removeAll() {
        if (!tables.areRead()) {
            read(false);
        }
        tables.write(Map.of(), true);
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
        return Shadows.of(flavour, ours(live).families());
    }

    /**
     * Rules of this flavour that decide at the priority of ours of the other one; which are asked first nobody can see.
     *
     * @param dns whether ours are about UDP too
     */
    public List<String> translations(boolean dns) {
        return Shadows.translations(flavour, tables.ofAll(), dns);
    }

    /**
     * What the steps of traced packets mean.
     *
     * @param handles those of the rules of a table such as {@code ip nat}, by chain and in their order
     * @param keeper keeps what a trace of iptables-legacy changes
     */
    public TracedRules traced(
            LiveState live, Function<String, Map<String, List<Long>>> handles, LegacyTrace.Keeper keeper) {
        return new IptablesTracedRules(flavour, ours(live).families(), handles, keeper);
    }

    @Override
    public void close() {
        tables.forget();
    }
}
