package io.meshcapture.verbs;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.LiveState;
import io.meshcapture.backend.TracedRules;
import io.meshcapture.backend.iptables.Flavour;
import io.meshcapture.backend.iptables.IptablesBackend;
import io.meshcapture.backend.nftables.LoggerRecord;
import io.meshcapture.backend.nftables.NftablesBackend;
import io.meshcapture.backend.nftables.TraceTable;
import io.meshcapture.doctor.OtherMesh;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Plan;
import io.meshcapture.rules.Decision;
import io.meshcapture.system.LegacyTables;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The ways to write capture that are there in the calling thread's network namespace, and which of them hold something of
 * ours. Programs are started only where there is something to be asked about.
 */
final class Backends implements AutoCloseable {

    /** What iptables-nft keeps its rules in; it tells itself what is in them. */
    private static final Set<String> TABLES_OF_IPTABLES =
            Set.of("ip nat", "ip6 nat", "ip raw", "ip6 raw", "ip mangle", "ip6 mangle", "ip filter", "ip6 filter");

    private final IptablesBackend iptablesNft =
            IptablesBackend.of(Flavour.NFT, TablesThere.ofNft(this::usableNftables));
    private final IptablesBackend iptablesLegacy = IptablesBackend.of(Flavour.LEGACY, TablesThere.ofLegacy());
    private @Nullable NftablesBackend nftables;

    /** Why nftables cannot be used here, or null where it can. */
    private @Nullable Failure unusable;

    /** Why iptables-nft cannot be used either; known where nftables cannot. */
    private @Nullable Failure nftFlavourUnusable;

    private final List<Backend> holders = new ArrayList<>();

    private Backends() {
        boolean holdsNftables = false;
        try {
            nftables = NftablesBackend.open();
            holdsNftables = nftables.isPresent();
        } catch (Failure.Unavailable e) {
            unusable = e;
        }
        if (holdsNftables && nftables != null) {
            holders.add(nftables);
        }
        NftablesBackend asked = usableNftables();
        boolean holdsIptables = asked == null
                ? isHeldWithoutNftables()
                : TablesThere.mayHoldOurs(asked)
                        && (asked.isChainOfIptables(TablesThere.HOME) || isHeldBy(iptablesNft));
        if (holdsIptables) {
            holders.add(iptablesNft);
        }
        if (LegacyTables.areUsed() && isHeldBy(iptablesLegacy)) {
            holders.add(iptablesLegacy);
        }
    }

    /** Looks what is there. */
    static Backends open() {
        return new Backends();
    }

    private @Nullable NftablesBackend usableNftables() {
        return unusable == null ? nftables : null;
    }

    /** libnftables may be missing, and then the programs know; or the kernel lacks nf_tables, and then they do not work either. */
    private boolean isHeldWithoutNftables() {
        try {
            return isHeldBy(iptablesNft);
        } catch (Failure.Unavailable e) {
            nftFlavourUnusable = e;
            return false;
        }
    }

    private static boolean isHeldBy(IptablesBackend backend) {
        return backend.isInstalled() && backend.isPresent();
    }

    /**
     * A choice.
     *
     * @param backend the one to work with
     * @param why the reason, as in {@code the backend is iptables-nft, because …}
     * @param isFallback whether another one would have been taken if it could be used
     */
    record Choice(Backend backend, String why, boolean isFallback) {}

    /** The one that captures here, or the one that would. */
    Backend standing() {
        return holders.isEmpty() ? automatic().backend() : holders.getFirst();
    }

    /** One that something was found in before. */
    Backend named(String name) {
        if (iptablesNft.name().equals(name)) {
            return iptablesNft;
        }
        return nftables != null && nftables.name().equals(name) ? nftables : iptablesLegacy;
    }

    /** The same, with the reason: {@code nftables, because …}. */
    String standingAndWhy() {
        if (!holders.isEmpty()) {
            return holders.getFirst().name() + ", because it captures here";
        }
        Choice choice = automatic();
        return choice.backend().name() + ", because " + choice.why();
    }

    /** What captures here, as it stands. */
    record Standing(Backend backend, LiveState live, Decision decision) {}

    /**
     * What captures here.
     *
     * @param mend what to do where nothing does
     * @throws Failure.Conflict where nothing does
     */
    Standing captured(String mend) {
        Backend backend = standing();
        LiveState live = backend.live();
        if (!live.isPresent()) {
            throw new Failure.Conflict("nothing is captured here", "there is no " + backend.home(), mend);
        }
        return new Standing(backend, live, backend.standing(live));
    }

    /** What the steps of traced packets mean. */
    TracedRules traced(Standing standing) {
        return standing.backend() instanceof IptablesBackend iptables
                ? iptables.traced(standing.live(), TraceTable::handles, new LoggerRecord())
                : TraceTable.rules();
    }

    /** All that hold something of ours but one; more than none only while, or after, capture moves from one to another. */
    List<Backend> besides(Backend one) {
        return holders.stream()
                .filter(holder -> !holder.name().equals(one.name()))
                .toList();
    }

