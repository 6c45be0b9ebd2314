package io.meshcapture.verbs;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.LiveState;
import io.meshcapture.connections.OpenConnections;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Plan;
import io.meshcapture.rules.Decision;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The half of an apply that is about netfilter, which is undone where the half that is about names is refused. */
final class AppliedRules implements HostsApply.Netfilter {
    private final Plan plan;
    private final Place place;
    private final Apply.Request request;
    private final Progress progress;

    /** What stood before what was changed; null where nothing was. */
    private @Nullable LiveState before;

    private String backend = "";
    private boolean onTrial;

    AppliedRules(Plan plan, Place place, Apply.Request request, Progress progress) {
        this.plan = plan;
        this.place = place;
        this.request = request;
        this.progress = progress;
    }

    @Override
    public Apply.Outcome apply(@Nullable Duration trial, boolean guarded) throws Exception {
        Apply apply = new Apply(plan, place, request.lasting(trial), progress, guarded);
        if (request.dryRun()) {
            return place.reading(apply::rules);
        }
        Apply.Outcome outcome = place.changing(apply::rules);
        before = outcome.changed() ? apply.before() : null;
        backend = outcome.backend();
        onTrial = outcome.trial() != null;
        return outcome;
    }

    @Override
    public void undo() throws Exception {
        LiveState stood = before;
        if (stood == null) {
            return;
        }
        if (onTrial) {
            Rollback.ofRules(place, new Rollback.Request(Set.of(), true, request.drain()), progress);
        } else {
            place.changing(() -> bringBack(stood));
        }
    }

    private boolean bringBack(LiveState stood) throws Exception {
        try (Backends backends = Backends.open()) {
            Backend standing = backends.standing();
            LiveState live = standing.live();
            if (!stood.isPresent()) {
                new Rollback.Finish(standing, live, request.drain(), progress).all();
                return true;
            }
            if (!standing.name().equals(backend) || !stood.isInForce()) {
                throw new Failure.Conflict(
                        "what stood in netfilter cannot be brought back",
                        "it stood in another backend, or was not in force",
                        "see what stands with: meshcapture status");
            }
            Decision decision = stood.decision();
            Instant now = Instant.now().truncatedTo(ChronoUnit.SECONDS);
            OpenConnections.commitBesideThem(
                    standing, standing.change(live, decision, place.version(), now, null), live, decision);
            return true;
        }
    }
}
