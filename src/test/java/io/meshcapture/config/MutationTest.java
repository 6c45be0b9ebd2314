package io.meshcapture.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.failure.Failure;
import io.meshcapture.failure.Problem;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whatever becomes of the bytes of a plan, it is read or refused with a place; nothing else is thrown. {@code -Dseed=N} tries others. */
class MutationTest {
    private static final List<String> PIECES = List.of(
            "&a ",
            "*a",
            "!!str ",
            "[",
            "]",
            "{",
            "}",
            ": ",
            "- ",
            "\t",
            "\n",
            "\r",
            "\u2028",
            "'",
            "\"",
            "|",
            ">",
            "? ",
            "---\n",
            "...\n",
            "%YAML 1.2\n",
            "<<: ",
            "~",
            "#",
            ",",
            "\0",
            "\ufeff",
            "\ud83d\ude00",
            "0",
            "-1",
            "65536",
            "10.0.0.0/33",
            "::",
            "any",
            "envoy",
            "null",
            "  ");

    @Test
    void reads_or_refuses_every_mutilated_plan() {
        Random random = new Random(Long.getLong("seed", 20261123L));
        String example = Sources.text("example.yaml").replaceAll(" +#[^\n]*", "");
        int read = 0;
        int refused = 0;
        for (int i = 0; i < 4_000; i++) {
            StringBuilder text = new StringBuilder(example);
            for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
                mutilate(text, random);
            }
            byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
            if (random.nextInt(10) == 0) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            }
            PlanSource source = new PlanSource("plan.yaml", bytes);
            try {
                Configuration.read(source, Map.of(), Map.of());
                read++;
            } catch (Failure.Invalid invalid) {
                refused++;
                check(invalid.problems(), source);
            }
        }
        assertTrue(read > 100 && refused > 1_000, read + " read, " + refused + " refused");
    }

    private static void mutilate(StringBuilder text, Random random) {
        if (text.length() < 2) {
            return;
        }
        int at = 1 + random.nextInt(text.length() - 1);
        int length = Math.min(random.nextInt(12), text.length() - at);
        switch (random.nextInt(4)) {
            case 0 -> text.insert(at, PIECES.get(random.nextInt(PIECES.size())));
            case 1 -> text.delete(at, at + length);
            case 2 -> text.insert(random.nextInt(text.length()), text.substring(at, at + length));
            default -> text.setLength(at); // cut off
        }
    }

    private static void check(List<Problem> problems, PlanSource source) {
        for (Problem problem : problems) {
            assertTrue(problem.where().matches("plan\\.yaml(:\\d+:\\d+)?"), problem.sentence());
            assertTrue(
                    problem.sentence().codePoints().allMatch(c -> c >= 0x20 && c != 0x7f && c != 0x2028),
                    problem.sentence());
            assertTrue(problem.sentence().length() < 600, problem.sentence());
        }
        assertEquals(
                problems.stream().map(Problem::sentence).toList(),
                Sources.problems(source),
                "the same plan is refused in the same words");
    }
}
