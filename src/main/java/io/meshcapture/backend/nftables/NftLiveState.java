package io.meshcapture.backend.nftables;

import io.meshcapture.backend.LiveState;
import io.meshcapture.backend.Owned;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.EitherWay;
import io.meshcapture.rules.ServiceRules;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** What stands in the kernel now. */
final class NftLiveState implements LiveState {

    private final @Nullable StandingTable standing;

    /** What decides new connections, or would if the base chains led to it. */
    private final @Nullable Ruleset ruleset;

    private final long dnsCaptured;
    private final long quicRejected;

    /**
     * Takes the table apart.
     *
     * @param table as it is listed, or null where there is none
     * @param dnsCaptured flows of DNS that the listing has counted
     * @param quicRejected packets of QUIC, likewise
     */
    NftLiveState(@Nullable Ruleset table, long dnsCaptured, long quicRejected) {
        this.quicRejected = quicRejected;
        this.dnsCaptured = dnsCaptured;
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

    @Override
    public boolean isInForce() {
        return standing != null && standing.inForce() != null;
    }

    @Override
    public Optional<Duration> trial() {
        return standing == null ? Optional.empty() : Optional.ofNullable(standing.trialLeft());
    }

    @Override
    public boolean hasEndedTrial() {
        return standing != null && standing.hasEndedTrial();
    }

    @Override
    public boolean hasLeftover() {
        return standing != null && !standing.hasEndedTrial() && standing.leftover() != null;
    }

    @Override
    public Map<Long, Owned> owners() {
        return standing == null ? Map.of() : OwnerSet.read(standing.table());
    }

    @Override
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

    @Override
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

    @Override
    public boolean canBeBuiltUpon() {
        return standing != null && Switchover.isUsable(standing.table());
    }

    @Override
    public List<LiveService> servicesBehindTrial() {
        if (standing == null || standing.trialLeft() == null || standing.confirmed() == null) {
            return List.of();
        }
        return CountedServices.of(standing.confirmed().contents(standing.table()), ipv6());
    }

    @Override
    public boolean isPresent() {
        return ruleset != null;
    }

    @Override
    public List<LiveService> services() {
        return ruleset == null || !isInForce() ? List.of() : CountedServices.of(ruleset, ipv6());
    }

    @Override
    public Set<String> servicesOfGoneGroups() {
        Set<String> services = new TreeSet<>();
        for (NftSet set : ruleset == null ? List.<NftSet>of() : ruleset.sets().values()) {
            if (LookupReader.asksForGroups(set)) {
                for (Element element : set.elements().values()) {
                    if (LookupReader.isOfGoneGroup(element)) {
                        services.add(element.comment());
                    }
                }
            }
        }
        services.remove("");
        return services;
    }

    @Override
    public Decision decision() {
        return new LiveDecision(Objects.requireNonNull(ruleset)).read();
    }

    @Override
    public Map<ServiceName, ServiceRules> standing() {
        return ruleset == null || !isInForce() ? Map.of() : new LiveDecision(ruleset).services();
    }

    @Override
    public Map<ServiceName, ServiceRules> standingWithGoneGroups() {
        return ruleset == null || !isInForce() ? new LinkedHashMap<>() : new LiveDecision(ruleset).services(true);
    }

    @Override
    public Choices.@Nullable Ipv6 ipv6() {
        if (ruleset == null || !isInForce()) {
            return null;
        }
        if (contains(Decision.Ending.REJECT_IPV6.why())) {
            return Choices.Ipv6.REJECT;
        }
        return contains(new EitherWay.Ipv6Bypass().why()) ? Choices.Ipv6.BYPASS : Choices.Ipv6.CAPTURE;
    }

    private boolean contains(String why) {
        return ruleset != null
                && ruleset.chains().values().stream()
                        .anyMatch(chain -> chain.rules().stream().anyMatch(rule -> LiveDecision.hasComment(rule, why)));
    }

    @Override
    public Optional<Port> dns() {
        return ruleset == null || !isInForce() ? Optional.empty() : Optional.ofNullable(DnsRules.listener(ruleset));
    }

    @Override
    public boolean holdsDns() {
        return dns().isPresent() || holdsDnsBehindTrial();
    }

    @Override
    public boolean holdsDnsBehindTrial() {
        return standing != null
                && standing.trialLeft() != null
                && standing.confirmed() != null
                && DnsRules.listener(standing.confirmed().contents(standing.table())) != null;
    }

    @Override
    public long dnsCaptured() {
        return dnsCaptured;
    }

    @Override
    public long quicRejected() {
        return quicRejected;
    }

    @Override
    public boolean hasEverCapturedDns() {
        return standing != null
                && (DnsRules.listener(Slot.FIRST.contents(standing.table())) != null
                        || DnsRules.listener(Slot.SECOND.contents(standing.table())) != null);
    }

    @Override
    public Optional<LiveInboundCapture> inbound() {
        return ruleset == null || !isInForce() ? Optional.empty() : Optional.ofNullable(LiveInbound.capture(ruleset));
    }

    @Override
    public boolean holdsInbound() {
        return inbound().isPresent() || holdsInboundBehindTrial();
    }

    @Override
    public boolean holdsInboundBehindTrial() {
        return standing != null
                && standing.trialLeft() != null
                && standing.confirmed() != null
                && standing.table().chains().containsKey(standing.confirmed().name(InboundRenderer.INBOUND));
    }

    @Override
    public boolean isForwarding() {
        return chains().contains(RulesetRenderer.FORWARDED);
    }

    @Override
    public List<Port> inboundListeners() {
        List<Port> listeners = remembered(Ruleset.INBOUND_LISTENERS);
        // should somebody have emptied that
        chains().forEach(chain -> add(LiveInbound.listener(chain), listeners));
        return listeners;
    }

    @Override
    public List<Port> listeners() {
        List<Port> listeners = remembered(Ruleset.LISTENERS);
        // should somebody have emptied that
        chains().forEach(chain -> add(LookupReader.listener("goto " + chain), listeners));
        return listeners;
    }

    private List<Port> remembered(String set) {
        List<Port> listeners = new ArrayList<>();
        NftSet ever = standing == null ? null : standing.table().sets().get(set);
        if (ever != null) {
            ever.elements().keySet().forEach(port -> add(LookupReader.listener("goto to_" + port), listeners));
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
