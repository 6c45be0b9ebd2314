package io.meshcapture.verbs;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.Change;
import io.meshcapture.backend.LiveState;
import io.meshcapture.backend.Owned;
import io.meshcapture.connections.CapturedQueries;
import io.meshcapture.connections.Ownership;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Removal;
import io.meshcapture.system.Privileges;
import io.meshcapture.system.SocketTable;
import io.meshcapture.system.TrialGuard;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

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
     * @param drained services that were released before, and whose captured connections have been waited for now
     * @param cut captured connections that were cut because their time was over
     * @param uncut captured connections that should have been cut, which this kernel cannot do
     * @param changed whether anything was changed
     * @param inbound whether connections to this host still are; they belong to the plan and not to a service
     * @param dns whether DNS still is captured, which belongs to the plan and not to a service
     * @param notes what the user should know
     */
    public record Outcome(
            List<String> removed,
            List<String> unknown,
            List<String> remaining,
            List<String> drained,
            int cut,
            int uncut,
            boolean changed,
            boolean inbound,
            boolean dns,
            List<String> notes) {}

    private Rollback() {}

    /**
     * Waits until the trial that runs is over, confirmed or extended as it may be meanwhile; for whoever ends it where the
     * kernel cannot.
     *
     * @return whether it is over, and has not been confirmed
     */
    public static boolean awaitEndOfTrial(Place place) throws Exception {
        while (true) {
            Optional<Duration> ofNames = NamesOnTrial.left(place);
            Optional<Duration> ofRules = Privileges.isNetAdmin() ? trialOfRules(place) : Optional.empty();
            Optional<Duration> left =
                    Stream.of(ofNames, ofRules).flatMap(Optional::stream).min(Comparator.naturalOrder());
            if (left.isEmpty() || left.get().isZero()) {
                return left.isPresent();
            }
            Thread.sleep(left.get().plusMillis(10));
        }
    }

    /** What is left of a trial in netfilter; empty where none runs, or there is no netfilter. */
    static Optional<Duration> trialOfRules(Place place) throws Exception {
        return trialOfRules(place, any -> true);
    }

    /**
     * Likewise.
     *
     * @param counts whether a trial in that backend counts
     */
    static Optional<Duration> trialOfRules(Place place, Predicate<Backend> counts) throws Exception {
        try {
            return place.changing(() -> {
                try (Backends backends = Backends.open()) {
                    Backend backend = backends.standing();
                    return counts.test(backend) ? backend.live().trial() : Optional.<Duration>empty();
                }
            });
        } catch (Failure.Unavailable e) {
            return Optional.empty();
        }
    }

    public static Outcome run(Place place, Request request, Progress progress) throws Exception {
        return HostsRollback.around(place, request, () -> ofRules(place, request, progress));
    }

    /** In netfilter alone. */
    static Outcome ofRules(Place place, Request request, Progress progress) throws Exception {
        return place.changing(() -> {
            Outcome outcome = rollback(place, request, progress);
            if (outcome.changed() && request.services().isEmpty()) {
                TrialGuard.dismiss(); // with all of it, or by itself, the trial has ended
            }
            return outcome;
        });
    }

    private static Outcome rollback(Place place, Request request, Progress progress) throws Exception {
        try (Backends backends = Backends.open()) {
            Backend backend = backends.standing();
            boolean all = request.services().isEmpty() && !request.trial();
            LiveState live = all ? backend.liveOfAnyVersion() : backend.live();
            if (!all && !request.trial()) {
                live = Trials.ended(backend, live);
            }
            if (all) {
                for (Backend other : backends.besides(backend)) {
                    // an interrupted move left it; what it captured goes on by the rules of the other
                    other.removeAll();
                }
            }
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
            Finish finish = new Finish(backend, live, request.drain(), progress);
            boolean inbound = !all && live.holdsInbound();
            boolean dns = !all && live.holdsDns();
            boolean releasesAll =
                    live.isPresent() && remaining.isEmpty() && !inbound && !dns && (all || !removed.isEmpty());
            Drain.Ending ending;
            if (releasesAll) {
                ending = finish.all();
            } else if (removed.isEmpty()) {
                ending = finish.rest(unknown);
            } else {
                ending = finish.some(out(place, backend, live, removed), named);
            }
            List<String> notes = new ArrayList<>(all ? List.of() : Trials.found(live));
            TreeSet<String> finished = new TreeSet<>(ending.services());
            finished.removeAll(removed);
            unknown.removeAll(finished);
            if (ending.unknown() > 0) {
                notes.add(ending.unknown()
                        + " captured connection(s) go on of which it cannot be told whose they are (their process is not"
                        + " visible from here, their control group is gone, or the table was edited by hand);"
                        + " rollback --all drains them too");
            }
            return new Outcome(
                    List.copyOf(removed),
                    List.copyOf(unknown),
                    List.copyOf(remaining),
                    List.copyOf(finished),
                    ending.cut(),
                    ending.uncut(),
                    releasesAll || !removed.isEmpty() || !finished.isEmpty(),
                    inbound,
                    dns,
                    notes);
        }
    }

    private static SortedSet<String> names(List<LiveState.LiveService> services) {
        TreeSet<String> names = new TreeSet<>();
        services.forEach(service -> names.add(service.name()));
        return names;
    }

    /** Back to what stood before; to nothing where nothing did. */
    private static Outcome endTrial(
            Backend backend,
            LiveState live,
            SortedSet<String> tried,
            SortedSet<String> before,
            Request request,
            Progress progress)
            throws Exception {
        if (live.trial().isEmpty()) {
            return new Outcome(
                    List.of(),
                    List.of(),
                    List.copyOf(tried),
                    List.of(),
                    0,
                    0,
                    false,
                    live.holdsInbound(),
                    live.holdsDns(),
                    Trials.found(live));
        }
        Finish finish = new Finish(backend, live, request.drain(), progress);
        tried.removeAll(before);
        boolean inboundBefore = live.holdsInboundBehindTrial();
        boolean dnsBefore = live.holdsDnsBehindTrial();
        if (!before.isEmpty() || inboundBefore || dnsBefore) {
            // as when its time is over: what it has captured goes on
            Decision after = live.decisionBehindTrial();
            Map<Long, Owned> owners = after == null ? Map.of() : new Ownership(live).lostBy(after, SocketTable.open());
            backend.commit(backend.abandonment(live), owners);
            return new Outcome(
                    List.copyOf(tried),
                    List.of(),
                    List.copyOf(before),
                    List.of(),
                    0,
                    0,
                    true,
                    inboundBefore,
                    dnsBefore,
                    List.of("the trial was ended; what stood before it is in force again"));
        }
        Drain.Ending ending = finish.all();
        return new Outcome(
                List.copyOf(tried),
                List.of(),
                List.of(),
                List.of(),
                ending.cut(),
                ending.uncut(),
                true,
                false,
                false,
                List.of());
    }

    /** Ends captures, with their connections. */
    record Finish(Backend backend, LiveState live, Duration limit, Progress progress) {

        /**
         * All of them. A captured connection lives as long as its packets are translated, which takes the nat base chain and
         * a rule that uses conntrack; so the table stays until they have ended.
         */
        Drain.Ending all() throws InterruptedException {
            Drain.Ending ending =
                    Drain.commit(backend, live, backend.removalOfAll(live), null, any -> true, limit, progress);
            boolean dns = live.hasEverCapturedDns();
            if (dns) {
                CapturedQueries.awaitAnswers(limit);
            }
            backend.removeAll();
            if (dns) {
                CapturedQueries.forgetAll();
            }
            return ending;
        }

        /** Some of them. */
        Drain.Ending some(Out out, Set<String> services) throws InterruptedException {
            Drain.Ending ending =
                    Drain.commit(backend, live, out.change(), out.after(), services::contains, limit, progress);
            Drain.forget(backend, live, services);
            return ending;
        }

        /** What an interrupted rollback of some of them left. */
        Drain.Ending rest(Set<String> services) throws InterruptedException {
            if (live.owners().isEmpty()) {
                return new Drain.Ending(List.of(), 0, 0, 0);
            }
            Drain.Ending ending = Drain.commit(backend, live, null, null, services::contains, limit, progress);
            Drain.forget(backend, live, services);
            return ending;
        }
    }

    /**
     * What takes services out.
     *
     * @param after the decision that is in force then, or null where that is not known
     */
    record Out(Change change, @Nullable Decision after) {}

    /** A table that was edited by hand cannot be laid out anew; then the services' own elements go and all else stays. */
    private static Out out(Place place, Backend backend, LiveState live, Set<String> removed) {
        if (live.trial().isPresent() || !live.canBeBuiltUpon()) {
            return new Out(backend.removal(live, removed), null); // out of what is tried and of what comes back
        }
        try {
            Set<ServiceName> gone = removed.stream().map(ServiceName::new).collect(Collectors.toSet());
            Decision after = Removal.without(live.decision(), gone);
            Instant now = Instant.now().truncatedTo(ChronoUnit.SECONDS);
            return new Out(backend.change(live, after, place.version(), now, null), after);
        } catch (Failure.Conflict editedByHand) {
            return new Out(backend.removal(live, removed), null);
        }
    }
}
