package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Iptables;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The tables {@code connections.md} and {@code names.md} name tests that exist, and leave no situation out. What a connection
 * can meet is proven with each flavour of iptables too.
 */
class CasesTest {
    private static final Pattern ROW = Pattern.compile("\\| ([AB] \\d+) \\|.*");
    private static final List<String> FLAVOURS = List.of("iptables-nft", "iptables-legacy");

    /** What a row says where it is not proven with both. */
    private static final Pattern NOT_BOTH =
            Pattern.compile("whatever the backend|with nftables alone, since|iptables-legacy alone");

    private static final Pattern TEST = Pattern.compile("`([\\w.]+)\\.(\\w+)`");

    @Test
    void every_situation_of_a_connection_has_a_test_and_every_test_is_there() throws Exception {
        Stream<String> some = Stream.of(17, 20, 21, 22, 25, 26, 27, 29, 33).map(number -> "B " + number);
        assertEquals(
                Stream.of(rows("A", 1, 58), rows("A", 64, 65), some)
                        .flatMap(all -> all)
                        .toList(),
                rowsWithTests("connections.md"));
    }

    @Test
    void every_situation_of_a_connection_is_proven_with_both_flavours_of_iptables() throws Exception {
        for (String line : text("connections.md").lines().toList()) {
            if (ROW.matcher(line).matches() && !NOT_BOTH.matcher(line).find()) {
                Set<String> proven = new TreeSet<>();
                Matcher test = TEST.matcher(line);
                while (test.find()) {
                    Class<?> named = named(test.group(1));
                    for (Method method : tests(named, test.group(2))) {
                        proven.addAll(backends(named, method));
                    }
                }
                assertTrue(proven.containsAll(FLAVOURS), () -> "only " + proven + ": " + line);
            }
        }
    }

    /** With which flavours a test runs: by its group (see the executions in pom.xml), its class or its arguments. */
    private static Set<String> backends(Class<?> named, Method method) {
        Set<String> backends = new TreeSet<>();
        if (named == BackendContract.class) {
            backends.addAll(FLAVOURS); // by the classes that extend it
        }
        if (tags(named).contains("every-backend") && !tags(method).contains("nftables")) {
            backends.add("iptables-nft");
            if (!tags(method).contains("control-groups")) {
                backends.add("iptables-legacy");
            }
        }
        String arguments = Arrays.toString(method.getAnnotations());
        boolean isOfAll = method.isAnnotationPresent(EnumSource.class)
                && method.getAnnotation(EnumSource.class).names().length == 0
                && List.of(method.getParameterTypes()).contains(Iptables.class);
        for (String flavour : FLAVOURS) {
            String constant = flavour.substring("iptables-".length()).toUpperCase(Locale.ROOT);
            if (isOfAll
                    || arguments.contains(flavour)
                    || arguments.contains("\"" + constant + ",")
                    || method.getName().endsWith(flavour.replace('-', '_'))) {
                backends.add(flavour);
            }
        }
        return backends;
    }

    private static List<String> tags(AnnotatedElement element) {
        return Stream.of(element.getAnnotationsByType(Tag.class))
                .map(Tag::value)
                .toList();
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
            Class<?> named = named(test.group(1));
            String name = test.group(2);
            assertFalse(tests(named, name).isEmpty(), () -> named.getSimpleName() + " has no test " + name);
            found++;
        }
        return found;
    }

    private static Class<?> named(String test) throws ClassNotFoundException {
        boolean isOfThisPackage = test.indexOf('.') < 0;
        return Class.forName((isOfThisPackage ? "io.meshcapture.kernel." : "io.meshcapture.") + test);
    }

    private static List<Method> tests(Class<?> named, String name) {
        return Arrays.stream(named.getDeclaredMethods())
                .filter(CasesTest::isTest)
                .filter(method -> method.getName().equals(name))
                .toList();
    }

    /** {@code @Test}, {@code @ParameterizedTest}, {@code @TestFactory} and their like. */
    private static boolean isTest(Method method) {
        return Arrays.stream(method.getAnnotations())
                .map(one -> one.annotationType().getSimpleName())
                .anyMatch(name -> name.endsWith("Test") || name.equals("TestFactory"));
    }

    private static String text(String table) throws IOException {
        try (InputStream in = Objects.requireNonNull(CasesTest.class.getResourceAsStream(table))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
