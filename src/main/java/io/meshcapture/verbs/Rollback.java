package io.meshcapture.verbs;

import io.meshcapture.backend.nftables.Change;
import io.meshcapture.backend.nftables.LiveState;
import io.meshcapture.backend.nftables.NftablesBackend;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Removal;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Undoes the capture of services. Needs no plan: the live state says what is whose. */
public final class Rollback {

    /**
     * What is asked.
     *
     * @param services the services, or empty for all
     * @param trial whether no service is meant, but the trial that runs
     * @param drain how long captured connections may go on where nothing stays captured
     */
    public record Request(Set<ServiceName> services, boolean trial, Duration drain) {
        public Request {
            services = Set.copyOf(services);
        }
    }

    /**
     * What was done.
     *
     * @param removed services that are captured no longer
     * @param unknown services that were named and not captured
     * @param remaining services that still are
     * @param cut captured connections that were cut because their time was over
     * @param changed whether anything was changed
     * @param inbound whether connections to this host still are; they belong to the plan and not to a service
     * @param notes what the user should know
     */
    public record Outcome(
            List<String> removed,
            List<String> unknown,
            List<String> remaining,
            int cut,
            boolean changed,
            boolean inbound,
            List<String> notes) {}

    private Rollback() {}

    public static Outcome run(Place place, Request request, Progress progress) throws Exception {
        return place.changing(() -> rollback(place, request, progress));
    }

    private static Outcome rollback(Place place, Request request, Progress progress) throws Exception {
        try (NftablesBackend backend = NftablesBackend.open()) {
            boolean all = request.services().isEmpty() && !request.trial();
            LiveState live = all ? backend.liveOfAnyVersion() : backend.live();
            SortedSet<String> captured = names(live.services());
            SortedSet<String> behindTrial = names(live.servicesBehindTrial());
            if (request.trial()) {
                return endTrial(backend, live, captured, behindTrial, request, progress);
            }
            captured.addAll(behindTrial);
            TreeSet<String> named = new TreeSet<>();
            request.services().forEach(service -> named.add(service.value()));
            TreeSet<String> removed = new TreeSet<>(all ? captured : named);
            removed.retainAll(captured);
            TreeSet<String> unknown = new TreeSet<>(named);
            unknown.removeAll(captured);
            TreeSet<String> remaining = new TreeSet<>(captured);
            remaining.removeAll(removed);
            int cut = 0;
            boolean inbound = !all && live.holdsInbound();
            boolean releasesAll = live.isPresent() && remaining.isEmpty() && !inbound;
            if (releasesAll) {
                cut = Release.all(backend, live, request.drain(), progress);
            } else if (!removed.isEmpty()) {
                backend.commit(removal(place, backend, live, removed));
            }
            return new Outcome(
                    List.copyOf(removed),
                    List.copyOf(unknown),
                    List.copyOf(remaining),
                    cut,
                    releasesAll || !removed.isEmpty(),
                    inbound,
                    Trials.found(live));
        }
    }

    private static SortedSet<String> names(List<LiveState.LiveService> services) {
        TreeSet<String> names = new TreeSet<>();
        services.forEach(service -> names.add(service.name()));
        return names;
    }

    /** Back to what stood before; to nothing where nothing did. */
    private static Outcome endTrial(
            NftablesBackend backend,
            LiveState live,
            SortedSet<String> tried,
            SortedSet<String> before,
            Request request,
            Progress progress)
            throws Exception {
        if (live.trial().isEmpty()) {
            return new Outcome(
                    List.of(), List.of(), List.copyOf(tried), 0, false, live.holdsInbound(), Trials.found(live));
        }
        int cut = 0;
        boolean inboundBefore = live.holdsInboundBehindTrial();
        if (before.isEmpty() && !inboundBefore) {
            cut = Release.all(backend, live, request.drain(), progress);
        } else {
            backend.commit(backend.abandonment(live));
        }
        tried.removeAll(before);
        return new Outcome(List.copyOf(tried), List.of(), List.copyOf(before), cut, true, inboundBefore, List.of());
    }

    /** A table that was edited by hand cannot be laid out anew; then the services' own elements go and all else stays. */
    private static Change removal(Place place, NftablesBackend backend, LiveState live, Set<String> removed) {
        if (live.trial().isPresent()) {
            return backend.removal(live, removed); // out of what is tried and of what comes back
        }
        try {
            Set<ServiceName> gone = removed.stream().map(ServiceName::new).collect(Collectors.toSet());
            return backend.change(
                    live,
                    Removal.without(live.decision(), gone),
                    place.version(),
                    Instant.now().truncatedTo(ChronoUnit.SECONDS),
                    null);
        } catch (Failure.Conflict editedByHand) {
            return backend.removal(live, removed);
        }
    }
}
