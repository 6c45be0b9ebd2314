package io.meshcapture.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** The {@code nft} of the machine, for rules of other people and for looking from outside at ours. */
public final class Nft {
    private static final String OURS = "table inet meshcapture {";

    Nft() {}

    /** One transaction, as {@code nft -f} takes it. */
    public void apply(String ruleset) {
        Run.commandWithInput(ruleset, "nft", "-f", "-").orFail();
    }

    /** Built-in chains without a rule, which iptables-nft makes before it writes one, and never takes away. */
    private static final Pattern UNUSED = Pattern.compile(
            "table ip6? (raw|mangle|nat|filter) \\{\n(\tchain [A-Z]+ \\{\n\t\ttype [^\n]* policy accept;\n\t}\n\n?)*}\n");

    /** Everything in this namespace, with counters. */
    public String list() {
        return UNUSED.matcher(Run.command("nft", "list", "ruleset").orFail()).replaceAll("");
    }

    /** Our table, with counters; empty if there is none. */
    public String ours() {
        return part(true);
    }

    /** Everything that is not our table, with counters: must be the same bytes before and after whatever we do. */
    public String foreign() {
        return part(false);
    }

    private String part(boolean ours) {
        List<String> lines = new ArrayList<>();
        boolean inside = false;
        for (String line : list().lines().toList()) {
            inside = inside || line.startsWith(OURS);
            if (inside == ours) {
                lines.add(line + "\n");
            }
            inside = inside && !line.equals("}");
        }
        return String.join("", lines);
    }
}
