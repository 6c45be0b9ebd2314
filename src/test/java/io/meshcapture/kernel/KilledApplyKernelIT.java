package io.meshcapture.kernel;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * SIGKILL at every system call with which a command can have an effect: what stands afterwards is what stood before or what
 * was asked for, for every service and both families alike; what was open goes on; and the next command comes to its end.
 */
@InNetns
@Tag("killed")
class KilledApplyKernelIT extends KillStories {

    @Test
    void first_apply(Lab lab) {
        new Stage(lab).killAtEveryCall(new Story(NOTHING, null, OLD, apply()));
    }

    @Test
    void apply_of_another_plan(Lab lab) {
        new Stage(lab).killAtEveryCall(new Story(OLD, null, NEW, apply()));
    }

    @Test
    void apply_of_the_same_plan(Lab lab) {
        new Stage(lab).killAtEveryCall(new Story(OLD, null, OLD, apply()));
    }

    @Test
    void apply_on_trial(Lab lab) {
        new Stage(lab).killAtEveryCall(new Story(OLD, null, NEW, onTrial()));
    }

    @Test
    void apply_on_trial_where_nothing_stands(Lab lab) {
        new Stage(lab).killAtEveryCall(new Story(NOTHING, null, NEW, onTrial()));
    }

    @Test
    void apply_that_adds_inbound_connections_and_dns(Lab lab) {
        new Stage(lab).killAtEveryCall(new Story(OLD, null, ALL_TRAFFIC, apply()));
    }

    @Test
    void apply_that_takes_them_away_again(Lab lab) {
        new Stage(lab).killAtEveryCall(new Story(ALL_TRAFFIC, null, NEW, apply()));
    }

    @Test
    void confirmation(Lab lab) {
        new Stage(lab).killAtEveryCall(new Story(OLD, NEW, null, NEW, List.of("confirm")));
    }

    @Test
    void apply_on_trial_after_one_that_was_killed(Lab lab) {
        new Stage(lab).killAtEveryCall(new Story(OLD, new Earlier(onTrial(), NEW, true), NEW, onTrial()));
    }
}
