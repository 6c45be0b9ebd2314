package io.meshcapture.backend.iptables;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One rule, without the chain that it stands in.
 *
 * <p>Versions and flavours of iptables print the matches of a rule in different orders, quote differently, and name the module
 * of a match or leave it out. So rules are compared by their options, sorted; what each option says is compared as text.
 */
final class Rule {

    /** Modules that ask nothing without an option of theirs. */
    private static final Set<String> SILENT = Set.of(
            "-m tcp",
            "-m udp",
            "-m multiport",
            "-m comment",
            "-m owner",
            "-m cgroup",
            "-m conntrack",
            "-m addrtype",
            "-m mark",
            "-m u32");

    private final String text;
    private final long packets;
    private final long bytes;
    private final List<String> options;

    /**
     * A rule.
     *
     * @param text as iptables-restore takes it, behind {@code -A CHAIN}
     */
    Rule(String text, long packets, long bytes) {
        this.text = text;
        this.packets = packets;
        this.bytes = bytes;
        this.options = options(Words.of(text));
    }

    static Rule of(String text) {
        return new Rule(text, 0, 0);
    }

    /**
     * A rule with a comment.
     *
     * @param matches what it asks, the empty text for nothing
     * @param comment why it is there; no quotes and no backslashes
     * @param target {@code -j …} or {@code -g …}, the empty text for a rule that only counts
     */
    static Rule of(String matches, String comment, String target) {
        StringBuilder text = new StringBuilder(matches);
        text.append(matches.isEmpty() ? "" : " ")
                .append("-m comment --comment ")
                .append(Words.quoted(comment));
        return of((target.isEmpty() ? text : text.append(' ').append(target)).toString());
    }

    /** Each option with its values, as in {@code ! --sport 32768:60999}. */
    private static List<String> options(List<String> words) {
        List<String> options = new ArrayList<>();
        StringBuilder option = new StringBuilder();
        boolean negated = false;
        for (String word : words) {
            if (word.equals("!")) {
                negated = true;
                continue;
            }
            if (isOption(word, option)) {
                add(options, option);
                option.setLength(0);
                option.append(negated ? "! " : "").append(word);
            } else {
                // an old spelling has the negation behind the option
                option.append(' ').append(negated ? "! " : "").append(word);
            }
            negated = false;
        }
        add(options, option);
        Collections.sort(options);
        return options;
    }

    /** A comment may look like an option. */
    private static boolean isOption(String word, StringBuilder before) {
        return word.length() > 1
                && word.charAt(0) == '-'
                && !(word.charAt(1) >= '0' && word.charAt(1) <= '9')
                && !before.toString().equals("--comment");
    }

    private static void add(List<String> options, StringBuilder option) {
        if (!option.isEmpty() && !SILENT.contains(option.toString())) {
            options.add(option.toString());
        }
    }

    /** As iptables-restore takes it. */
    String text() {
        return text;
    }

    /** How often it has applied. */
    long packets() {
        return packets;
    }

    long bytes() {
        return bytes;
    }

    /** The same with what another one has counted. */
    Rule counting(Rule other) {
        return new Rule(text, other.packets, other.bytes);
    }

    /** The value of an option such as {@code --uid-owner}; null where it is not there, or negated. */
    @Nullable
    String value(String option) {
        for (String one : options) {
            if (one.startsWith(option) && one.length() > option.length() && one.charAt(option.length()) == ' ') {
                return one.substring(option.length() + 1);
            }
        }
        return null;
    }

    /** The value of an option that is negated; null where it is not. */
    @Nullable
    String exceptValue(String option) {
        return value("! " + option);
    }

    /** Its comment, the empty text for none. */
    String comment() {
        return Objects.requireNonNullElse(value("--comment"), "");
    }

    /** Where it sends to: the name of a chain or of a target; the empty text for a rule that only counts. */
    String target() {
        String target = value("-j");
        return target == null ? Objects.requireNonNullElse(value("-g"), "") : target;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Rule rule && rule.options.equals(options);
    }

    @Override
    public int hashCode() {
        return options.hashCode();
    }

    @Override
    public String toString() {
        return text;
    }
}
