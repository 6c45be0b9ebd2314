package io.meshcapture.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.meshcapture.failure.Failure;
import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurationsTest {

    @ParameterizedTest
    @CsvSource({"500ms, PT0.5S", "60s, PT1M", "60, PT1M", "0, PT0S", "2m, PT2M", "24h, PT24H", "86400, PT24H"})
    void is_a_number_with_a_unit_and_seconds_without(String text, Duration duration) {
        assertEquals(duration, Durations.parse(text, "--drain"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"25h", "1441m", "86401", "86400001ms", "999999999h"})
    void nobody_waits_longer_than_a_day(String text) {
        Failure.Invalid refused = assertThrows(Failure.Invalid.class, () -> Durations.parse(text, "--drain"));
        assertEquals("time \"" + text + "\" is longer than a day; --drain; write 24h or less", refused.getMessage());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "s", "-1s", "+1s", "1.5s", "1 s", " 1s", "1S", "1d", "1sm", "1000000000s", "١s", "0x1s"})
    void anything_else_is_refused_with_the_place_and_the_mend(String text) {
        Failure.Invalid refused = assertThrows(Failure.Invalid.class, () -> Durations.parse(text, "--drain"));
        assertEquals(
                "time \"" + text
                        + "\" is not a number with a unit; --drain; write 500ms, 60s, 2m or 1h; without a unit it is seconds",
                refused.getMessage());
    }
}
