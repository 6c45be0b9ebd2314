package io.meshcapture.backend.nftables;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.Change;
import io.meshcapture.backend.Finding;
import io.meshcapture.backend.LiveState;
import io.meshcapture.backend.Owned;
import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.LibC;
import io.meshcapture.ffi.LibNftables;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Decision;
import io.meshcapture.system.SocketTable;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Reads, compares and commits the table, in the calling thread's network namespace. */
public final class NftablesBackend implements Backend {

    /** NF_IP_PRI_NAT_DST. Among hooks of equal priority the one registered last is asked first. */
    private static final int PRIORITY_OF_IPTABLES = -100;

    private final NftContext nft;

    private NftablesBackend(NftContext nft) {
        this.nft = nft;
    }

    /** Loads the native libraries, so that {@link #open} finds them loaded; failures show there. */
    public static void prepare() {
        LibNftables.load();
    }

    /** Whether it is the kernel that lets nobody here change netfilter, whatever with. */
    public static boolean isForbidden(Failure failure) {
        return Refusal.isForbidden(failure);
    }

    /** Opens libnftables. */
    public static NftablesBackend open() {
        return new NftablesBackend(NftContext.open());
    }

    /** The ruleset of a decision as text that {@code nft -f} accepts. */
    public static String render(Decision decision) {
        return RulesetText.of(RulesetRenderer.render(decision));
    }

    /**
     * Whether the table is there; asks for names alone, which costs the same however much stands in it.
     *
     * @throws Failure.Unavailable where this kernel has no nf_tables
     */
    public boolean isPresent() {
        return listed("list tables").contains("table " + Ruleset.TABLE + "\n");
    }

    /** Whether iptables-nft has made a chain of that name, for IPv4 or IPv6; it keeps its tables here. */
    public boolean isChainOfIptables(String chain) {
        String tables = listed("list tables");
        return Stream.of("ip", "ip6")
                .anyMatch(family -> tables.contains("table " + family + " nat\n")
                        && listed("list chains " + family).contains("\tchain " + chain + " {"));
    }

    /** Whether iptables-nft has a chain of a family whose name begins so, in whichever table. */
    public boolean hasChainOfIptables(Family family, String prefix) {
        String ip = family == Family.IPV4 ? "ip" : "ip6";
        return listed("list tables").contains("table " + ip + " ")
                && listed("list chains " + ip).contains("\tchain " + prefix);
    }

    /** The chains of a table of iptables-nft, whoever made them. */
    public Set<String> chainsOfIptables(Family family, String table) {
        String ip = family == Family.IPV4 ? "ip" : "ip6";
        return NamedChain.parse(listed("list chains " + ip)).stream()
                .filter(chain -> chain.table().equals(ip + " " + table))
                .map(NamedChain::name)
                .collect(Collectors.toSet());
    }

    /** Whether iptables-nft has made base chains for IPv4. */
    public boolean hasChainsOfIptables() {
        String tables = listed("list tables");
        return tables.contains("table ip nat\n") || tables.contains("table ip filter\n");
    }

    /** The tables of a family that have the names of those of iptables-nft, which alone uses them as a rule. */
    public Set<String> tablesOfIptables(Family family) {
        String prefix = family == Family.IPV4 ? "table ip " : "table ip6 ";
        String tables = listed("list tables");
        return Stream.of("raw", "mangle", "nat", "filter", "security")
                .filter(table -> tables.contains(prefix + table + "\n"))
                .collect(Collectors.toSet());
    }

    /**
     * Chains that may decide before rules of iptables do.
     *
     * @param arrivals whether chains that are asked for what arrives count too
     * @param except tables that are not meant, as in {@code ip nat}
     */
    public List<String> shadowsOfIptables(boolean arrivals, Set<String> except) {
        return Shadows.find(nft, arrivals, PRIORITY_OF_IPTABLES, except);
    }

    /** Chains that are not ours, iptables-nft's among them. */
    public List<NamedChain> chainsOfOthers() {
        boolean others = listed("list tables").lines().anyMatch(line -> !line.equals("table " + Ruleset.TABLE));
        return others ? NamedChain.ofOthers(nft) : List.of();
    }

    private String listed(String command) {
        NftContext.Answer answer = nft.run(command, LibNftables.OUTPUT_STATELESS);
        if (!answer.accepted()) {
            throw Refusal.of(command, answer.error());
        }
        return answer.output();
    }

    @Override
    public String name() {
        return "nftables";
    }

    @Override
    public String home() {
        return "table " + Ruleset.TABLE;
    }

