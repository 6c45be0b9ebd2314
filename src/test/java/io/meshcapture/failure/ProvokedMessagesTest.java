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
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Each message of docs/errors.md is one that some test looks for, told by a fixed part of its words. */
class ProvokedMessagesTest {
    private static final Path TESTS = Path.of("src/test");

    /** Fewer letters say too little. */
    private static final int ENOUGH = 9;

    /** So many of a message are enough, however long it is. */
    private static final int MANY = 20;

    /** What takes another at work between two of our own system calls, or two failures at once, or is refused by others before. */
    private static final Set<String> RARE = Set.of(
            "the connection from port … to port … could not be ended",
            "the hosts file … could neither be changed nor be brought back",
            "the hosts file … is changed by others all the time",
            "… was not given all of the rules",
            "…it names IPv6 destinations only, which ipv6: bypass leaves direct");

    /** Messages about several kinds of things share their words. */
    private static final int FEW = 3;

    /** In quotes, or a line of a text block. */
    private static final Pattern LITERAL =
            Pattern.compile("\"((?:[^\"\\\\\n]|\\\\.)*)\"|^ {8,}([^\"\n]{9,})$", Pattern.MULTILINE);

    /** What stands between fixed parts, in a message and in the patterns of tests. */
    private static final Pattern GAP = Pattern.compile("…|\\(| / |\\)|\\.\\*|\\\\\\\\[dSw][+*]?|; |\n");

    /** A text that many messages have says of none of them that it is looked for. */
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
        Map<String, Set<String>> whose = new TreeMap<>();
        partsOf.forEach((what, parts) -> parts.forEach(
                part -> whose.computeIfAbsent(part, any -> new TreeSet<>()).add(what)));
        whose.values().removeIf(all -> all.size() > FEW);
        for (String text : looked()) {
            whose.forEach((part, all) -> {
                if (text.contains(part)) {
                    unsought.removeAll(all);
                }
            });
            List<String> meant = partsOf.entrySet().stream()
                    .filter(one -> one.getValue().stream().anyMatch(part -> isLookedForBy(part, text)))
                    .map(Map.Entry::getKey)
                    .toList();
            if (meant.size() <= FEW) {
                unsought.removeAll(meant);
            }
        }
        List<String> whole = literals();
        unsought.removeIf(what -> {
            Pattern said = Pattern.compile(whole(what));
            return whole.stream().anyMatch(text -> said.matcher(text).find());
        });
        assertEquals(new TreeSet<>(RARE), unsought);
    }

    /** Words that happen to stand in a message do not look for it. */
    private static boolean isLookedForBy(String part, String text) {
        return part.contains(text) && (text.length() >= MANY || 2 * text.length() >= part.length());
    }

    /** The whole message, whatever was filled in. */
    private static String whole(String what) {
        return Stream.of(what.split("…|\\([^)]*\\)", -1))
                .map(part -> part.isEmpty() ? "" : Pattern.quote(part))
                .collect(Collectors.joining(".+"));
    }

    /** What is listed here is not looked for by that. */
    private static boolean isAnother(Path file) {
        return !file.endsWith(ProvokedMessagesTest.class.getSimpleName() + ".java");
    }

    private static String text(Matcher literal) {
        String quoted = literal.group(1);
        return quoted == null ? literal.group(2).strip() : quoted.replace("\\\"", "\"");
    }

    private static List<String> literals() throws IOException {
        List<String> texts = new ArrayList<>();
        try (Stream<Path> files = Files.walk(TESTS)) {
            for (Path file : files.filter(one -> one.toString().endsWith(".java"))
                    .filter(ProvokedMessagesTest::isAnother)
                    .toList()) {
                Matcher literal = LITERAL.matcher(Files.readString(file).replaceAll("\"\\s*\\+\\s*\"", ""));
                while (literal.find()) {
                    texts.add(text(literal));
                }
            }
        }
        return texts;
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
            for (Path file : files.filter(Files::isRegularFile)
                    .filter(ProvokedMessagesTest::isAnother)
                    .toList()) {
                String text = Files.readString(file);
                if (file.toString().endsWith(".java")) {
                    Matcher literal = LITERAL.matcher(text.replaceAll("\"\\s*\\+\\s*\"", ""));
                    while (literal.find()) {
                        texts.addAll(parts(text(literal)));
                    }
                } else if (file.toString().endsWith(".txt")) {
                    texts.addAll(parts(text));
                }
            }
        }
        return texts;
    }
}
