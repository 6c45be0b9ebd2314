package io.meshcapture.backend.iptables;

import io.meshcapture.plan.Family;
import io.meshcapture.rules.Step;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Writes the look-ups of a decision: a few rules each, or a tree of chains.
 *
 * <p>From within the tree of a look-up for exceptions nobody can return further than to where the tree was asked. So a
 * connection that it excepts has a bit of its mark turned over; the chain that asked sees that, turns it back, and returns.
 * What others keep in the mark is as it was then, that bit included.
 */
final class LookupRules {

    /** The bit that is turned over. */
    private static final String BIT = "0x40000000";

    private static final String EXCEPTED = "excepted: a bit of the mark is turned over until the look-up is left";
    private static final String TURNED_BACK = "excepted, and the mark is as it was";

    private final Ruleset ruleset;
    private final Slot slot;
    private final Family family;
    private final Map<String, Long> groups;
    private final boolean quicToo;

    /** What names of chains of this decision begin with. */
    private final String plain;

    /**
     * @param plain what the name of the chain that decides begins with
     * @param groups ids of control groups by path
     * @param quicToo whether UDP is asked too
     */
    LookupRules(Ruleset ruleset, Slot slot, Family family, String plain, Map<String, Long> groups, boolean quicToo) {
        this.ruleset = ruleset;
        this.slot = slot;
        this.family = family;
        this.plain = plain;
        this.groups = groups;
        this.quicToo = quicToo;
    }

    /**
     * A look-up as it is asked.
     *
     * @param rules where they are few, the empty list otherwise
     * @param trees the chains that its trees begin with
     */
    private record Asked(boolean excepts, List<Rule> rules, List<String> trees) {}

    /** Those to names, which except nothing, at the end of a chain. */
    void names(Step.Lookup lookup, List<Rule> rules) {
        List<Leaf> leaves = Leaf.of(lookup, family, quicToo, groups);
        if (leaves.size() <= DispatchTree.FEW) {
            leaves.forEach(leaf -> rules.add(rule(leaf, "-j RETURN")));
        } else {
            Map<String, List<Rule>> chains = ruleset.in(Table.NAT).chains();
            new DispatchTree(chains, leaf -> rule(leaf, "-j RETURN"), slot::chain)
                    .write(name(lookup), leaves)
                    .forEach(tree -> rules.add(Rule.of("-j " + tree)));
        }
    }

    /** All others, likewise. */
    void lookups(List<Step.Lookup> lookups, List<Rule> rules) {
        List<Asked> asked = new ArrayList<>();
        boolean marks = false;
        for (Step.Lookup lookup : lookups) {
            List<Leaf> leaves = Leaf.of(lookup, family, quicToo, groups);
            boolean excepts = leaves.stream().anyMatch(leaf -> leaf.listener() == null);
            if (leaves.size() <= DispatchTree.FEW) {
                asked.add(new Asked(
                        excepts,
                        leaves.stream().map(leaf -> rule(leaf, "-j RETURN")).toList(),
                        List.of()));
            } else {
                Map<String, List<Rule>> chains = ruleset.in(Table.NAT).chains();
                String direct = "-g " + slot.chain("DIRECT");
                List<String> trees =
                        new DispatchTree(chains, leaf -> rule(leaf, direct), slot::chain).write(name(lookup), leaves);
                asked.add(new Asked(excepts, List.of(), trees));
                marks |= excepts;
            }
        }
        if (marks) {
            Rule turn = Rule.of("", EXCEPTED, "-j MARK --set-xmark " + BIT + "/0x0");
            ruleset.in(Table.NAT).chains().put(slot.chain("DIRECT"), List.of(turn));
            Rule back = Rule.of("", TURNED_BACK, "-j MARK --set-xmark " + BIT + "/0x0");
            ruleset.in(Table.NAT).chains().put(slot.chain("UNDO"), List.of(back));
            String marked = slot.chain(plain + "_MARKED");
            rules.add(Rule.of("-m mark --mark " + BIT + "/" + BIT + " -g " + marked));
            ask(ruleset.in(Table.NAT).chain(marked), asked, "! ");
        }
        ask(rules, asked, "");
    }

    private void ask(List<Rule> chain, List<Asked> lookups, String unless) {
        for (Asked lookup : lookups) {
            chain.addAll(lookup.rules());
            for (String tree : lookup.trees()) {
                chain.add(Rule.of("-j " + tree));
                if (lookup.excepts()) {
                    chain.add(Rule.of("-m mark " + unless + "--mark " + BIT + "/" + BIT + " -g " + slot.chain("UNDO")));
                }
            }
        }
    }

    private Rule rule(Leaf leaf, String direct) {
        return Rule.of(
                leaf.matches(),
                leaf.comment(),
                leaf.listener() == null ? direct : "-g " + slot.chain("TO_" + leaf.listener()));
    }

    /** {@code U2} for the second look-up of services by user; forwarded ones have a letter of their own. */
    private String name(Step.Lookup lookup) {
        if (plain.equals("FWD")) {
            return "F" + (lookup.rank() == null ? 0 : lookup.layer());
        }
        if (lookup.rank() == null) {
            return "X1";
        }
        return switch (lookup.rank()) {
                    case NAME -> "H";
                    case CGROUP -> "C";
                    case USER -> "U";
                    case GROUP -> "G";
                    case ANY -> "N";
                }
                + lookup.layer();
    }
}
