package io.meshcapture.kernel;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The same for what ends capture, and for commands that come after one that was killed. */
@InNetns
@Tag("killed")
class KilledEndKernelIT extends KillStories {

    @Test
    void rollback_of_all_traffic(Lab lab) {
        List<String> rollback = List.of("rollback", "--all", "--drain", DRAIN.toMillis() + "ms");
        new Stage(lab).killAtEveryCall(new Story(ALL_TRAFFIC, null, NOTHING, rollback));
    }

    @Test
    void end_of_a_trial(Lab lab) {
        new Stage(lab).killAtEveryCall(new Story(OLD, NEW, null, OLD, List.of("rollback", "--trial")));
    }

    @Test
    void rollback_of_one_service_while_its_captured_connections_drain(Lab lab) {
        List<String> rollback = List.of("rollback", "orders", "--drain", DRAIN.toMillis() + "ms");
        new Stage(lab).killAtEveryCall(new Story(OLD, null, WITHOUT_ORDERS, rollback));
    }

    @Test
    void rollback_of_all_while_captured_connections_drain(Lab lab) {
        new Stage(lab)
                .killAtEveryCall(new Story(
                        OLD, null, NOTHING, List.of("rollback", "--all", "--drain", DRAIN.toMillis() + "ms")));
    }

    @Test
    void apply_after_an_apply_that_was_killed_after_its_first_transaction(Lab lab) {
        new Stage(lab).killAtEveryCall(new Story(OLD, new Earlier(apply(), NEW, true), NEW, apply()));
    }

    @Test
    void apply_after_an_apply_that_was_killed_before_its_last_transaction(Lab lab) {
        new Stage(lab).killAtEveryCall(new Story(OLD, new Earlier(apply(), NEW, false), NEW, apply()));
    }

    @Test
    void rollback_of_all_after_an_apply_that_was_killed(Lab lab) {
        List<String> rollback = List.of("rollback", "--all", "--drain", "0");
        new Stage(lab).killAtEveryCall(new Story(OLD, new Earlier(apply(), NEW, true), NOTHING, rollback));
    }

    @Test
    void apply_after_a_rollback_that_was_killed_while_it_drained(Lab lab) {
        List<String> rollback = List.of("rollback", "--all", "--drain", "10s");
        new Stage(lab).killAtEveryCall(new Story(OLD, new Earlier(rollback, NOTHING, true), NEW, apply()));
    }

    @Test
    void rollback_after_a_rollback_that_was_killed_while_it_drained(Lab lab) {
        List<String> rollback = List.of("rollback", "--all", "--drain", "0");
        new Stage(lab).killAtEveryCall(new Story(OLD, new Earlier(rollback, NOTHING, true), NOTHING, rollback));
    }
}
