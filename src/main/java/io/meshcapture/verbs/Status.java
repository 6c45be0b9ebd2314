package io.meshcapture.verbs;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.LiveState;
import io.meshcapture.backend.nftables.LoggerRecord;
import io.meshcapture.connections.OpenTraffic;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Port;
import io.meshcapture.system.LegacyTrace;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads what is captured now. */
public final class Status {

    /**
     * What stands.
     *
     * @param services the services that are captured, in name order
     * @param inbound capture of connections to this host, or null where there is none
     * @param dns Envoy's listener that DNS goes to, or null where DNS is not captured
     * @param dnsCaptured flows of DNS that were captured
     * @param quicRejected first packets of QUIC that were rejected; services count them as captured too
     * @param draining captured connections of services that were rolled back, which have not ended, by service; the empty
     *     text where that is not known
     * @param leftover whether a table stands that captures nothing
     * @param trialLeft what is left of the trial that runs, or null where none does
     * @param backend what capture is written with, or would be, and why; empty where nobody looked
     * @param notes what an earlier command left that did not come to its end
     */
    public record Outcome(
            List<Captured> services,
            @Nullable Arriving inbound,
            @Nullable Port dns,
            long dnsCaptured,
            long quicRejected,
            Map<String, Integer> draining,
            boolean leftover,
            @Nullable Duration trialLeft,
            String backend,
            List<String> notes) {}

    /**
     * A service that is captured.
     *
     * @param name its name
     * @param backend how its capture is written
     * @param since when it was applied, or null where the record was damaged
     * @param version of meshcapture that applied it
     * @param captured new connections that were captured since then; {@link #UNCOUNTED} where nobody counts them
     * @param excepted new connections that its exceptions kept direct; likewise
     * @param rejected new connections over IPv6 that were rejected; likewise
     * @param open captured connections that are open; {@link #UNCOUNTED} where that is not known
     * @param packets those that were sent on them, both ways; likewise
     */
    public record Captured(
            String name,
            String backend,
            @Nullable Instant since,
            String version,
            long captured,
            long excepted,
            long rejected,
            long open,
            long packets) {}

    /**
     * Capture of connections to this host.
     *
     * @param mode how they reach Envoy
     * @param listener Envoy's listener for them
     * @param captured new connections that were captured or rejected
     * @param excepted new connections to ports that the plan excepts
     */
    public record Arriving(Choices.InboundMode mode, Port listener, long captured, long excepted) {}

    /** Nobody counts what goes to Envoy by the hosts file alone. */
    public static final long UNCOUNTED = -1;

    private static final String TRACE_LEFT =
            "a trace was killed, and what it set in net.netfilter.nf_log is still set; the next"
                    + " apply, confirm, rollback or trace that may write /proc/sys puts it back";

    private Status() {}

    public static Outcome run(Place place) throws Exception {
        return HostsStatus.around(place, () -> netfilter(place));
    }

    private static Outcome netfilter(Place place) throws Exception {
        return place.reading(() -> {
            try (Backends backends = Backends.open()) {
                Backend backend = backends.standing();
                LiveState live = place.settled(backend);
                Map<String, OpenTraffic> open = OpenTraffic.byService(live);
                List<Captured> services = live.services().stream()
                        .map(service -> captured(service, backend, open))
                        .toList();
                return new Outcome(
                        services,
                        live.inbound()
                                .map(inbound -> new Arriving(
                                        inbound.mode(), inbound.listener(), inbound.captured(), inbound.excepted()))
                                .orElse(null),
                        live.dns().orElse(null),
                        live.dnsCaptured(),
                        live.quicRejected(),
                        Drain.unfinished(
                                live.owners(),
                                name -> services.stream()
                                        .anyMatch(service -> service.name().equals(name))),
                        live.isPresent() && !live.isInForce(),
                        live.trial().orElse(null),
                        backends.standingAndWhy(),
                        found(live));
            }
        });
    }

    private static Captured captured(
            LiveState.LiveService service, Backend backend, @Nullable Map<String, OpenTraffic> open) {
        OpenTraffic traffic = open == null ? null : open.getOrDefault(service.name(), OpenTraffic.NONE);
        return new Captured(
                service.name(),
                backend.name(),
                service.since(),
                service.version(),
                service.captured(),
                service.excepted(),
                service.rejected(),
                traffic == null ? UNCOUNTED : traffic.connections(),
                traffic == null ? UNCOUNTED : traffic.packets());
    }

    private static List<String> found(LiveState live) {
        List<String> found = new ArrayList<>(Trials.found(live));
        if (LegacyTrace.hasLeft(new LoggerRecord())) {
            found.add(TRACE_LEFT);
        }
        return found;
    }
}
