package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.LibC;
import io.meshcapture.ffi.LibNftables;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Decision;
import io.meshcapture.system.SocketTable;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads, compares and commits the table, in the calling thread's network namespace. */
public final class NftablesBackend implements AutoCloseable {

    private final NftContext nft;

    private NftablesBackend(NftContext nft) {
        this.nft = nft;
    }

    /** Loads the native libraries, so that {@link #open} finds them loaded; failures show there. */
    public static void prepare() {
        LibNftables.load();
    }

    /** Opens libnftables. */
    public static NftablesBackend open() {
        return new NftablesBackend(NftContext.open());
    }

    /** The ruleset of a decision as text that {@code nft -f} accepts. */
    public static String render(Decision decision) {
        return RulesetText.of(RulesetRenderer.render(decision));
    }

    /** What stands now. */
    public LiveState live() {
        return read(true);
    }

    /** What stands now, also where another version wrote it: enough to remove it. */
    public LiveState liveOfAnyVersion() {
        return read(false);
    }

    private LiveState read(boolean thisVersionOnly) {
        NftContext.Answer answer = nft.run("list table " + Ruleset.TABLE, 0);
        if (!answer.accepted()) {
            if (answer.error().contains("No such file or directory")) {
                return new LiveState(null);
            }
            throw Refusal.of("list table " + Ruleset.TABLE, answer.error());
        }
        Ruleset ruleset = ListingParser.parse(answer.output());
        requireOurs(ruleset, thisVersionOnly);
        return new LiveState(ruleset);
    }

    private static void requireOurs(Ruleset ruleset, boolean thisVersionOnly) {
        String comment = ruleset.comment();
        if (comment == null || !comment.startsWith(Ruleset.TAG)) {
            throw new Failure.Conflict(
                    "a table called " + Ruleset.TABLE + " is there already, and meshcapture did not make it",
                    comment == null ? "it has no comment" : "its comment is \"" + comment + "\"",
                    "look at it with: nft list table " + Ruleset.TABLE + "; remove or rename it yourself");
        }
        if (thisVersionOnly && !comment.equals(Ruleset.TAG + Ruleset.SCHEMA)) {
            throw new Failure.Conflict(
                    "the table " + Ruleset.TABLE + " was written by another version of meshcapture",
                    "its comment is \"" + comment + "\", and this version writes \"" + Ruleset.TAG + Ruleset.SCHEMA
                            + "\"",
                    "use that version, or remove the capture with: meshcapture rollback --all");
        }
    }

    /**
     * The change that makes the live state that of a decision.
     *
     * @param version written into the records of services that change
     * @param now likewise
     * @param trial how long it is to last unless it is confirmed, or null for good
     */
    public Change change(LiveState live, Decision decision, String version, Instant now, @Nullable Duration trial) {
        Ruleset wanted = RulesetRenderer.render(decision);
        Ruleset stands = live.ruleset();
        StandingTable table = live.table();
        stampServices(wanted, stands, version, now);
        if (stands == null || table == null) {
            return Switchover.begin(wanted, trial, Drift.between(Ruleset.empty(), wanted, null));
        }
        Ruleset spelled = Spelling.of(nft, stands, wanted);
        List<Finding> differences = new ArrayList<>(Drift.between(stands, spelled, null));
        differences.addAll(leftovers(table));
        // what is in force for good cannot be tried
        return Switchover.between(table, spelled, differences.isEmpty() ? null : trial, differences);
    }

    /** What nothing leads to, told as one difference. */
    private static List<Finding> leftovers(StandingTable table) {
        Slot leftover = table.leftover();
        if (leftover == null) {
            return List.of();
        }
        Ruleset contents = leftover.contents(table.table());
        int things = contents.sets().size() + contents.chains().size();
        String what = table.hasEndedTrial() ? "a trial that has ended" : "a change that was interrupted";
        return List.of(new Finding(
                null, "table " + Ruleset.TABLE, things + " sets, maps and chains that " + what + " left behind", ""));
    }

    /** The change that makes the trial that runs last. */
    public Change confirmation(LiveState live) {
        return Switchover.confirmation(Objects.requireNonNull(live.table()));
    }

    /** The change that ends a trial now, and puts what stood before it in force again. */
    public Change abandonment(LiveState live) {
        return Switchover.abandonment(Objects.requireNonNull(live.table()));
    }

    /** The change that lets a trial run for a time from now. */
    public Change extension(Duration trial) {
        return Switchover.extension(trial);
    }

    /** A service whose capture is the same keeps its record; another gets one of today, or none where now is null. */
    private static void stampServices(Ruleset wanted, @Nullable Ruleset stands, String version, @Nullable Instant now) {
        NftSet records = wanted.sets().get(Ruleset.SERVICES);
        NftSet before = stands == null ? null : stands.sets().get(Ruleset.SERVICES);
        if (records == null) {
            return;
        }
        records.elements().replaceAll((key, element) -> {
            ServiceRecord record = ServiceRecord.parse(element.comment());
            Element old = before == null ? null : before.elements().get(key);
            ServiceRecord standing = old == null ? null : ServiceRecord.parse(old.comment());
            if (record == null) {
                return element;
            }
            if (old != null
                    && standing != null
                    && standing.since() != null
                    && standing.digest().equals(record.digest())) {
                return old;
            }
            return now == null
                    ? element
                    : Element.of(key, new ServiceRecord(record.name(), record.digest(), version, now).comment(), "");
        });
    }

