package io.meshcapture.backend.iptables;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads what {@code iptables-save -c} prints: {@code [12:720] -A OUTPUT -p tcp -j MESHCAPTURE_OUTPUT}. */
final class SaveParser {

    /** What iptables-nft-save says, with status 0, of a table that nft has put rules in which iptables has no words for. */
    private static final Pattern CLOSED = Pattern.compile("# Table [`']([a-z]+)' is incompatible.*");

    private SaveParser() {}

    /** Everything in the tables that rules of ours may stand in, rules of others included; empty where it is cut short. */
    static Optional<Ruleset> parse(String saved) {
        Ruleset ruleset = new Ruleset();
        boolean isWhole = true;
        Ruleset.@Nullable Contents contents = null;
        for (String line : lines(saved)) {
            Matcher closed = CLOSED.matcher(line);
            if (closed.matches()) {
                table(closed.group(1)).ifPresent(ruleset.closed()::add);
            } else if (line.startsWith("*")) {
                isWhole = false;
                contents = contents(ruleset, line.substring(1).strip());
            } else if (line.equals("COMMIT")) {
                isWhole = true;
            } else if (contents != null && line.startsWith(":")) {
                String[] words = line.substring(1).split(" ", -1);
                boolean builtin = words.length > 1 && !words[1].equals("-");
                (builtin ? contents.builtin() : contents.chains()).put(words[0], new ArrayList<>());
            } else if (contents != null && line.startsWith("[")) {
                rule(line, contents);
            }
        }
        return isWhole ? Optional.of(ruleset) : Optional.empty();
    }

    private static Ruleset.@Nullable Contents contents(Ruleset ruleset, String name) {
        Table table = table(name).orElse(null);
        return table == null ? null : ruleset.in(table);
    }

    private static Optional<Table> table(String name) {
        return Arrays.stream(Table.values())
                .filter(table -> table.label().equals(name.toLowerCase(Locale.ROOT)))
                .findFirst();
    }

    private static void rule(String line, Ruleset.Contents contents) {
        int colon = line.indexOf(':');
        int end = line.indexOf(']');
        String prefix = "] -A ";
        if (colon < 0 || end < colon || !line.startsWith(prefix, end)) {
            return;
        }
        int chain = end + prefix.length();
        int space = line.indexOf(' ', chain);
        String name = space < 0 ? line.substring(chain) : line.substring(chain, space);
        Rule rule = new Rule(
                space < 0 ? "" : line.substring(space + 1),
                Long.parseLong(line.substring(1, colon)),
                Long.parseLong(line.substring(colon + 1, end)));
        Map<String, List<Rule>> where = contents.builtin().containsKey(name) ? contents.builtin() : contents.chains();
        where.computeIfAbsent(name, any -> new ArrayList<>()).add(rule);
    }

    /** Lines, but for those ends of lines that stand in quotes: somebody's comment may look like a rule of ours. */
    private static List<String> lines(String text) {
        List<String> lines = new ArrayList<>();
        boolean quoted = false;
        int begin = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\n' && text.charAt(begin) == '#') {
                quoted = false; // the remark of the program that saved
            }
            if (c == '\\' && quoted) {
                i++;
            } else if (c == '"' && text.charAt(begin) != '#') {
                quoted = !quoted;
            } else if (c == '\n' && !quoted) {
                lines.add(text.substring(begin, i));
                begin = i + 1;
            }
        }
        return lines;
    }
}
