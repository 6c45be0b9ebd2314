package io.meshcapture.lab;

import java.util.ArrayList;
import java.util.List;

/** The {@code nft} of the machine, for rules of other people and for looking from outside at ours. */
public final class Nft {
    private static final String OURS = "table inet meshcapture {";

    Nft() {}

    /** One transaction, as {@code nft -f} takes it. */
    public void apply(String ruleset) {
        Run.commandWithInput(ruleset, "nft", "-f", "-").orFail();
    }

    /** Everything in this namespace, with counters. */
    public String list() {
        return Run.command("nft", "list", "ruleset").orFail();
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
