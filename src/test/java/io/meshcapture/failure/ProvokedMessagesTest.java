package io.meshcapture.failure;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Each message of docs/errors.md is one that some test looks for, told by a fixed part of its words. */
class ProvokedMessagesTest {
    private static final Path TESTS = Path.of("src/test");

    /** Fewer letters say too little. */
    private static final int ENOUGH = 10;

    private static final Pattern LITERAL = Pattern.compile("\"((?:[^\"\\\\\n]|\\\\.)*)\"");

    /** What stands between fixed parts, in a message and in the patterns of tests. */
    private static final Pattern GAP = Pattern.compile("…|\\(| / |\\)|\\.\\*|\\\\\\\\[dSw][+*]?|; |\n");

    /**
     * What no test brings about, by its beginning: it takes a kernel, a library, a program or a file system that fails in a way
     * of its own, or a right that a test cannot lose without losing others that are asked for first.
     */
    private static final List<String> NEVER = List.of(
            "libnftables cannot open its netlink socket",
            "netfilter's netlink socket cannot be opened",
            "no network namespace can be made",
            "no table of nftables can be put up",
            "nobody could end the trial",
            "the kernel does not let this process change netfilter",
            "the kernel did not take what is to be looked for",
            "the kernel refused the transaction, and nothing is in force of it",
            "the kernel's trace cannot be listened to",
            "the lines could not be taken out of … whole",
            "the lock of iptables cannot be opened",
            "the lock of the network namespace cannot be had",
            "the time since the start cannot be read",
            "the transaction does not fit into this process's netlink socket",
            "this kernel lacks a part of netfilter",
            "this kernel lacks a part of nf_tables",
            "this start of the machine cannot be told from others",
            "unit … cannot be looked up",
            "… cannot be edited",
            "… cannot be kept in …",
            "… cannot be started",
            "… did not end and was stopped",
            "… is too old",
            "… lacks its …");

    @Test
    void every_message_is_looked_for_by_a_test() throws IOException {
        List<String> looked = looked();
        TreeSet<String> never = new TreeSet<>();
        for (CatalogueTest.Message message : CatalogueTest.all()) {
            List<String> parts = parts(message.what());
            parts.addAll(parts(message.because()));
            boolean isLookedFor = looked.stream()
                    .anyMatch(text -> parts.stream().anyMatch(part -> text.contains(part) || part.contains(text)));
            boolean isInWordsOfItsCause = parts(message.what()).isEmpty();
            if (!isLookedFor && !isInWordsOfItsCause && NEVER.stream().noneMatch(message.what()::startsWith)) {
                never.add(message.what() + " | " + message.because());
            }
        }
        assertEquals(List.of(), List.copyOf(never));
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
                } else {
                    texts.addAll(parts(text));
                }
            }
        }
        return texts;
    }
}
