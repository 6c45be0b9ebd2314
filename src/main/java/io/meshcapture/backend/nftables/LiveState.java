package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.ServiceRules;
import io.meshcapture.rules.Step;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** What stands in the kernel now. */
public final class LiveState {

    private final @Nullable StandingTable standing;

    /** What decides new connections, or would if the base chains led to it. */
    private final @Nullable Ruleset ruleset;

    /**
     * Takes the table apart.
     *
     * @param table as it is listed, or null where there is none
     */
    LiveState(@Nullable Ruleset table) {
        this.standing = table == null ? null : StandingTable.of(table);
        this.ruleset = standing == null ? null : standing.ruleset();
    }

    @Nullable
    StandingTable table() {
        return standing;
    }

    @Nullable
    Ruleset ruleset() {
        return ruleset;
    }

    /** Whether new connections are decided at all: the base chain leads somewhere. */
    public boolean isInForce() {
        return standing != null && standing.inForce() != null;
    }

    /** What is left of the trial that runs; empty where none does. */
    public Optional<Duration> trial() {
        return standing == null ? Optional.empty() : Optional.ofNullable(standing.trialLeft());
    }

    /** Whether a trial ended because nobody confirmed it, and its rules have not been cleared away yet. */
    public boolean hasEndedTrial() {
        return standing != null && standing.hasEndedTrial();
    }

    /** Whether the beginnings of a change stand there that nothing leads to: its process was killed. */
    public boolean hasLeftover() {
        return standing != null && !standing.hasEndedTrial() && standing.leftover() != null;
    }

    /** Whose captured connections are of which the decision in force would not tell, by the cookies of Envoy's ends. */
    public Map<Long, Owned> owners() {
        return standing == null ? Map.of() : OwnerSet.read(standing.table());
    }

    /**
     * The decisions by which captured connections may have been captured: the one in force, and that of a trial that has ended.
     * None where rules stand there that are not ours.
     */
    public List<Decision> decisions() {
        List<Decision> decisions = new ArrayList<>();
        try {
            if (ruleset != null && isInForce()) {
                decisions.add(new LiveDecision(ruleset).read());
            }
            if (standing != null && standing.hasEndedTrial() && standing.trial() != null) {
                decisions.add(new LiveDecision(standing.trial().contents(standing.table())).read());
            }
        } catch (Failure.Conflict editedByHand) {
            decisions.clear();
        }
        return decisions;
    }

    /** The decision that comes back when the trial ends; null where that is none, or rules stand there that are not ours. */
    public @Nullable Decision decisionBehindTrial() {
        if (standing == null || standing.trialLeft() == null || standing.confirmed() == null) {
            return null;
        }
        try {
            return new LiveDecision(standing.confirmed().contents(standing.table())).read();
        } catch (Failure.Conflict editedByHand) {
            return null;
        }
    }

    /** Whether a change can be built beside what stands: the table is awake, its base chains and shared sets are ours. */
    public boolean canBeBuiltUpon() {
        return standing != null && Switchover.isUsable(standing.table());
    }

    /** The services that a trial is to replace, while it runs; empty otherwise. */
    public List<LiveService> servicesBehindTrial() {
        if (standing == null || standing.trialLeft() == null || standing.confirmed() == null) {
            return List.of();
        }
        return services(standing.confirmed().contents(standing.table()));
    }

    /** Whether the table is there. */
    public boolean isPresent() {
        return ruleset != null;
    }

    /**
     * A service that is captured.
     *
     * @param name its name
     * @param digest of its capture
     * @param version of meshcapture that applied it
     * @param since when it was applied, or null where the record was damaged
     * @param captured new connections that were captured or rejected since then
     * @param excepted new connections that its exceptions kept direct
     */
    public record LiveService(
            String name,
            String digest,
            String version,
            @Nullable Instant since,
            long captured,
            long excepted) {}

    /** The services, in name order. Counters are there only where the state was read with them. */
    public List<LiveService> services() {
        return ruleset == null || !isInForce() ? List.of() : services(ruleset);
    }

