package io.meshcapture.verbs;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Plan;
import io.meshcapture.probe.Probe;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * An apply that stands only if real connections go where the plan says: a trial that is confirmed when they have, and ended
 * when they have not. Killed in between, it ends like every trial.
 */
final class ProbedApply {

    /** Far more than the probes take. */
    private static final Duration TRIAL = Duration.ofSeconds(60);

    /** So many are named. */
    private static final int SHOWN = 5;

    private ProbedApply() {}

    static Apply.Outcome run(Plan plan, Place place, Apply.Request request, Progress progress) throws Exception {
        if (request.trial() == null) {
            refuseWhileATrialRuns(plan, place, request);
        }
        Apply.Request tried = request.trial() == null ? request.onTrial(TRIAL) : request;
        Apply.Outcome applied = Apply.applied(plan, place, tried, progress);
        List<Probe.Verdict> probes;
        try {
            probes = verified(plan, place, request, applied);
        } catch (Exception e) {
            if (applied.trial() != null) {
                Rollback.run(place, new Rollback.Request(Set.of(), true, request.drain()), progress);
            }
            throw e;
        }
        if (request.trial() != null) {
            return applied.verified(applied.trial(), probes, applied.notes());
        }
        if (applied.trial() != null) {
            Confirm.run(place);
        }
        List<String> notes = new ArrayList<>(applied.notes());
        notes.removeIf(Trials::isStandingBy); // he has gone
        return applied.verified(null, probes, notes);
    }

    private static void refuseWhileATrialRuns(Plan plan, Place place, Apply.Request request) throws Exception {
        NamesOnTrial.left(place).filter(Duration::isPositive).ifPresent(left -> {
            throw Trials.running(left);
        });
        if (HostsPart.of(plan, place, request.services()).asksNetfilter()) {
            place.reading(() -> {
                try (Backends backends = Backends.open()) {
                    Trials.refuseWhileOneRuns(backends.standing().live());
                    return true;
                }
            });
        }
    }

    private static List<Probe.Verdict> verified(Plan plan, Place place, Apply.Request request, Apply.Outcome applied)
            throws Exception {
        Check.Outcome found = Check.run(plan, place, request.services(), true);
        List<String> wrong = new ArrayList<>();
        for (Probe.Verdict verdict : found.probes()) {
            if (verdict.result() == Probe.Result.WRONG) {
                wrong.add(verdict.what() + (verdict.service() == null ? "" : ", service " + verdict.service()) + ", "
                        + verdict.found());
            }
        }
        found.differences().forEach(one -> wrong.add(one.where() + " is not as the plan has it"));
        String undone = applied.changed() || applied.trial() != null
                ? ", so what was applied has been undone"
                : "; there was nothing to apply, and nothing was changed";
        String because = wrong.stream().limit(SHOWN).collect(Collectors.joining(" | "))
                + (wrong.size() > SHOWN ? " | and " + (wrong.size() - SHOWN) + " more" : "");
        boolean unserved = found.differences().isEmpty()
                && found.probes().stream()
                        .filter(one -> one.result() == Probe.Result.WRONG)
                        .allMatch(Probe.Verdict::isUnserved);
        if (!wrong.isEmpty() && unserved) {
            throw new Failure.Unverified(
                    "nobody listens where connections are sent" + undone,
                    because,
                    "start Envoy, and let apply wait for it with --wait-envoy 30s");
        }
        if (!wrong.isEmpty()) {
            throw new Failure.Unverified(
                    "connections do not go where the plan says" + undone,
                    because,
                    "see what is in the way with: meshcapture doctor; apply without --probe to look at it with:"
                            + " meshcapture check --probe");
        }
        if (!found.probes().isEmpty() && found.probes().stream().noneMatch(one -> one.result() == Probe.Result.OK)) {
            throw new Failure.Unverified(
                    "no connection could be tried" + undone,
                    found.probes().getFirst().what() + ": "
                            + found.probes().getFirst().found(),
                    "see why with: meshcapture doctor; or apply without --probe");
        }
        return found.probes();
    }
}
