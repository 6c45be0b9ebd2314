package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.ServiceRules;
import io.meshcapture.rules.Step;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What stands in the kernel now. */
public final class LiveState {

    private final @Nullable Ruleset ruleset;

    LiveState(@Nullable Ruleset ruleset) {
        this.ruleset = ruleset;
    }

    @Nullable
    Ruleset ruleset() {
        return ruleset;
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
        if (ruleset == null) {
            return List.of();
        }
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
        services.sort(Comparator.comparing(LiveService::name));
        return services;
    }

    /** The decision that the comments tell of; see {@link LiveDecision#read}. Only where the table is there. */
    public Decision decision() {
        return new LiveDecision(Objects.requireNonNull(ruleset)).read();
    }

    /** The services as they stand, to be compiled again beside others. */
    public Map<ServiceName, ServiceRules> standing() {
        return ruleset == null ? Map.of() : new LiveDecision(ruleset).services();
    }

    /** What happens to IPv6 as it stands; null where the table is not there. */
    public Choices.@Nullable Ipv6 ipv6() {
        if (ruleset == null) {
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

    /** Envoy's listeners that the table sends to. */
    public List<Port> listeners() {
        List<Port> listeners = new ArrayList<>();
        if (ruleset != null) {
            for (String chain : ruleset.chains().keySet()) {
                Port listener = LiveDecision.listener("goto " + chain);
                if (listener != null) {
                    listeners.add(listener);
                }
            }
        }
        return listeners;
    }
}
