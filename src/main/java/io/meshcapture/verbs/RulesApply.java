package io.meshcapture.verbs;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.Change;
import io.meshcapture.backend.Finding;
import io.meshcapture.backend.LiveState;
import io.meshcapture.backend.Owned;
import io.meshcapture.connections.CapturedQueries;
import io.meshcapture.connections.OpenConnections;
import io.meshcapture.connections.StaleFlows;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Plan;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.ServiceFacts;
import io.meshcapture.rules.Step;
import io.meshcapture.system.TrialGuard;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Applies what a plan captures by address: the rules in netfilter. */
final class RulesApply {

    private final Plan plan;
    private final Place place;
    private final Apply.Request request;
    private final Progress progress;

    /** Whether somebody stands by already to end the trial. */
    private final boolean guarded;

    /** What stood before in netfilter; null until it has been read. */
    private @Nullable LiveState before;

    private String stoodIn = "";

    RulesApply(Plan plan, Place place, Apply.Request request, Progress progress, boolean guarded) {
        this.plan = plan;
        this.place = place;
        this.request = request;
        this.progress = progress;
        this.guarded = guarded;
    }

    /** Applies it. */
    Apply.Outcome run() throws Exception {
        try (Backends backends = Backends.open()) {
            Backends.Choice choice = backends.of(plan);
            Backend backend = choice.backend();
            // where another one captures, capture moves from there
            List<Backend> others = backends.besides(backend);
            LiveState target = request.dryRun() ? place.settled(backend) : Trials.ended(backend, backend.live());
            boolean isElsewhere = !target.isInForce() && !others.isEmpty();
            LiveState live = isElsewhere ? others.getFirst().live() : target;
            before = live;
            stoodIn = isElsewhere ? others.getFirst().name() : backend.name();
            if (!request.dryRun() && request.trial() == null) {
                Trials.refuseWhileOneRuns(live);
            }
            Wanted wanted = Wanted.of(plan, place, request.services(), live);
            List<String> notes = new ArrayList<>(wanted.notes());
            notes.addAll(Trials.found(live));
            if (choice.isFallback()) {
                notes.add("the backend is " + backend.name() + ", because " + choice.why());
            }
            boolean nothingWanted = wanted.decision().isNothing();
            if (nothingWanted) {
                return release(isElsewhere ? others.getFirst() : backend, live, wanted, notes);
            }
            if (!others.isEmpty() && request.trial() != null) {
                throw new Failure.Conflict(
                        "a change of the backend cannot be put on trial",
                        "the plan asks for " + backend.name() + ", and "
                                + others.getFirst().name() + " captures here",
                        "apply it without --confirm-within and --probe, or keep the backend with --backend "
                                + others.getFirst().name());
            }
            wanted.listenersOfStrangers().refuse();
            if (!live.isInForce()) {
                notes.addAll(OtherMeshes.found(backends, request.besideOtherMesh()));
            }
            if (wanted.envoy().dns() != null) {
                wanted.envoy().dns().requireAnswerable(wanted.ipv6());
            }
            Escaping escaping = Escaping.from(wanted);
            Change change = backend.change(
                    target,
                    wanted.decision(),
                    place.version(),
                    Instant.now().truncatedTo(ChronoUnit.SECONDS),
                    request.trial());
            if (request.trial() != null && change.isNothing()) {
                notes.addAll(backends.leftByTrial(backend, target));
            }
            if (!request.dryRun()) {
                Map<Long, Owned> owners = commit(backend, live, wanted, change, notes);
                for (Backend other : others) {
                    moveFrom(other, backend, notes);
                }
                StaleFlows.forgetContradicting(wanted.decision());
                if (live.hasEverCapturedDns() || wanted.decision().dns() != null) {
                    CapturedQueries.forgetContradicting(wanted.decision());
                }
                Drain.unfinished(owners, wanted::captures)
                        .forEach((service, left) -> notes.add(left + " captured connection(s) of "
                                + service + " go on through Envoy until they end; to end them:"
                                + " meshcapture rollback " + service));
            }
            notes.addAll(afterwards(wanted));
            notes.addAll(escaping.notes());
            List<Finding> differences = new ArrayList<>(change.differences());
            others.forEach(other -> differences.add(new Finding(null, other.home(), other.home(), "")));
            return outcome(live, wanted, differences, choice, notes);
        }
    }

    /** What stood there before; null where that has not been read. */
    @Nullable
    LiveState before() {
        return before;
    }

    /** The backend that it stood in. */
    String stoodIn() {
        return stoodIn;
    }

    /** The new rules are in force, so that nothing goes past Envoy while the old ones go. */
    private static void moveFrom(Backend other, Backend backend, List<String> notes) {
        other.removeAll();
        notes.add("capture has moved from " + other.name() + " to " + backend.name());
    }

