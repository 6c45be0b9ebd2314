package io.meshcapture.failure;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Each message of docs/errors.md is one that some test looks for, told by a fixed part of its words. */
class ProvokedMessagesTest {
    private static final Path TESTS = Path.of("src/test");

    /** Fewer letters say too little. */
    private static final int ENOUGH = 9;

    private static final Pattern LITERAL = Pattern.compile("\"((?:[^\"\\\\\n]|\\\\.)*)\"");

    /** What stands between fixed parts, in a message and in the patterns of tests. */
    private static final Pattern GAP = Pattern.compile("…|\\(| / |\\)|\\.\\*|\\\\\\\\[dSw][+*]?|; |\n");

    /** A text says which message is looked for where it has a part that no other message has, or is such a part's own part. */
    @Test
    void every_message_is_looked_for_by_a_test() throws IOException {
        Map<String, Set<String>> partsOf = new TreeMap<>();
        for (CatalogueTest.Message message : CatalogueTest.all()) {
            List<String> parts = parts(message.what());
            if (!parts.isEmpty()) { // else it is in the words of its cause
                parts.addAll(parts(message.because()));
                partsOf.computeIfAbsent(message.what(), any -> new TreeSet<>()).addAll(parts);
            }
        }
        Set<String> unsought = new TreeSet<>(partsOf.keySet());
        for (String text : looked()) {
            for (BiPredicate<String, String> fits :
                    List.<BiPredicate<String, String>>of(String::contains, ProvokedMessagesTest::isPartOf)) {
                List<String> meant = partsOf.entrySet().stream()
                        .filter(one -> one.getValue().stream().anyMatch(part -> fits.test(text, part)))
                        .map(Map.Entry::getKey)
                        .toList();
                if (meant.size() == 1) {
                    unsought.removeAll(meant);
                }
            }
        }
        assertEquals(Set.of(), unsought);
    }

    private static boolean isPartOf(String text, String part) {
        return part.contains(text);
    }

    private static List<String> parts(String text) {
        List<String> parts = new ArrayList<>();
        for (String part : GAP.split(text, -1)) {
            if (part.strip().length() >= ENOUGH) {
                parts.add(part.strip());
            }
        }
        return parts;
    }

    /** The texts of tests, and what their files of examples say. */
    private static List<String> looked() throws IOException {
        List<String> texts = new ArrayList<>();
        try (Stream<Path> files = Files.walk(TESTS)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                String text = Files.readString(file);
                if (file.toString().endsWith(".java")) {
                    Matcher literal = LITERAL.matcher(text.replaceAll("\"\\s*\\+\\s*\"", ""));
                    while (literal.find()) {
                        texts.addAll(parts(literal.group(1).replace("\\\"", "\"")));
                    }
                } else if (file.toString().endsWith(".txt")) {
                    texts.addAll(parts(text));
                }
            }
        }
        return texts;
    }
}
