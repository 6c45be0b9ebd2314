package io.meshcapture.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.distribution.Distribution.Ending;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The measurement of what breaks, in short: nothing does here, and with rules written by hand it sees what does. */
final class UnbrokenIT {
    private static final Pattern ROW =
            Pattern.compile("(.*\\S) +([0-9,]+) of ([0-9,]+) +([0-9,]+) of ([0-9,]+) +0: .*");

    @Test
    void nothingBreaksAndTheMeasurementCanFail() {
        String jdk = System.getProperty("java.home");
        Ending ending = Distribution.run(
                List.of("scripts/bench", "unbroken", "--quick"),
                Map.of("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", "JAVA_HOME", jdk),
                "",
                Duration.ofMinutes(5)); // 20 s on a machine that does nothing else

        assertEquals(0, ending.code(), ending.out() + ending.err());
        assertTrue(ending.out().endsWith("goal: nothing breaks: reached\n"), ending.out());
        List<MatchResult> rows = ending.out()
                .lines()
                .flatMap(line -> ROW.matcher(line).results())
                .toList();
        assertEquals(10, rows.size(), ending.out());
        for (MatchResult row : rows) {
            assertEquals("0", row.group(2), row.group());
            assertNotEquals("0", row.group(3), row.group());
        }
        for (String what : List.of("conntrack off before", "flushed", "rollback", "bypassed", "half states")) {
            MatchResult row = rows.stream()
                    .filter(each -> each.group(1).contains(what))
                    .findFirst()
                    .orElseThrow();
            assertNotEquals("0", row.group(4), row.group());
        }
    }
}
