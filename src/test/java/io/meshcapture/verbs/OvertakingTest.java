package io.meshcapture.verbs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class OvertakingTest {
    private static final Duration SECOND = Duration.ofSeconds(1);

    /** Somebody comes first again within a second, for four hours. */
    @Test
    void whoever_always_comes_first_again_is_left_there_longer_and_longer() {
        Overtaking overtaking = new Overtaking();
        List<Long> seconds = new ArrayList<>();
        for (long second = 0; second < 4 * 3600; second++) {
            Duration now = Duration.ofSeconds(second);
            if (overtaking.isWorthIt(now)) {
                overtaking.done(now);
                seconds.add(second);
            }
        }
        assertEquals(List.of(0L, 1L, 2L, 602L, 1802L, 4202L, 7802L, 11402L), seconds);
        assertTrue(overtaking.isNews());
        assertFalse(overtaking.isNews());
    }

    @Test
    void what_comes_after_a_calm_time_is_something_new() {
        Overtaking overtaking = new Overtaking();
        Duration now = Duration.ofHours(1);
        for (int i = 0; i < Overtaking.AT_MOST; i++) {
            overtaking.done(now);
        }
        assertTrue(overtaking.isNews());
        overtaking.calm(now.plus(Overtaking.SOON).minus(SECOND));
        assertFalse(overtaking.isWorthIt(now.plus(Overtaking.SOON).minus(SECOND)));
        overtaking.calm(now.plus(Overtaking.SOON));
        assertTrue(overtaking.isWorthIt(now));
        assertTrue(overtaking.isNews());
    }
}
