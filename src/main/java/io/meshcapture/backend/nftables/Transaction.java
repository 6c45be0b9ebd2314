package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The script that turns one ruleset into another, in one transaction that touches only what differs.
 *
 * <p>Touching little is not only polite: a transaction that deletes anything waits some 10 ms in the kernel, and counters
 * of what stays are kept.
 */
final class Transaction {

    /**
     * As many elements surely fit into one netlink message of 64 KiB; the largest of ours take 330 bytes. Where a
     * command's elements take more messages than one, libnftables (1.0.6 at least) turns the byte order of the first
     * number of each further message twice: in an interval map by uid, every 744th service would be another user's.
     */
    static final int AT_ONCE = 128;

    private final StringBuilder script = new StringBuilder(1024);

    private Transaction() {}

    /**
     * The script; the empty text where nothing differs. What both have must be of the same kind: the kernel alters neither
     * the hook of a chain nor the type of a set.
     */
    static String between(@Nullable Ruleset live, Ruleset wanted) {
        Transaction transaction = new Transaction();
        if (live == null) {
            transaction.addTable(wanted);
        }
        transaction.change(live == null ? Ruleset.empty() : live, wanted);
        return transaction.script.toString();
    }

    /** The script that puts a ruleset in the place of a table of another kind. */
    static String anew(Ruleset wanted) {
        Transaction transaction = new Transaction();
        transaction.line("delete table " + Ruleset.TABLE);
        transaction.addTable(wanted);
        transaction.change(Ruleset.empty(), wanted);
        return transaction.script.toString();
    }

    private void addTable(Ruleset wanted) {
        line("add table " + Ruleset.TABLE + " { comment \"" + wanted.comment() + "\"; }");
    }

    private void change(Ruleset from, Ruleset wanted) {
        addDeclarations(from, wanted);
        changeElements(from, wanted);
        changeRules(from, wanted);
        deleteDeclarations(from, wanted);
    }

    private void addDeclarations(Ruleset from, Ruleset wanted) {
        for (Chain chain : wanted.chains().values()) {
            if (!from.chains().containsKey(chain.name())) {
                // a base chain is hooked when all else of the transaction is in place
                line("add chain " + Ruleset.TABLE + " " + chain.name()
                        + (chain.base() == null ? "" : " { " + chain.base() + " }"));
            }
        }
        for (NftSet set : wanted.sets().values()) {
            if (!from.sets().containsKey(set.name())) {
                line("add " + set.keyword() + " " + Ruleset.TABLE + " " + set.name() + " { "
                        + String.join("; ", set.declaration()) + "; }");
            }
        }
    }

    private void changeElements(Ruleset from, Ruleset wanted) {
        for (NftSet set : wanted.sets().values()) {
            NftSet standing = from.sets().get(set.name());
            Map<String, Element> before = standing == null ? Map.of() : standing.elements();
            List<Element> removed = new ArrayList<>();
            List<Element> added = new ArrayList<>();
            for (Element element : before.values()) {
                Element kept = set.elements().get(element.key());
                if (kept == null || !kept.isSame(element)) {
                    removed.add(element);
                }
            }
            for (Element element : set.elements().values()) {
                Element old = before.get(element.key());
                if (old == null || !old.isSame(element)) {
                    added.add(element);
                }
            }
            if (removed.stream().allMatch(element -> isSpellable(set, element))) {
                elements(script, "delete", set, removed);
                elements(script, "add", set, added);
            } else {
                line("flush " + set.keyword() + " " + Ruleset.TABLE + " " + set.name());
                elements(script, "add", set, List.copyOf(set.elements().values()));
            }
        }
    }

    /**
     * Whether the library can read the key again that it listed. A control group that is gone is listed by its bare number,
     * which nobody can name any more.
     */
    static boolean isSpellable(NftSet set, Element element) {
        return !set.declaration().getFirst().contains("cgroupsv2")
                || element.key().indexOf('"') >= 0;
    }

    /** Commands that add or delete elements, {@link #AT_ONCE} each. */
    static void elements(StringBuilder script, String verb, NftSet set, List<Element> elements) {
        for (int start = 0; start < elements.size(); start += AT_ONCE) {
            script.append(verb)
                    .append(" element ")
                    .append(Ruleset.TABLE)
                    .append(' ')
                    .append(set.name())
                    .append(" { ");
            String separator = "";
            for (Element element : elements.subList(start, Math.min(start + AT_ONCE, elements.size()))) {
                script.append(separator).append(verb.equals("add") ? element.text() : deleted(set, element.key()));
                separator = ", ";
            }
            script.append(" }\n");
        }
    }

    /**
     * The key of an element to delete. In a map of concatenated intervals libnftables 1.0.6 adds every element as a range,
     * but deletes as a range only where some field is spelled as one; the kernel has no such element otherwise (ENOENT).
     */
    private static String deleted(NftSet set, String key) {
        List<String> fields = NftKey.fields(key);
        if (fields.size() > 1 && set.declaration().contains("flags interval")) {
            for (int last = fields.size() - 1; last >= 0; last--) {
                String field = fields.get(last);
                if (field.chars().allMatch(c -> c >= '0' && c <= '9')) {
                    fields.set(last, field + "-" + field);
                    return String.join(" . ", fields);
                }
            }
        }
        return key;
    }

    private void changeRules(Ruleset from, Ruleset wanted) {
        for (Chain chain : wanted.chains().values()) {
            Chain standing = from.chains().get(chain.name());
            List<String> before = standing == null ? List.of() : standing.rules();
            if (before.equals(chain.rules())) {
                continue;
            }
            if (!before.isEmpty()) {
                line("flush chain " + Ruleset.TABLE + " " + chain.name());
            }
            for (String rule : chain.rules()) {
                line("add rule " + Ruleset.TABLE + " " + chain.name() + " " + rule);
            }
        }
    }

    private void deleteDeclarations(Ruleset from, Ruleset wanted) {
        List<Chain> goneChains = from.chains().values().stream()
                .filter(chain -> !wanted.chains().containsKey(chain.name()))
                .toList();
        // rules first: they may refer to each other's chains and to the sets
        goneChains.forEach(chain -> line("flush chain " + Ruleset.TABLE + " " + chain.name()));
        for (NftSet set : from.sets().values()) {
            if (!wanted.sets().containsKey(set.name())) {
                line("delete " + set.keyword() + " " + Ruleset.TABLE + " " + set.name());
            }
        }
        goneChains.forEach(chain -> line("delete chain " + Ruleset.TABLE + " " + chain.name()));
        for (String thing : from.foreign()) {
            if (!wanted.foreign().contains(thing)) {
                int space = thing.lastIndexOf(' '); // "counter hits", "ct timeout slow"
                line("delete " + thing.substring(0, space) + " " + Ruleset.TABLE + thing.substring(space));
            }
        }
    }

    private void line(String command) {
        script.append(command).append('\n');
    }
}
