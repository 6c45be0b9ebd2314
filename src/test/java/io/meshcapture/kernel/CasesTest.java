package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The tables {@code connections.md} and {@code names.md} name tests that exist, and leave no situation out. */
class CasesTest {
    private static final Pattern ROW = Pattern.compile("\\| ([AB] \\d+) \\|.*");
    private static final Pattern TEST = Pattern.compile("`([\\w.]+)\\.(\\w+)`");

    @Test
    void every_situation_of_a_connection_has_a_test_and_every_test_is_there() throws Exception {
        assertEquals(Stream.concat(rows("A", 1, 30), rows("A", 51, 56)).toList(), rowsWithTests("connections.md"));
    }

    @Test
    void every_situation_of_names_has_a_test_and_every_test_is_there() throws Exception {
        Stream<String> some = Stream.of(18, 19, 23, 24, 28, 30, 34, 35).map(number -> "B " + number);
        assertEquals(
                Stream.concat(Stream.concat(rows("A", 59, 63), rows("B", 1, 16)), some)
                        .toList(),
                rowsWithTests("names.md"));
    }

    /** The group of these runs by itself, and by the names of its classes (pom.xml): one of another name would never run. */
    @Test
    void every_class_of_the_group_killed_has_the_name_by_which_it_is_run() throws IOException {
        try (Stream<Path> files = Files.walk(Path.of("src/test/java"))) {
            List<String> never = files.filter(file -> file.toString().endsWith("IT.java"))
                    .filter(file -> !file.getFileName().toString().contains("Killed"))
                    .filter(file -> text(file).contains("@Tag(\"killed\")"))
                    .map(Path::toString)
                    .toList();
            assertEquals(List.of(), never);
        }
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Stream<String> rows(String part, int first, int last) {
        return IntStream.rangeClosed(first, last).mapToObj(number -> part + " " + number);
    }

    private static List<String> rowsWithTests(String table) throws IOException, ClassNotFoundException {
        List<String> rows = new ArrayList<>();
        for (String line : text(table).lines().toList()) {
            Matcher row = ROW.matcher(line);
            if (row.matches()) {
                rows.add(row.group(1));
                assertTrue(tests(line) > 0, line);
            }
        }
        return rows;
    }

    private static int tests(String line) throws ClassNotFoundException {
        int found = 0;
        Matcher test = TEST.matcher(line);
        while (test.find()) {
            boolean isOfThisPackage = test.group(1).indexOf('.') < 0;
            Class<?> named =
                    Class.forName((isOfThisPackage ? "io.meshcapture.kernel." : "io.meshcapture.") + test.group(1));
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

    private static String text(String table) throws IOException {
        try (InputStream in = Objects.requireNonNull(CasesTest.class.getResourceAsStream(table))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