    private static List<LiveService> services(Ruleset ruleset) {
        Map<String, long[]> packets = new HashMap<>();
        for (NftSet set : ruleset.sets().values()) {
            if (set.isMap()) {
                for (Element element : set.elements().values()) {
                    long[] both = packets.computeIfAbsent(element.comment(), any -> new long[2]);
                    both[element.verdict().equals("accept") ? 1 : 0] += element.packets();
                }
            }
        }
        List<LiveService> services = new ArrayList<>();
        NftSet records = ruleset.sets().get(Ruleset.SERVICES);
        if (records != null) {
            for (Element element : records.elements().values()) {
                ServiceRecord record = ServiceRecord.parse(element.comment());
                if (record != null) {
                    long[] both = packets.getOrDefault(record.name(), new long[2]);
                    services.add(new LiveService(
                            record.name(), record.digest(), record.version(), record.since(), both[0], both[1]));
                }
            }
        }
        Set<String> unrecorded = owners(ruleset);
        services.forEach(service -> unrecorded.remove(service.name()));
        for (String owner : unrecorded) {
            // its record was taken away by hand; it is captured all the same
            long[] both = packets.getOrDefault(owner, new long[2]);
            services.add(new LiveService(owner, "", "", null, both[0], both[1]));
        }
        services.sort((one, other) -> one.name().compareTo(other.name()));
        return services;
    }

    /** Services of whose control groups one is gone: it is listed by its number, and nobody will be in it again. */
    public Set<String> servicesOfGoneGroups() {
        Set<String> services = new TreeSet<>();
        for (NftSet set : ruleset == null ? List.<NftSet>of() : ruleset.sets().values()) {
            if (LiveDecision.asksForGroups(set)) {
                for (Element element : set.elements().values()) {
                    if (LiveDecision.isOfGoneGroup(element)) {
                        services.add(element.comment());
                    }
                }
            }
        }
        services.remove("");
        return services;
    }

    /** Everybody whom elements of the maps belong to. */
    private static Set<String> owners(Ruleset ruleset) {
        Set<String> owners = new TreeSet<>();
        for (NftSet set : ruleset.sets().values()) {
            if (set.isMap()) {
                set.elements().values().forEach(element -> owners.add(element.comment()));
            }
        }
        owners.remove("");
        return owners;
    }

    /** The decision that the comments tell of; see {@link LiveDecision#read}. Only where the table is there. */
    public Decision decision() {
        return new LiveDecision(Objects.requireNonNull(ruleset)).read();
    }

    /** The services as they stand, to be compiled again beside others. */
    public Map<ServiceName, ServiceRules> standing() {
        return ruleset == null || !isInForce() ? Map.of() : new LiveDecision(ruleset).services();
    }

    /** Likewise, entries of control groups that are gone included: to be compared, since nobody could write them again. */
    public Map<ServiceName, ServiceRules> standingWithGoneGroups() {
        return ruleset == null || !isInForce() ? new LinkedHashMap<>() : new LiveDecision(ruleset).services(true);
    }

    /** What happens to IPv6 as it stands; null where nothing is in force. */
    public Choices.@Nullable Ipv6 ipv6() {
        if (ruleset == null || !isInForce()) {
            return null;
        }
        if (contains(Decision.Ending.REJECT_IPV6.why())) {
            return Choices.Ipv6.REJECT;
        }
        return contains(new Step.Ipv6Bypass().why()) ? Choices.Ipv6.BYPASS : Choices.Ipv6.CAPTURE;
    }

    private boolean contains(String why) {
        return ruleset != null
                && ruleset.chains().values().stream()
                        .anyMatch(chain -> chain.rules().stream().anyMatch(rule -> LiveDecision.hasComment(rule, why)));
    }

    /** Envoy's listener that DNS goes to, by what is in force; empty where DNS is not captured. */
    public Optional<Port> dns() {
        return ruleset == null || !isInForce() ? Optional.empty() : Optional.ofNullable(DnsRules.listener(ruleset));
    }

