package io.meshcapture.backend.iptables;

import io.meshcapture.plan.Family;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Rules of others that are asked before the jump to ours and take connections that we then never see. */
final class Shadows {
    private Shadows() {}

    /** In all chains that jump to ours, one sentence each. */
    static List<String> of(Flavour flavour, Map<Family, Ruleset> families) {
        List<String> found = new ArrayList<>();
        families.forEach((family, ruleset) -> {
            for (Table table : List.of(Table.NAT, Table.RAW, Table.MANGLE, Table.FILTER)) {
                ruleset.of(table).builtin().forEach((chain, rules) -> {
                    Rule first = first(rules);
                    if (first != null) {
                        found.add(where(family, table, chain) + " (" + flavour.label() + ") rule "
                                + (rules.indexOf(first) + 1) + ": " + first.text());
                    }
                });
            }
        });
        return found;
    }

    /** Rules that translate connections, in a flavour that ours are not in. */
    static List<String> translations(Flavour flavour, Map<Family, Ruleset> families) {
        List<String> found = new ArrayList<>();
        families.forEach((family, ruleset) -> ruleset.of(Table.NAT)
                .builtin()
                .forEach((chain, rules) -> rules.stream()
                        .filter(rule -> (chain.equals("OUTPUT") || chain.equals("PREROUTING"))
                                && !Slot.isOurs(rule.target())
                                && takes(rule))
                        .findFirst()
                        .ifPresent(rule -> found.add(where(family, Table.NAT, chain) + " (" + flavour.label()
                                + ", of the same priority): " + rule.text()))));
        return found;
    }

    private static String where(Family family, Table table, String chain) {
        return family.label() + " table " + table.label() + " chain " + chain;
    }

    /** Whether a built-in chain has such a rule before the first jump of ours. */
    static boolean isShadowed(List<Rule> chain) {
        return first(chain) != null;
    }

    private static @Nullable Rule first(List<Rule> chain) {
        boolean led = chain.stream().anyMatch(rule -> Slot.isOurs(rule.target()));
        for (Rule rule : chain) {
            if (Slot.isOurs(rule.target()) || !led) {
                return null;
            }
            if (takes(rule)) {
                return rule;
            }
        }
        return null;
    }

    /** What decides, or asks a chain that may; targets that only remark on the packet do not. */
    private static boolean takes(Rule rule) {
        String protocol = rule.value("-p");
        boolean elsewhere = protocol != null && !protocol.equals("tcp") && !protocol.equals("6");
        return !elsewhere
                && switch (rule.target()) {
                    case "", "LOG", "NFLOG", "TRACE", "MARK", "CONNMARK", "AUDIT", "SET", "TCPMSS", "TOS", "DSCP" ->
                        false;
                    default -> true;
                };
    }
}
