package io.meshcapture.backend.iptables;

import io.meshcapture.plan.Network;
import io.meshcapture.rules.Fnv;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Spreads the rules of a look-up over chains, so that a connection is asked about a few dozen of ten thousand. A chain asks
 * in which of some cells a connection is, of addresses, identities or ports, and goes to the cell's own chain; what is
 * wider than a cell is asked before. {@code -g} goes there for good: the end of the cell's chain is the end of the look-up.
 */
final class DispatchTree {

    /** As many rules stand in one chain. */
    static final int FEW = 24;

    private final Map<String, List<Rule>> chains;
    private final Function<Leaf, Rule> rule;
    private final Function<String, String> name;

    /**
     * A tree.
     *
     * @param chains receives its chains
     * @param rule how a leaf is written
     * @param name what a chain of the look-up is called in full
     */
    DispatchTree(Map<String, List<Rule>> chains, Function<Leaf, Rule> rule, Function<String, String> name) {
        this.chains = chains;
        this.rule = rule;
        this.name = name;
    }

    /** Leaves parted by cells of a field. */
    private record Parts(Leaf.Field field, TreeMap<Network, List<Leaf>> cells, List<Leaf> wide) {
        int worst() {
            int largest = 0;
            for (List<Leaf> cell : cells.values()) {
                largest = Math.max(largest, cell.size());
            }
            return wide.size() + largest;
        }
    }

    /**
     * Writes leaves as trees, to be asked one after the other: rules that ask for nothing that others can be sorted by have
     * one of their own.
     *
     * @param plain the look-up's name in names of chains
     * @return the names of the chains that the trees begin with
     */
    List<String> write(String plain, List<Leaf> leaves) {
        List<String> roots = new ArrayList<>();
        List<Leaf> left = leaves;
        while (!left.isEmpty()) {
            String root = plain + (roots.isEmpty() ? "" : Character.toString((char) ('a' + roots.size() - 1)));
            Parts parts = left.size() > FEW && roots.size() < 24 ? best(left) : null;
            List<Leaf> now = left;
            left = List.of();
            if (parts != null && parts.wide.size() > FEW) {
                Set<Leaf> wide = new HashSet<>(parts.wide);
                left = parts.wide;
                now = now.stream().filter(leaf -> !wide.contains(leaf)).toList();
            }
            roots.add(name.apply(root));
            node(name.apply(root), root, "", now);
        }
        return roots;
    }

    private void node(String chain, String root, String path, List<Leaf> leaves) {
        List<Rule> rules = new ArrayList<>();
        chains.put(chain, rules);
        Parts parts = leaves.size() > FEW ? best(leaves) : null;
        if (parts == null) {
            leaves.forEach(leaf -> rules.add(rule.apply(leaf)));
            return;
        }
        parts.wide.forEach(leaf -> rules.add(rule.apply(leaf)));
        record Below(String chain, String path, List<Leaf> leaves) {}
        List<Below> below = new ArrayList<>();
        parts.cells.forEach((cell, inside) -> {
            if (inside.size() == 1) {
                rules.add(rule.apply(inside.getFirst())); // no shorter by a chain of its own
                return;
            }
            String to = path + "/" + parts.field + " " + cell;
            String there = nodeName(root, to);
            chains.put(there, List.of());
            below.add(new Below(there, to, inside));
            rules.add(Rule.of(Leaf.matches(parts.field, cell) + " -g " + there));
        });
        below.forEach(one -> node(one.chain, root, one.path, one.leaves));
    }

    /** Depends on nothing but the cells that lead there, so that a small change of the plan is one of few chains. */
    private String nodeName(String root, String path) {
        String distinct = path;
        while (true) {
            String there = name.apply(root + "_" + Fnv.hex(Fnv.hash(distinct)).substring(0, 8));
            if (!chains.containsKey(there)) {
                return there;
            }
            distinct += "'";
        }
    }

    private static @Nullable Parts best(List<Leaf> leaves) {
        Parts best = null;
        for (Leaf.Field field : Leaf.Field.values()) {
            Parts parts = part(field, leaves);
            if (parts != null && (best == null || parts.worst() < best.worst())) {
                best = parts;
            }
        }
        return best == null || best.worst() >= leaves.size() ? null : best;
    }

    private static @Nullable Parts part(Leaf.Field field, List<Leaf> leaves) {
        List<Leaf> inside = new ArrayList<>();
        List<Leaf> wide = new ArrayList<>();
        for (Leaf leaf : leaves) {
            (leaf.cell(field) == null ? wide : inside).add(leaf);
        }
        if (inside.size() < 2) {
            return null;
        }
        PriorityQueue<Map.Entry<Network, List<Leaf>>> large =
                new PriorityQueue<>(Comparator.<Map.Entry<Network, List<Leaf>>>comparingInt(
                                cell -> -cell.getValue().size())
                        .thenComparing(Map.Entry::getKey));
        TreeMap<Network, List<Leaf>> cells = new TreeMap<>();
        large.add(Map.entry(enclosing(field, inside), inside));
        while (!large.isEmpty()) {
            Map.Entry<Network, List<Leaf>> cell = large.poll();
            List<Leaf> here = cell.getValue();
            boolean enough = here.size() <= FEW / 2 || cells.size() + large.size() >= FEW;
            Network network = cell.getKey();
            if (enough || network.prefix() == network.family().bits()) {
                cells.put(network, here);
                continue;
            }
            List<Leaf> lower = new ArrayList<>();
            List<Leaf> upper = new ArrayList<>();
            List<Leaf> neither = new ArrayList<>();
            Network lowerHalf = network.lowerHalf();
            for (Leaf leaf : here) {
                Network asked = leaf.cell(field);
                if (asked == null || asked.prefix() <= network.prefix()) {
                    neither.add(leaf);
                } else {
                    (lowerHalf.contains(asked) ? lower : upper).add(leaf);
                }
            }
            if (lower.isEmpty() && upper.isEmpty()) {
                cells.put(network, here);
                continue;
            }
            wide.addAll(neither);
            for (List<Leaf> half : List.of(lower, upper)) {
                if (!half.isEmpty()) {
                    large.add(Map.entry(enclosing(field, half), half));
                }
            }
        }
        return new Parts(field, cells, wide);
    }

    private static Network enclosing(Leaf.Field field, List<Leaf> leaves) {
        Network all = null;
        for (Leaf leaf : leaves) {
            Network asked = leaf.cell(field);
            if (asked != null) {
                all = all == null ? asked : Leaf.enclosing(all, asked);
            }
        }
        if (all == null) {
            throw new IllegalArgumentException("no cell");
        }
        return all;
    }
}
