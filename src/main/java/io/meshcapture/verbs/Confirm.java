package io.meshcapture.verbs;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.LiveState;
import io.meshcapture.failure.Failure;
import io.meshcapture.system.TrialGuard;
import java.util.List;

/** Makes the trial that runs permanent. Needs no plan: both states stand in the kernel. */
public final class Confirm {

    /**
     * What was done.
     *
     * @param confirmed whether a trial was running
     * @param services the services that are captured for good now
     */
    public record Outcome(boolean confirmed, List<String> services) {}

    private Confirm() {}

    /**
     * Confirms the trial that runs, if one does.
     *
     * @throws Failure.Conflict where it has ended already
     */
    public static Outcome run(Place place) throws Exception {
        return place.changing(() -> {
            try (Backends backends = Backends.open()) {
                Backend backend = backends.standing();
                LiveState live = backend.live();
                boolean overdue = Trials.isOverdue(live);
                if (overdue) {
                    live = Trials.ended(backend, live);
                }
                if (live.hasEndedTrial() || overdue) {
                    throw new Failure.Conflict(
                            "the trial has ended",
                            "it was not confirmed in time, and what stood before it is in force again",
                            "apply the plan again, with more time: meshcapture apply --confirm-within 5m");
                }
                if (live.trial().isPresent()) {
                    backend.commit(backend.confirmation(live));
                    if (!backend.holdsTrials()) {
                        TrialGuard.dismiss();
                    }
                }
                return new Outcome(
                        live.trial().isPresent(),
                        live.services().stream()
                                .map(LiveState.LiveService::name)
                                .toList());
            }
        });
    }
}
