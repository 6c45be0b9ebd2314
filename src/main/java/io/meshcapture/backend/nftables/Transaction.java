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
     * Elements in one command. libnftables (seen with 1.0.6) puts a command's elements into netlink messages of 64 KiB,
     * and an element that does not fit any more is encoded a second time: uid and gid in a key of intervals, which are
     * turned to network order in place, are then turned twice, and the kernel stores a caller that does not exist. So no
     * command may need a second message; an element takes 330 bytes at most.
     */
    private static final int IN_ONE_COMMAND = 128;

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
            elements("delete", set.name(), removed);
            elements("add", set.name(), added);
        }
    }

    private void elements(String verb, String set, List<Element> elements) {
        boolean adds = verb.equals("add");
        for (int from = 0; from < elements.size(); from += IN_ONE_COMMAND) {
            int to = Math.min(elements.size(), from + IN_ONE_COMMAND);
            script.append(verb).append(" element ").append(Ruleset.TABLE).append(' ');
            script.append(set).append(" { ");
            for (int i = from; i < to; i++) {
                Element element = elements.get(i);
                script.append(i == from ? "" : ", ").append(adds ? element.text() : element.key());
            }
            script.append(" }\n");
        }
    }

    private void changeRules(Ruleset from, Ruleset wanted) {
        for (Chain chain : wanted.chains().values()) {
            Chain standing = from.chains().get(chain.name());
            if (standing != null && standing.rules().equals(chain.rules())) {
                continue;
            }
            if (standing != null && !standing.rules().isEmpty()) {
                delete("flush chain " + Ruleset.TABLE + " " + chain.name());
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
        goneChains.forEach(chain -> delete("flush chain " + Ruleset.TABLE + " " + chain.name()));
        for (NftSet set : from.sets().values()) {
            if (!wanted.sets().containsKey(set.name())) {
                delete("delete " + set.keyword() + " " + Ruleset.TABLE + " " + set.name());
            }
        }
        goneChains.forEach(chain -> delete("delete chain " + Ruleset.TABLE + " " + chain.name()));
    }

    private void delete(String command) {
        line(command);
    }

    private void line(String command) {
        script.append(command).append('\n');
    }
}
