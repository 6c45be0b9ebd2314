package io.meshcapture.backend.iptables;

import io.meshcapture.backend.Finding;
import io.meshcapture.plan.Family;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Rules of others that are asked before the jump to ours and take connections that we then never see. */
final class Shadows {
    private static final Set<String> TCP = Set.of("tcp", "6");
    private static final Set<String> UDP = Set.of("udp", "17");

    private Shadows() {}

    /** In all chains that jump to ours, one sentence each. */
    static List<String> of(Flavour flavour, Map<Family, Ruleset> families) {
        List<String> found = new ArrayList<>();
        forEach(
                families,
                (where, rules, first) -> found.add(
                        where + " (" + flavour.label() + ") rule " + (rules.indexOf(first) + 1) + ": " + first.text()));
        return found;
    }

    /** Likewise, as the differences that they are: ours have to come before them. */
    static List<Finding> differences(Map<Family, Ruleset> families) {
        List<Finding> found = new ArrayList<>();
        forEach(
                families,
                (where, rules, first) -> rules.stream()
                        .filter(rule -> Slot.isOurs(rule.target()))
                        .forEach(ours ->
                                found.add(new Finding(null, where + Finding.BEFORE + first.text(), "", ours.text()))));
        return found;
    }

    private interface Each {
        void shadowed(String where, List<Rule> rules, Rule first);
    }

    private static void forEach(Map<Family, Ruleset> families, Each each) {
        families.forEach((family, ruleset) -> {
            for (Table table : List.of(Table.NAT, Table.RAW, Table.MANGLE, Table.FILTER)) {
                Ruleset.Contents contents = ruleset.of(table);
                contents.builtin().forEach((chain, rules) -> {
                    Rule first = first(rules, areAboutUdp(rules, contents));
                    if (first != null) {
                        each.shadowed(where(family, table, chain), rules, first);
                    }
                });
            }
        });
    }

    /**
     * Rules that translate connections, in a flavour that ours are not in.
     *
     * @param dns whether ours are about UDP too
     */
    static List<String> translations(Flavour flavour, Map<Family, Ruleset> families, boolean dns) {
        List<String> found = new ArrayList<>();
        families.forEach((family, ruleset) -> ruleset.of(Table.NAT)
                .builtin()
                .forEach((chain, rules) -> rules.stream()
                        .filter(rule -> (chain.equals("OUTPUT") || chain.equals("PREROUTING"))
                                && !Slot.isOurs(rule.target())
                                && takes(rule, dns))
                        .findFirst()
                        .ifPresent(rule -> found.add(where(family, Table.NAT, chain) + " (" + flavour.label()
                                + ", of the same priority): " + rule.text()))));
        return found;
    }

    private static String where(Family family, Table table, String chain) {
        return family.label() + " table " + table.label() + " chain " + chain;
    }

    /**
     * Whether a built-in chain has such a rule before the first jump of ours.
     *
     * @param ours what stands, or is to stand, of ours in its table
     */
    static boolean isShadowed(List<Rule> chain, Ruleset.Contents ours) {
        return first(chain, areAboutUdp(chain, ours)) != null;
    }

    /** Whether any rule that a built-in chain leads to, as far as that is ours, asks for UDP: for DNS or QUIC. */
    private static boolean areAboutUdp(List<Rule> chain, Ruleset.Contents contents) {
        Deque<Rule> next = new ArrayDeque<>(
                chain.stream().filter(rule -> Slot.isOurs(rule.target())).toList());
        Set<String> seen = new HashSet<>();
        while (!next.isEmpty()) {
            Rule rule = next.pop();
            if (UDP.contains(String.valueOf(rule.value("-p")))) {
                return true;
            }
            if (Slot.isOurs(rule.target()) && seen.add(rule.target())) {
                next.addAll(contents.chains().getOrDefault(rule.target(), List.of()));
            }
        }
        return false;
    }

    private static @Nullable Rule first(List<Rule> chain, boolean udp) {
        List<Rule> ours =
                chain.stream().filter(rule -> Slot.isOurs(rule.target())).toList();
        for (Rule rule : chain) {
            if (Slot.isOurs(rule.target()) || ours.isEmpty()) {
                return null;
            }
            if (takes(rule, udp) && !isApart(rule, ours)) {
                return rule;
            }
        }
        return null;
    }

    /** Whether a rule is about a protocol that none of our jumps asks for: that of raw asks for UDP and ICMP alone. */
    private static boolean isApart(Rule rule, List<Rule> ours) {
        String protocol = rule.value("-p");
        return protocol != null
                && ours.stream()
                        .map(jump -> jump.value("-p"))
                        .allMatch(asked -> asked != null && !number(asked).equals(number(protocol)));
    }

    private static String number(String protocol) {
        return switch (protocol) {
            case "icmp" -> "1";
            case "tcp" -> "6";
            case "udp" -> "17";
            case "icmpv6", "ipv6-icmp" -> "58";
            default -> protocol;
        };
    }

    /** What decides, or asks a chain that may; targets that only remark on the packet do not. */
    private static boolean takes(Rule rule, boolean udp) {
        String protocol = rule.value("-p");
        boolean elsewhere = protocol != null && !TCP.contains(protocol) && !(udp && UDP.contains(protocol));
        return !elsewhere
                && switch (rule.target()) {
                    case "", "LOG", "NFLOG", "TRACE", "MARK", "CONNMARK", "AUDIT", "SET", "TCPMSS", "TOS", "DSCP" ->
                        false;
                    default -> true;
                };
    }
}
