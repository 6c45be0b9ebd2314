package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.LibC;
import io.meshcapture.ffi.LibNftables;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Decision;
import io.meshcapture.system.SocketTable;
import java.time.Instant;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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

    /** What stands now, without counters. */
    public LiveState live() {
        return read(LibNftables.OUTPUT_STATELESS, true);
    }

    /** What stands now, with counters. */
    public LiveState liveWithCounters() {
        return read(0, true);
    }

    /** What stands now, also where another version wrote it: enough to remove it. */
    public LiveState liveOfAnyVersion() {
        return read(LibNftables.OUTPUT_STATELESS, false);
    }

    private LiveState read(int flags, boolean thisVersionOnly) {
        NftContext.Answer answer = nft.run("list table " + Ruleset.TABLE, flags);
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
     * The transaction that makes the live state that of a decision.
     *
     * @param version written into the records of services that change
     * @param now likewise
     */
    public Change change(LiveState live, Decision decision, String version, Instant now) {
        Ruleset wanted = RulesetRenderer.render(decision);
        Ruleset stands = live.ruleset();
        stampServices(wanted, stands, version, now);
        if (stands == null) {
            return new Change(Transaction.between(null, wanted), Drift.between(Ruleset.empty(), wanted, null));
        }
        Ruleset spelled = Spelling.of(nft, stands, wanted);
        Map<String, NftSet> sets = new LinkedHashMap<>(spelled.sets());
        for (String living : List.of(Ruleset.GRACE, Ruleset.OPEN_IPV4, Ruleset.OPEN_IPV6)) {
            NftSet standing = stands.sets().get(living);
            NftSet declared = sets.get(living);
            if (standing != null && declared != null && standing.declaration().equals(declared.declaration())) {
                sets.put(living, standing);
            }
        }
        Ruleset target = new Ruleset(spelled.comment(), sets, spelled.chains());
        List<Finding> differences = Drift.between(stands, target, null);
        return new Change(Transaction.between(stands, target), differences);
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
        return Drift.between(stands, Spelling.of(nft, stands, wanted), only);
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
     * Commits a change. With connections given, these are left alone from the first instant, and whatever else is open
     * has the grace time to send something.
     *
     * @throws Failure.Refused where the kernel does not take it; nothing is changed then
     */
    public void commit(Change change, Collection<SocketTable.Open> open) {
        String script = change.script() + OpenConnectionSets.script(open, OpenConnectionSets.GRACE);
        run(script);
    }

    /** Adds connections that are to be left alone. */
    public void leaveAlone(Collection<SocketTable.Open> open) {
        String script = OpenConnectionSets.script(open, null);
        if (!script.isEmpty()) {
            run(script);
        }
    }

    /** The transaction that takes services out, and leaves everything else as it stands. */
    public Change removal(LiveState live, Set<String> services) {
        Ruleset stands = java.util.Objects.requireNonNull(live.ruleset());
        Map<String, NftSet> sets = new LinkedHashMap<>();
        for (NftSet set : stands.sets().values()) {
            Map<String, Element> elements = new LinkedHashMap<>(set.elements());
            elements.values().removeIf(element -> services.contains(Drift.ownerOrNothing(element)));
            sets.put(set.name(), new NftSet(set.name(), set.isMap(), set.declaration(), elements));
        }
        Ruleset target = new Ruleset(stands.comment(), stands.isDormant(), sets, stands.chains());
        return new Change(Transaction.between(stands, target), Drift.between(stands, target, null));
    }

    /**
     * The transaction that ends all capture and keeps what translates the packets of captured connections: the base chain
     * and the redirects. The maps are deleted whole, since the kernel takes 30 s to empty one of 100,000 elements and
     * 0.1 s to delete it.
     */
    public Change removalOfAll(LiveState live) {
        Ruleset stands = java.util.Objects.requireNonNull(live.ruleset());
        Map<String, NftSet> sets = new LinkedHashMap<>();
        for (NftSet set : stands.sets().values()) {
            if (!set.isMap()) {
                boolean records = set.name().equals(Ruleset.SERVICES);
                Map<String, Element> elements = records ? new LinkedHashMap<>() : set.elements();
                sets.put(set.name(), new NftSet(set.name(), false, set.declaration(), elements));
            }
        }
        Map<String, Ruleset.Chain> chains = new LinkedHashMap<>();
        stands.chains().forEach((name, chain) -> {
            boolean redirects = LiveDecision.listener("goto " + name) != null;
            chains.put(name, redirects ? chain : new Ruleset.Chain(name, chain.base(), List.of()));
        });
        Ruleset target = new Ruleset(stands.comment(), stands.isDormant(), sets, chains);
        return new Change(Transaction.between(stands, target), Drift.between(stands, target, null));
    }

    /** Commits a removal: nothing new has to be left alone. */
    public void commit(Change change) {
        run(change.script());
    }

    /** Deletes the table. Packets of captured connections are no longer translated from then on. */
    public void deleteTable() {
        run("delete table " + Ruleset.TABLE + "\n");
    }

    private void run(String script) {
        if (script.isEmpty()) {
            return;
        }
        LibC.load().askFilesOnlyForAccounts(); // all names of the plan are numbers by now
        NftContext.Answer answer = nft.run(script, 0);
        if (!answer.accepted()) {
            throw Refusal.of(script, answer.error());
        }
    }

    /** Chains of other tables that may decide before ours; see {@link Shadows}. */
    public List<String> shadows() {
        return Shadows.find(nft);
    }

    @Override
    public void close() {
        nft.close();
    }
}
