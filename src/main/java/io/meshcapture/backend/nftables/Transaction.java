package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import java.util.ArrayList;
import java.util.Collection;
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

    private final StringBuilder script = new StringBuilder(1024);

    private Transaction() {}

    /** The script; the empty text where nothing differs. */
    static String between(@Nullable Ruleset live, Ruleset wanted) {
        Transaction transaction = new Transaction();
        Ruleset from = live == null ? Ruleset.empty() : live;
        if (live == null) {
            transaction.line("add table " + Ruleset.TABLE + " { comment \"" + wanted.comment() + "\"; }");
        }
        transaction.addDeclarations(from, wanted);
        transaction.changeElements(from, wanted);
        transaction.changeRules(from, wanted);
        transaction.deleteDeclarations(from, wanted);
        return transaction.script.toString();
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
            NftSet standing = from.sets().get(set.name());
            if (standing == null || !standing.declaration().equals(set.declaration())) {
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
            elements("delete", set.name(), removed);
            elements("add", set.name(), added);
        }
    }

    private void elements(String verb, String set, Collection<Element> elements) {
        if (elements.isEmpty()) {
            return;
        }
        script.append(verb)
                .append(" element ")
                .append(Ruleset.TABLE)
                .append(' ')
                .append(set)
                .append(" { ");
        boolean first = true;
        for (Element element : elements) {
            if (!first) {
                script.append(", ");
            }
            first = false;
            script.append(verb.equals("add") ? element.text() : element.key());
        }
        script.append(" }\n");
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