    /** Whether DNS is captured, by what is in force or by what a trial falls back to. */
    public boolean holdsDns() {
        return dns().isPresent() || holdsDnsBehindTrial();
    }

    /** Whether it is by what a trial falls back to, while it runs. */
    public boolean holdsDnsBehindTrial() {
        return standing != null
                && standing.trialLeft() != null
                && standing.confirmed() != null
                && DnsRules.listener(standing.confirmed().contents(standing.table())) != null;
    }

    /** Whether a chain stands that sends DNS to Envoy, whether or not anything leads to it. */
    public boolean hasEverCapturedDns() {
        return standing != null
                && (DnsRules.listener(Slot.FIRST.contents(standing.table())) != null
                        || DnsRules.listener(Slot.SECOND.contents(standing.table())) != null);
    }

    /**
     * Capture of connections to this host, as it stands.
     *
     * @param mode how they reach Envoy
     * @param listener Envoy's listener for them
     * @param captured new connections that were captured or rejected
     * @param excepted new connections to ports that the plan excepts
     */
    public record LiveInboundCapture(Choices.InboundMode mode, Port listener, long captured, long excepted) {}

    /** Capture of connections to this host; empty where there is none. */
    public Optional<LiveInboundCapture> inbound() {
        if (ruleset == null || !isInForce() || !LiveInbound.isIn(ruleset)) {
            return Optional.empty();
        }
        Port listener = null;
        for (String chain : ruleset.chains().keySet()) {
            Port one = LiveInbound.listener(chain);
            listener = one == null ? listener : one;
        }
        if (listener == null) {
            return Optional.empty();
        }
        long captured = 0;
        long excepted = 0;
        NftSet ports = ruleset.sets().get(InboundRenderer.PORTS);
        if (ports != null) {
            for (Element element : ports.elements().values()) {
                if (element.verdict().equals("accept")) {
                    excepted += element.packets();
                } else {
                    captured += element.packets();
                }
            }
        }
        return Optional.of(new LiveInboundCapture(LiveInbound.mode(ruleset), listener, captured, excepted));
    }

    /** Whether connections to this host are captured, by what is in force or by what a trial falls back to. */
    public boolean holdsInbound() {
        return inbound().isPresent() || holdsInboundBehindTrial();
    }

    /** Whether they are by what a trial falls back to, while it runs. */
    public boolean holdsInboundBehindTrial() {
        return standing != null
                && standing.trialLeft() != null
                && standing.confirmed() != null
                && standing.table().chains().containsKey(standing.confirmed().name(InboundRenderer.INBOUND));
    }

    /** Whether connections through this host are captured, or have been. */
    public boolean isForwarding() {
        return chains().contains(RulesetRenderer.FORWARDED);
    }

    /** Envoy's listeners for connections to this host that the table sends to or has sent to. */
    public List<Port> inboundListeners() {
        List<Port> listeners = remembered(Ruleset.INBOUND_LISTENERS);
        // should somebody have emptied that
        chains().forEach(chain -> add(LiveInbound.listener(chain), listeners));
        return listeners;
    }

    /** Envoy's listeners that the table sends to or has sent to. */
    public List<Port> listeners() {
        List<Port> listeners = remembered(Ruleset.LISTENERS);
        // should somebody have emptied that
        chains().forEach(chain -> add(LiveDecision.listener("goto " + chain), listeners));
        return listeners;
    }

    private List<Port> remembered(String set) {
        List<Port> listeners = new ArrayList<>();
        NftSet ever = standing == null ? null : standing.table().sets().get(set);
        if (ever != null) {
            ever.elements().keySet().forEach(port -> add(LiveDecision.listener("goto to_" + port), listeners));
        }
        return listeners;
    }

    /** The chains of all slots, under the names that a ruleset alone has. */
    private List<String> chains() {
        return standing == null
                ? List.of()
                : standing.table().chains().keySet().stream()
                        .map(Slot::plainName)
                        .toList();
    }

    private static void add(@Nullable Port listener, List<Port> listeners) {
        if (listener != null && !listeners.contains(listener)) {
            listeners.add(listener);
        }
    }
}
