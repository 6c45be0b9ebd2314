package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Takes libnftables' listing of a table apart: sets with their elements, chains with their rules. Rules stay text.
 *
 * <p>The shape relied on is that of nft 1.0 to 1.1: one property or rule a line, blocks closed by a brace on a line of
 * its own, elements between braces with commas.
 */
final class ListingParser {

    private final String text;
    private int at;

    private ListingParser(String text) {
        this.text = text;
    }

    static Ruleset parse(String listing) {
        return new ListingParser(listing).table();
    }

    private Ruleset table() {
        Ruleset ruleset = new Ruleset(null, new LinkedHashMap<>(), new LinkedHashMap<>());
        String tableComment = null;
        boolean dormant = false;
        List<String> foreign = new ArrayList<>();
        while (at < text.length()) {
            String line = line();
            if (line.startsWith("comment ")) {
                tableComment = unquoted(line.substring("comment ".length()));
            } else if (line.startsWith("flags ")) {
                dormant = line.contains("dormant");
            } else if (line.startsWith("set ") || line.startsWith("map ")) {
                NftSet set = set(name(line), line.startsWith("map "));
                ruleset.sets().put(set.name(), set);
            } else if (line.startsWith("chain ")) {
                Chain chain = chain(name(line));
                ruleset.chains().put(chain.name(), chain);
            } else if (line.endsWith("{") && !line.startsWith("table ")) {
                foreign.add(line.substring(0, line.length() - 1).strip());
                skipBlock();
            }
        }
        return new Ruleset(tableComment, dormant, ruleset.sets(), ruleset.chains(), foreign);
    }

    /** A counter, a flow table or another thing that we never make. */
    private void skipBlock() {
        int depth = 1;
        while (depth > 0 && at < text.length()) {
            String line = line();
            if (line.endsWith("{")) {
                depth++;
            } else if (line.endsWith("}")) {
                depth--;
            }
        }
    }

    /** The next line without its indentation. */
    private String line() {
        int end = text.indexOf('\n', at);
        if (end < 0) {
            end = text.length();
        }
        int start = at;
        while (start < end && (text.charAt(start) == '\t' || text.charAt(start) == ' ')) {
            start++;
        }
        at = end + 1;
        return text.substring(start, end);
    }

    /** The second word of a block's first line. */
    private static String name(String line) {
        int start = line.indexOf(' ') + 1;
        int end = line.indexOf(' ', start);
        return end < 0 ? line.substring(start) : line.substring(start, end);
    }

    private NftSet set(String name, boolean isMap) {
        List<String> declaration = new ArrayList<>();
        LinkedHashMap<String, Element> elements = new LinkedHashMap<>();
        while (at < text.length()) {
            int lineStart = at;
            String line = line();
            if (line.equals("}")) {
                break;
            }
            if (line.startsWith("elements = {")) {
                at = text.indexOf('{', lineStart) + 1;
                if (Ruleset.isRecord(name)) {
                    at = text.indexOf('\n', text.indexOf('}', at)) + 1; // many, and nobody asks
                } else {
                    elements(elements);
                }
            } else {
                declaration.add(line);
            }
        }
        return new NftSet(name, isMap, declaration, elements);
    }

    /** Reads elements up to the closing brace and the end of its line. */
    private void elements(Map<String, Element> elements) {
        int start = at;
        boolean quoted = false;
        for (int i = at; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"') {
                quoted = !quoted;
            } else if (!quoted && (c == ',' || c == '}')) {
                String element = text.substring(start, i).strip();
                if (!element.isEmpty()) {
                    Element read = element(element);
                    elements.put(read.key(), read);
                }
                start = i + 1;
                if (c == '}') {
                    int end = text.indexOf('\n', i);
                    at = end < 0 ? text.length() : end + 1;
                    return;
                }
            }
        }
        at = text.length();
    }

    private static Element element(String text) {
        String rest = text;
        String verdict = "";
        int colon = lastOutsideQuotes(rest, " : ");
        if (colon >= 0) {
            verdict = rest.substring(colon + 3);
            rest = rest.substring(0, colon);
        }
        String comment = "";
        int commentAt = lastOutsideQuotes(rest, " comment \"");
        if (commentAt >= 0) {
            int begin = commentAt + " comment \"".length();
            int end = rest.indexOf('"', begin);
            comment = rest.substring(begin, end);
            rest = rest.substring(0, commentAt) + rest.substring(end + 1);
        }
        long packets = 0;
        long bytes = 0;
        int counter = lastOutsideQuotes(rest, " counter");
        if (counter >= 0) {
            String counted = rest.substring(counter);
            packets = counted(counted, "packets ");
            bytes = counted(counted, "bytes ");
            rest = rest.substring(0, counter);
        }
        String options = "";
        int timeout = lastOutsideQuotes(rest, " timeout ");
        if (timeout >= 0) {
            options = rest.substring(timeout + 1);
            rest = rest.substring(0, timeout);
        }
        return new Element(NftKey.canonical(rest.strip()), options, comment, verdict, packets, bytes);
    }

    /** From {@code counter packets 3 bytes 180}; 0 where the listing is one without state. */
    private static long counted(String counter, String what) {
        int start = counter.indexOf(what);
        if (start < 0) {
            return 0;
        }
        start += what.length();
        int end = counter.indexOf(' ', start);
        return Long.parseLong(counter.substring(start, end < 0 ? counter.length() : end));
    }

    private static int lastOutsideQuotes(String text, String wanted) {
        int at = text.lastIndexOf(wanted);
        while (at >= 0 && isQuoted(text, at)) {
            at = text.lastIndexOf(wanted, at - 1);
        }
        return at;
    }

    private static boolean isQuoted(String text, int at) {
        boolean quoted = false;
        for (int quote = text.indexOf('"'); quote >= 0 && quote < at; quote = text.indexOf('"', quote + 1)) {
            quoted = !quoted;
        }
        return quoted;
    }

    private Chain chain(String name) {
        String base = null;
        List<String> rules = new ArrayList<>();
        while (at < text.length()) {
            String line = line();
            if (line.equals("}")) {
                break;
            }
            if (base == null && rules.isEmpty() && line.startsWith("type ")) {
                base = isNumbered(line) ? line : HookPriority.numbered(line);
            } else if (!line.isEmpty()) {
                rules.add(uncounted(line));
            }
        }
        return new Chain(name, base, rules);
    }

    /** {@code priority -101;}; a name is for {@link HookPriority}, which no start needs to load otherwise. */
    private static boolean isNumbered(String properties) {
        int priority = properties.indexOf(" priority ");
        return priority < 0 || !Character.isLetter(properties.charAt(priority + " priority ".length()));
    }

    /** A rule's text does not change with what it counts. */
    private static String uncounted(String rule) {
        int at = rule.indexOf(" counter packets ");
        if (at < 0 || isQuoted(rule, at)) {
            return rule;
        }
        int end = at + " counter packets ".length();
        for (int word = 0; word < 3 && end >= 0; word++) { // 3 bytes 180
            end = rule.indexOf(' ', end + 1);
        }
        return rule.substring(0, at) + " counter" + (end < 0 ? "" : rule.substring(end));
    }

    private static @Nullable String unquoted(String text) {
        return text.length() >= 2 && text.startsWith("\"") && text.endsWith("\"")
                ? text.substring(1, text.length() - 1)
                : null;
    }
}
