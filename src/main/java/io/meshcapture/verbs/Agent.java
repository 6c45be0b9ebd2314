package io.meshcapture.verbs;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Plan;
import io.meshcapture.system.KernelClock;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Applies a plan, stays, and applies it again whenever what stands has become something else. */
public final class Agent {

    /** Hears what an agent does. */
    public interface Listener {
        /** Something was applied: at first, and whenever anything differed. */
        void applied(Apply.Outcome outcome);

        /** It could not be looked at or brought back, and will be tried again; called once for a reason. */
        void failed(Failure failure);

        /**
         * Rules of others come first again whenever ours have gone before them, and stay there for now; called once.
         *
         * @param rules where ours stand, and which rules they stand behind
         */
        void gaveWay(List<String> rules);
    }

    private final Supplier<Plan> plans;
    private final Place place;
    private final boolean besideOtherMesh;
    private final Progress progress;
    private final Overtaking overtaking = new Overtaking();

    private Agent(Supplier<Plan> plans, Place place, boolean besideOtherMesh, Progress progress) {
        this.plans = plans;
        this.place = place;
        this.besideOtherMesh = besideOtherMesh;
        this.progress = progress;
    }

    /**
     * Runs until it is asked to end. What is captured then stays captured.
     *
     * @param plans the plan as it is when it is asked for
     * @param interval how long until what stands is looked at again
     * @param besideOtherMesh whether another mesh's capture may stand here
     * @throws Failure where the plan could not be applied at first
     */
    public static void run(
            Supplier<Plan> plans,
            Place place,
            Duration interval,
            boolean besideOtherMesh,
            Progress progress,
            Listener listener,
            Stop stop)
            throws Exception {
        Agent agent = new Agent(plans, place, besideOtherMesh, progress);
        listener.applied(agent.apply(false));
        @Nullable String told = null;
        while (!stop.comesWithin(interval)) {
            try {
                agent.lookAndRepair(listener);
                told = null;
            } catch (Failure failure) {
                // how much time a trial has left differs each time
                String reason = String.valueOf(failure.getMessage()).replaceAll("has [^;]* left", "has some time left");
                if (!reason.equals(told)) {
                    told = reason;
                    listener.failed(failure);
                }
            }
        }
    }

    private void lookAndRepair(Listener listener) throws Exception {
        Apply.Outcome found = apply(true);
        Duration now = Duration.ofMillis(KernelClock.millis());
        List<String> behind = found.differences().stream()
                .filter(Difference::isOfOrder)
                .map(Difference::where)
                .distinct()
                .toList();
        if (behind.isEmpty()) {
            overtaking.calm(now);
        }
        boolean ofOrderAlone = found.differences().stream().allMatch(Difference::isOfOrder);
        if (!behind.isEmpty() && ofOrderAlone && !overtaking.isWorthIt(now)) {
            if (overtaking.isNews()) {
                listener.gaveWay(behind);
            }
        } else if (found.changed()) {
            listener.applied(apply(false));
            if (!behind.isEmpty()) {
                overtaking.done(now);
            }
        }
    }

    /** Looking alone takes no lock, and leaves connections alone. */
    private Apply.Outcome apply(boolean dryRun) throws Exception {
        return Apply.run(
                plans.get(),
                place,
                new Apply.Request(Set.of(), dryRun, null, Duration.ZERO, null, false, besideOtherMesh),
                progress);
    }
}
