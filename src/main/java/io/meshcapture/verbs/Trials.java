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

    /** @throws Failure.Conflict while a trial runs */
    static void refuseWhileOneRuns(LiveState live) {
        if (live.trial().isPresent()) {
            throw running(live.trial().get());
        }
    }

    /** A trial runs, and nobody could say what another change would fall back to. */
    static Failure.Conflict running(Duration left) {
        return new Failure.Conflict(
                "a trial is running",
                "what is in force now has " + left(left) + " left to be confirmed",
                "make it permanent with: meshcapture confirm; end it with: meshcapture rollback --trial; or try the same plan longer with: meshcapture apply --confirm-within");
    }

    /**
     * Another plan is on trial than the one that is to be tried.
     *
     * @param places in how many they differ
     */
    static Failure.Conflict other(Duration left, int places) {
        return new Failure.Conflict(
                "another plan is on trial",
                "it has " + left(left) + " left to be confirmed, and differs in " + places + " place(s) from this plan",
                "make it permanent with: meshcapture confirm; or end it with: meshcapture rollback --trial");
    }

    /** It is too late to confirm. */
    static Failure.Conflict over() {
        return new Failure.Conflict(
                "the trial has ended",
                "it was not confirmed in time, and what stood before it is in force again",
                "apply the plan again, with more time: meshcapture apply --confirm-within 5m");
    }

    private static final String STANDING_BY = "the kernel cannot end a trial of ";

    static final String ENDED =
            "a trial ended because it was not confirmed in time; what stood before it is in force again";

    static final String OVERDUE = "a trial is over and nobody has ended it; the next apply, confirm or rollback does";

    private static final String ON_TRIAL = "what is in force is on trial and ends in ";

    /** That what is in force does not last, as a note. */
    static String note(Duration left) {
        return ON_TRIAL + left(left) + " unless it is confirmed with: meshcapture confirm";
    }

    static boolean isNote(String text) {
        return text.startsWith(ON_TRIAL);
    }

    /**
     * Who ends a trial that the kernel does not end, as a note.
     *
     * @param what is on trial
     * @param who ends it
     */
    static String standingBy(String what, String who) {
        return STANDING_BY + what + " by itself: " + who
                + " does, and where that is gone, the next command of meshcapture";
    }

    static boolean isStandingBy(String note) {
        return note.startsWith(STANDING_BY);
    }

    /** Lets a trial of the same plan run for a time from now. */
    static void extend(Backend backend, LiveState live, Change change, Duration trial) {
        requireSame(live, change);
        backend.commit(backend.extension(live, trial));
    }

    /** @throws Failure.Conflict where another plan is on trial */
    static void requireSame(LiveState live, Change change) {
        if (!change.differences().isEmpty()) {
            throw other(live.trial().orElseThrow(), change.differences().size());
        }
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
            found.add(OVERDUE);
        }
        if (live.hasEndedTrial()) {
            found.add(ENDED);
        }
        if (live.hasLeftover()) {
            found.add("a change was interrupted before it was put in force; what it had built is not used");
        }
        return found;
    }
}