    private Map<Long, Owned> commit(Backend backend, LiveState live, Wanted wanted, Change change, List<String> notes) {
        if (request.trial() != null && live.trial().isPresent()) {
            Trials.requireSame(live, change); // or whoever stands by for the one that runs would be sent away
        }
        if (request.trial() != null
                && !guarded
                && !backend.holdsTrials()
                && (!change.isNothing() || live.trial().isPresent())) {
            notes.add(Trials.standingBy(backend.name(), TrialGuard.set(request.trial(), place.rulesAlone())));
        }
        if (live.trial().isPresent() && request.trial() != null) {
            Trials.extend(backend, live, change, request.trial());
        } else if (!change.isNothing()) {
            return OpenConnections.commitBesideThem(backend, change, live, wanted.decision());
        }
        return live.owners();
    }

    /** The plan has no services: whatever is captured is let go. */
    private Apply.Outcome release(Backend backend, LiveState live, Wanted wanted, List<String> notes) throws Exception {
        if (request.trial() != null) {
            throw new Failure.Invalid(
                    "a plan without services cannot be put on trial",
                    "--confirm-within",
                    "release everything with: meshcapture rollback --all");
        }
        notes.add(
                live.isPresent()
                        ? "the plan has no services, so everything that was captured is released"
                        : "the plan has no services, so nothing is captured");
        List<Finding> differences =
                live.isPresent() ? List.of(new Finding(null, backend.home(), backend.home(), "")) : List.of();
        if (live.isPresent() && !request.dryRun()) {
            Drain.Ending ending = new Rollback.Finish(backend, live, request.drain(), progress).all();
            if (ending.cut() > 0) {
                notes.add(
                        ending.cut()
                                + " captured connection(s) did not end within the drain time and had to be cut; drain longer with --drain");
            }
        }
        return outcome(live, wanted, differences, new Backends.Choice(backend, "it captured here", false), notes);
    }

    private List<String> afterwards(Wanted wanted) {
        List<String> notes = new ArrayList<>(EnvoyFit.loopback());
        MissingListeners missing = wanted.envoy().missing(wanted.ipv6());
        if (!missing.isEmpty()) {
            notes.add(missing.note(place.environment()));
        }
        notes.addAll(EnvoyFit.transparency(wanted.decision()));
        if (missing.isEmpty()) {
            notes.addAll(EnvoyFit.running(plan, place, EnvoyFit.envoysPorts(wanted.decision()), wanted.envoy())
                    .faults());
        }
        return notes;
    }

    private Apply.Outcome outcome(
            LiveState live, Wanted wanted, List<Finding> differences, Backends.Choice choice, List<String> notes) {
        Map<String, String> before = new HashMap<>();
        live.services().forEach(service -> before.put(service.name(), service.digest()));
        List<String> added = new ArrayList<>();
        List<String> updated = new ArrayList<>();
        for (ServiceFacts service : wanted.decision().services()) {
            String digest = before.remove(service.name().value());
            if (digest == null) {
                added.add(service.name().value());
            } else if (!digest.equals(service.digest())) {
                updated.add(service.name().value());
            }
        }
        List<String> removed = before.keySet().stream().sorted().toList();
        boolean tried = request.trial() != null
                && (!differences.isEmpty() || live.trial().isPresent());
        return new Apply.Outcome(
                !differences.isEmpty(),
                !stoodIn.equals(choice.backend().name()) || asksOtherwiseOfQuic(live, wanted.decision()),
                added,
                updated,
                removed,
                wanted.decision().services().size(),
                live.inbound().isPresent(),
                wanted.decision().inbound() != null,
                live.dns().isPresent(),
                wanted.decision().dns() != null,
                wanted.ipv6(),
                choice.backend().name(),
                choice.why(),
                Difference.of(differences),
                tried ? request.trial() : null,
                List.of(),
                notes);
    }

    /** Whether QUIC was left alone, or rejected, in every place that tells; one place alone is what somebody edited. */
    private static boolean asksOtherwiseOfQuic(LiveState live, Decision wanted) {
        if (!live.isInForce()) {
            return false;
        }
        try {
            Decision stood = live.decision();
            return looksAtQuic(stood) != looksAtQuic(wanted)
                    && stood.endings().contains(Decision.Ending.REJECT_QUIC)
                            != wanted.endings().contains(Decision.Ending.REJECT_QUIC);
        } catch (Failure.Conflict editedByHand) {
            return false;
        }
    }

    private static boolean looksAtQuic(Decision decision) {
        return decision.steps().stream().anyMatch(step -> step instanceof Step.OtherProtocols other && other.quicToo());
    }
}
