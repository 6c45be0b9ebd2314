package io.meshcapture.verbs;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.Change;
import io.meshcapture.backend.LiveState;
import io.meshcapture.failure.Failure;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** What a trial means for other commands, and the traces of commands that were interrupted. */
final class Trials {
    private Trials() {}

    /** What is left, in words: {@code 43 s}; a second that has begun counts. */
    static String left(Duration left) {
        return (left.toMillis() + 999) / 1000 + " s";
    }

    /** @throws Failure.Conflict while a trial runs, because nobody could say what it would fall back to */
    static void refuseWhileOneRuns(LiveState live) {
        if (live.trial().isPresent()) {
            throw new Failure.Conflict(
                    "a trial is running",
                    "what is in force now has " + left(live.trial().get()) + " left to be confirmed",
                    "make it permanent with: meshcapture confirm; end it with: meshcapture rollback --trial; or try the same plan longer with: meshcapture apply --confirm-within");
        }
    }

    /** Lets a trial of the same plan run for a time from now. */
    static void extend(Backend backend, LiveState live, Change change, Duration trial) {
        if (!change.differences().isEmpty()) {
            throw new Failure.Conflict(
                    "another plan is on trial",
                    "it has " + left(live.trial().orElseThrow()) + " left to be confirmed, and differs in "
                            + change.differences().size() + " place(s) from this plan",
                    "make it permanent with: meshcapture confirm; or end it with: meshcapture rollback --trial");
        }
        backend.commit(backend.extension(live, trial));
    }

    /** Whether the time of a trial is over, and whoever should have ended it has not. */
    static boolean isOverdue(LiveState live) {
        return live.trial().isPresent() && live.trial().get().isZero();
    }

    /** What stands after a trial that is overdue has been ended. */
    static LiveState ended(Backend backend, LiveState live) {
        if (!isOverdue(live)) {
            return live;
        }
        if (live.servicesBehindTrial().isEmpty() && !live.holdsInboundBehindTrial() && !live.holdsDnsBehindTrial()) {
            backend.commit(backend.removalOfAll(live));
        } else {
            backend.commit(backend.abandonment(live));
        }
        return backend.live();
    }

    /** What an earlier command left that did not come to its end. */
    static List<String> found(LiveState live) {
        List<String> found = new ArrayList<>();
        if (isOverdue(live)) {
            found.add("a trial is over and nobody has ended it; the next apply, confirm or rollback does");
        }
        if (live.hasEndedTrial()) {
            found.add("a trial ended because it was not confirmed in time; what stood before it is in force again");
        }
        if (live.hasLeftover()) {
            found.add("a change was interrupted before it was put in force; what it had built is not used");
        }
        return found;
    }
}