    /**
     * The differences between the live state and a decision.
     *
     * @param only the services that are compared, or null for all
     */
    public List<Finding> differences(LiveState live, Decision decision, @Nullable Set<ServiceName> only) {
        Ruleset stands = live.ruleset();
        if (stands == null) {
            return List.of(new Finding(null, "table " + Ruleset.TABLE, "", "table " + Ruleset.TABLE));
        }
        Ruleset wanted = RulesetRenderer.render(decision);
        stampServices(wanted, stands, "", null);
        List<Finding> differences = new ArrayList<>(Drift.between(stands, Spelling.of(nft, stands, wanted), only));
        if (live.table() != null && !live.hasEndedTrial()) {
            differences.addAll(leftovers(live.table()));
        }
        return differences;
    }

    /**
     * The decision that stands.
     *
     * @throws Failure.Conflict where a rule does not say what its comment says
     */
    public Decision standing(LiveState live) {
        Decision decision = live.decision();
        for (Finding finding : differences(live, decision, null)) {
            if (finding.service() == null) {
                throw new Failure.Conflict(
                        "the live table was changed by hand",
                        finding.where() + " is " + (finding.stands().isEmpty() ? "missing" : finding.stands()),
                        "see the difference with: meshcapture check; repair it with: meshcapture apply");
            }
        }
        return decision;
    }

    /**
     * Clears and builds what a change needs; what happens to connections stays as it is. From then on conntrack knows every
     * new connection.
     *
     * @throws Failure.Refused where the kernel does not take it
     */
    public void prepare(Change change) {
        run(change.clearing());
        run(change.preparation());
    }

    /**
     * Puts a change in force that is prepared.
     *
     * @param open connections that are left alone, listed after the preparation
     * @param owners whose captured connections are of which the new decision would not tell
     * @throws Failure.Refused where the kernel does not take it; what stood before is in force then
     */
    public void commit(Change change, Collection<SocketTable.Open> open, Map<Long, Owned> owners) {
        if (!change.commitment().isEmpty()) {
            run(change.commitment() + OpenConnectionSets.script(open) + OwnerSet.becoming(owners));
        }
    }

    /**
     * The change that takes services out, and leaves everything else as it stands, edited by hand or on trial: first their
     * captures, in one transaction, and then their exceptions, so that none of these is captured in between.
     */
    public Change removal(LiveState live, Set<String> services) {
        Ruleset stands = Objects.requireNonNull(live.table()).table();
        Ruleset captureNothing = without(stands, services, true);
        Ruleset target = without(captureNothing, services, false);
        return new Change(
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
     * The change that ends all capture and keeps what translates the packets of captured connections: the base chains and the
     * redirects. The maps are deleted whole, since the kernel takes 30 s to empty one of 100,000 elements and 0.1 s to delete
     * it.
     */
    public Change removalOfAll(LiveState live) {
        Ruleset stands = Objects.requireNonNull(live.table()).table();
        Map<String, NftSet> sets = new LinkedHashMap<>();
        stands.sets().forEach((name, set) -> {
            if (Ruleset.isLiving(name)) {
                sets.put(name, set);
            }
        });
        Map<String, Ruleset.Chain> chains = new LinkedHashMap<>();
        stands.chains().forEach((name, chain) -> {
            if (name.startsWith(RulesetRenderer.TO)) {
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
        return new Change("", "", Transaction.between(stands, target), Drift.between(stands, target, null));
    }

    private static boolean isZoneChain(String name) {
        return name.equals(Slot.FIRST.name(DnsRules.ZONE_CHAIN)) || name.equals(Slot.SECOND.name(DnsRules.ZONE_CHAIN));
    }

    /** Commits a change that captures nothing new: no connection has to be left alone. */
    public void commit(Change change) {
        prepare(change);
        run(change.commitment());
    }

    /**
     * Likewise, and records whose captured connections are left to end.
     *
     * @param owners by the cookies of Envoy's ends
     */
    public void commit(Change change, Map<Long, Owned> owners) {
        prepare(change);
        run(change.commitment() + OwnerSet.adding(owners));
    }

    /** Records captured connections that are left to end. */
    public void addOwners(Map<Long, Owned> owners) {
        run(OwnerSet.adding(owners));
    }

    /** Makes the record of connections that are left to end be of these alone. */
    public void setOwners(Map<Long, Owned> owners) {
        run(OwnerSet.becoming(owners));
    }

    /** Deletes the table. Packets of captured connections are no longer translated from then on. */
    public void deleteTable() {
        run("delete table " + Ruleset.TABLE + "\n");
    }

    private void run(String script) {
        if (script.isEmpty()) {
            return;
        }
        LibC libc = LibC.load();
        libc.askNobodyForAccounts(); // all names of the plan are numbers by now
        NftContext.Answer answer = nft.run(script, 0);
        libc.askFilesForAccounts();
        if (!answer.accepted()) {
            throw Refusal.of(script, answer.error());
        }
    }

    /** Chains of other tables that may decide before ours; see {@link Shadows}. */
    public List<String> shadows(LiveState live) {
        Ruleset stands = live.ruleset();
        return Shadows.find(nft, stands != null && stands.chains().containsKey(BaseChain.PREROUTING.chain()));
    }

    @Override
    public void close() {
        nft.close();
    }
}
