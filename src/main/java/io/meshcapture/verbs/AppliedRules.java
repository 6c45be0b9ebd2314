package io.meshcapture.verbs;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.LiveState;
import io.meshcapture.connections.OpenConnections;
import io.meshcapture.plan.Plan;
import io.meshcapture.rules.Decision;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
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

    private String stoodIn = "";
    private boolean onTrial;

    AppliedRules(Plan plan, Place place, Apply.Request request, Progress progress) {
        this.plan = plan;
        this.place = place;
        this.request = request;
        this.progress = progress;
    }

    @Override
    public Apply.Outcome apply(@Nullable Duration trial, boolean guarded) throws Exception {
        RulesApply apply = new RulesApply(plan, place, request.lasting(trial), progress, guarded);
        if (request.dryRun()) {
            return place.reading(apply::run);
        }
        Apply.Outcome outcome = place.changing(apply::run);
        before = outcome.changed() ? apply.before() : null;
        stoodIn = apply.stoodIn();
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
            if (!stood.isInForce()) { // what else of it stood there led nowhere
                Backend standing = backends.standing();
                new Rollback.Finish(standing, standing.live(), request.drain(), progress).all();
                return true;
            }
            Backend home = backends.named(stoodIn);
            List<Backend> others = backends.besides(home);
            LiveState there = home.live();
            LiveState live = there.isInForce() || others.isEmpty()
                    ? there
                    : others.getFirst().live();
            Decision decision = stood.decision();
            Instant now = Instant.now().truncatedTo(ChronoUnit.SECONDS);
            OpenConnections.commitBesideThem(
                    home, home.change(there, decision, place.version(), now, null), live, decision);
            others.forEach(Backend::removeAll);
            return true;
        }
    }
}