    @Override
    public boolean holdsTrials() {
        return true;
    }

    @Override
    public LiveState live() {
        return read(true);
    }

    @Override
    public LiveState liveOfAnyVersion() {
        return read(false);
    }

    private NftLiveState read(boolean thisVersionOnly) {
        NftContext.Answer answer = nft.run("list table " + Ruleset.TABLE, 0);
        if (!answer.accepted()) {
            if (answer.error().contains("No such file or directory")) {
                return new NftLiveState(null, 0, 0);
            }
            throw Refusal.of("list table " + Ruleset.TABLE, answer.error());
        }
        Ruleset ruleset = ListingParser.parse(answer.output());
        requireOurs(ruleset, thisVersionOnly);
        return new NftLiveState(ruleset, DnsRules.counted(answer.output()), Redirect.quicRejected(answer.output()));
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

    @Override
    public Change change(LiveState live, Decision decision, String version, Instant now, @Nullable Duration trial) {
        Ruleset wanted = RulesetRenderer.render(decision);
        Ruleset stands = ours(live).ruleset();
        StandingTable table = ours(live).table();
        ServiceRecord.stamp(wanted, stands, version, now);
        if (stands == null || table == null) {
            return Switchover.begin(wanted, trial, Drift.between(Ruleset.empty(), wanted, null));
        }
        Ruleset spelled = Spelling.of(nft, stands, wanted);
        List<Finding> differences = new ArrayList<>(Drift.between(stands, spelled, null));
        differences.addAll(table.leftovers());
        // what is in force for good cannot be tried
        return Switchover.between(table, spelled, differences.isEmpty() ? null : trial, differences);
    }

    @Override
    public Change confirmation(LiveState live) {
        return Switchover.confirmation(Objects.requireNonNull(ours(live).table()));
    }

    @Override
    public Change abandonment(LiveState live) {
        return Switchover.abandonment(Objects.requireNonNull(ours(live).table()));
    }

    @Override
    public Change extension(LiveState live, Duration trial) {
        return Switchover.extension(trial);
    }

    @Override
    public List<Finding> differences(LiveState live, Decision decision, @Nullable Set<ServiceName> only) {
        Ruleset stands = ours(live).ruleset();
        if (stands == null) {
            return List.of(new Finding(null, "table " + Ruleset.TABLE, "", "table " + Ruleset.TABLE));
        }
        Ruleset wanted = RulesetRenderer.render(decision);
        ServiceRecord.stamp(wanted, stands, "", null);
        List<Finding> differences = new ArrayList<>(Drift.between(stands, Spelling.of(nft, stands, wanted), only));
        StandingTable table = ours(live).table();
        if (table != null && !live.hasEndedTrial()) {
            differences.addAll(table.leftovers());
        }
        return differences;
    }

    @Override
    public void prepare(Change change) {
        run(ours(change).clearing());
        run(ours(change).preparation());
    }

    @Override
    public void commit(Change change, Collection<SocketTable.Open> open, Map<Long, Owned> owners) {
        if (!ours(change).commitment().isEmpty()) {
            run(ours(change).commitment() + OpenConnectionSets.script(open) + OwnerSet.becoming(owners));
        }
    }

    @Override
    public Change removal(LiveState live, Set<String> services) {
        return Removals.some(Objects.requireNonNull(ours(live).table()).table(), services);
    }

    @Override
    public Change removalOfAll(LiveState live) {
        return Removals.all(Objects.requireNonNull(ours(live).table()).table());
    }

    @Override
    public void commit(Change change) {
        prepare(change);
        run(ours(change).commitment());
    }

    @Override
    public void commit(Change change, Map<Long, Owned> owners) {
        prepare(change);
        run(ours(change).commitment() + OwnerSet.adding(owners));
    }

    @Override
    public void addOwners(Map<Long, Owned> owners) {
        run(OwnerSet.adding(owners));
    }

    @Override
    public void setOwners(Map<Long, Owned> owners) {
        run(OwnerSet.becoming(owners));
    }

    @Override
    public void removeAll() {
        run("delete table " + Ruleset.TABLE + "\n");
    }

    /** A backend is asked about what it has read itself. */
    private static NftLiveState ours(LiveState live) {
        return (NftLiveState) live;
    }

    private static NftChange ours(Change change) {
        return (NftChange) change;
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

    @Override
    public List<String> shadows(LiveState live) {
        Ruleset stands = ours(live).ruleset();
        return Shadows.find(nft, stands != null && stands.chains().containsKey(BaseChain.PREROUTING.chain()));
    }

    @Override
    public void close() {
        nft.close();
    }
}
