package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The table of {@code connections.md} names tests that exist, and leaves no situation out. */
class CasesTest {
    private static final Pattern ROW = Pattern.compile("\\| A (\\d+) \\|.*");
    private static final Pattern TEST = Pattern.compile("`(\\w+)\\.(\\w+)`");

    @Test
    void every_situation_has_a_test_and_every_test_is_there() throws Exception {
        List<Integer> rows = new ArrayList<>();
        for (String line : table().lines().toList()) {
            Matcher row = ROW.matcher(line);
            if (row.matches()) {
                rows.add(Integer.valueOf(row.group(1)));
                assertTrue(tests(line) > 0, line);
            }
        }
        assertEquals(
                IntStream.concat(IntStream.rangeClosed(1, 30), IntStream.rangeClosed(51, 56))
                        .boxed()
                        .toList(),
                rows);
    }

    private static int tests(String line) throws ClassNotFoundException {
        int found = 0;
        Matcher test = TEST.matcher(line);
        while (test.find()) {
            Class<?> named = Class.forName(CasesTest.class.getPackageName() + "." + test.group(1));
            String name = test.group(2);
            boolean isThere = Arrays.stream(named.getDeclaredMethods())
                    .filter(CasesTest::isTest)
                    .anyMatch(method -> method.getName().equals(name));
            assertTrue(isThere, () -> named.getSimpleName() + " has no test " + name);
            found++;
        }
        return found;
    }

    /** {@code @Test}, {@code @ParameterizedTest} and their like. */
    private static boolean isTest(Method method) {
        return Arrays.stream(method.getAnnotations())
                .anyMatch(one -> one.annotationType().getSimpleName().endsWith("Test"));
    }

    private static String table() throws IOException {
        try (InputStream in = Objects.requireNonNull(CasesTest.class.getResourceAsStream("connections.md"))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
