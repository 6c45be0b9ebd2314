package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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

    /** The script; the empty text where nothing differs. */
    static String between(@Nullable Ruleset live, Ruleset wanted) {
        Transaction transaction = new Transaction();
        boolean rebuilds = live != null && !isAlterable(live, wanted);
        Ruleset from = live == null || rebuilds ? Ruleset.empty() : live;
        if (rebuilds) {
            transaction.line("delete table " + Ruleset.TABLE);
        }
        if (live == null || rebuilds) {
            transaction.line("add table " + Ruleset.TABLE + " { comment \"" + wanted.comment() + "\"; }");
        }
        transaction.addDeclarations(from, wanted);
        transaction.changeElements(from, wanted);
        transaction.changeRules(from, wanted);
        transaction.deleteDeclarations(from, wanted);
        return transaction.script.toString();
    }

    /**
     * Whether the table can be changed as it stands. The kernel alters neither the hook of a chain nor the type of a set,
     * and waking a dormant table is a matter of the table too. Then it is built anew, in the same transaction.
     */
    private static boolean isAlterable(Ruleset live, Ruleset wanted) {
        return live.isDormant() == wanted.isDormant()
                && wanted.chains().values().stream().allMatch(chain -> {
                    Chain standing = live.chains().get(chain.name());
                    return standing == null || Objects.equals(standing.base(), chain.base());
                })
                && wanted.sets().values().stream().allMatch(set -> {
                    NftSet standing = live.sets().get(set.name());
                    return standing == null
                            || (standing.isMap() == set.isMap()
                                    && standing.declaration().equals(set.declaration()));
                });
    }

    private void addDeclarations(Ruleset from, Ruleset wanted) {
        for (Chain chain : wanted.chains().values()) {
            Chain standing = from.chains().get(chain.name());
            if (standing != null && !isHookedAlike(standing, chain)) {
                // hook and priority belong to a chain from its beginning
                line("flush chain " + Ruleset.TABLE + " " + chain.name());
                line("delete chain " + Ruleset.TABLE + " " + chain.name());
            }
            if (standing == null || !isHookedAlike(standing, chain)) {
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
            elements(script, "delete", set, removed);
            elements(script, "add", set, added);
        }
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
            // one that is made anew has no rules
            List<String> before = standing == null || !isHookedAlike(standing, chain) ? List.of() : standing.rules();
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
    }

    private static boolean isHookedAlike(Chain one, Chain other) {
        return Objects.equals(one.base(), other.base());
    }

    private void line(String command) {
        script.append(command).append('\n');
    }
}