    /**
     * The one that a plan asks for.
     *
     * @throws Failure.Unavailable where that is not to be had here
     */
    Choice of(Plan plan) {
        return switch (plan.backend()) {
            case AUTO -> automatic();
            case NFTABLES -> {
                if (nftables == null || unusable != null) {
                    throw unusable == null ? new IllegalStateException() : unusable;
                }
                yield new Choice(nftables, "the plan asks for it", false);
            }
            case IPTABLES -> iptables();
            case IPTABLES_NFT -> new Choice(iptablesNft, "the plan asks for it", false);
            case IPTABLES_LEGACY -> new Choice(iptablesLegacy, "the plan asks for it", false);
        };
    }

    /** The one that a plan takes which asks for none. */
    Choice automatic() {
        if (nftables != null && unusable == null) {
            return new Choice(nftables, "the kernel and libnftables have it", false);
        }
        if (unusable != null && NftablesBackend.isForbidden(unusable)) {
            throw unusable; // iptables would be forbidden too, and say something else
        }
        if (!iptablesNft.isInstalled() && !iptablesLegacy.isInstalled()) {
            throw unusable == null ? new IllegalStateException() : unusable;
        }
        Choice choice = iptables();
        String reason = unusable == null ? "" : String.valueOf(unusable.getMessage());
        return new Choice(choice.backend(), choice.why() + "; nftables cannot be used here: " + reason, true);
    }

    /** The flavour that other rules live in already. */
    private Choice iptables() {
        for (Backend holder : holders) {
            if (holder instanceof IptablesBackend iptables) {
                return new Choice(iptables, "it captures here already", false);
            }
        }
        if (!iptablesLegacy.isInstalled()) {
            return new Choice(iptablesNft, "iptables-legacy is not installed", false);
        }
        if (!iptablesNft.isInstalled()) {
            return new Choice(iptablesLegacy, "iptables-nft is not installed", false);
        }
        if (nftFlavourUnusable != null) {
            return new Choice(
                    iptablesLegacy, "iptables-nft cannot be used here: " + nftFlavourUnusable.getMessage(), false);
        }
        boolean nftUsed = nftables == null || unusable != null || nftables.hasChainsOfIptables();
        if (LegacyTables.areUsed() && !nftUsed) {
            return new Choice(iptablesLegacy, "the rules of others are in its tables", false);
        }
        return new Choice(
                iptablesNft,
                LegacyTables.areUsed()
                        ? "both flavours have tables here, and it is the newer one"
                        : "no rules of others are in tables of iptables-legacy",
                false);
    }

    /** Rules of others that may decide before those of a backend, wherever they stand; one sentence each. */
    List<String> shadows(Backend backend, LiveState live) {
        List<String> found = new ArrayList<>(backend.shadows(live));
        boolean arrivals = live.inbound().isPresent() || live.isForwarding();
        boolean isNft = backend == iptablesNft;
        if (nftables != null && unusable == null && backend != nftables) {
            found.addAll(nftables.shadowsOfIptables(arrivals, isNft ? TABLES_OF_IPTABLES : Set.of()));
        }
        if (isNft && LegacyTables.areUsed() && iptablesLegacy.isInstalled()) {
            found.addAll(iptablesLegacy.translations(live.holdsDns()));
        }
        return found;
    }

    /** Whether rules of others that come before ours stand where apply goes before them: in the same chains. */
    static boolean goesBefore(Backend backend, LiveState live, List<String> shadows) {
        return live.trial().isEmpty() && areInOurChains(backend, live, shadows);
    }

    /** Likewise, where a trial may run: confirm, and apply when it is over, go before them. */
    static boolean areInOurChains(Backend backend, LiveState live, List<String> shadows) {
        return backend instanceof IptablesBackend && live.isPresent() && shadows.equals(backend.shadows(live));
    }

    /** What a trial of what is in force already leaves as it is, and apply would not: that rules of others come first. */
    List<String> leftByTrial(Backend backend, LiveState live) {
        List<String> shadows = shadows(backend, live);
        return shadows.isEmpty() || !goesBefore(backend, live, shadows)
                ? List.of()
                : List.of("rules of others come first, and what they take is not captured: "
                        + String.join("; ", shadows) + "; apply without --confirm-within and --probe goes before them");
    }

    /** Another mesh that captures here, whatever it has written its rules with. */
    Optional<OtherMesh> otherMesh() {
        Set<String> ofIptables = new TreeSet<>();
        boolean isUsable = nftables != null && unusable == null;
        if (!isUsable && nftFlavourUnusable == null && iptablesNft.isInstalled()) {
            ofIptables.addAll(iptablesNft.chains());
        }
        ofIptables.addAll(TablesThere.chainsOfLegacy(iptablesLegacy));
        return OtherMesh.among(
                nftables != null && unusable == null ? nftables.chainsOfOthers() : List.of(), ofIptables);
    }

    /** Names of backends as a plan has them. */
    static boolean isNftables(Choices.Backend backend) {
        return backend == Choices.Backend.AUTO || backend == Choices.Backend.NFTABLES;
    }

    @Override
    public void close() {
        if (nftables != null) {
            nftables.close();
        }
    }
}
