package io.meshcapture.backend.iptables;

import io.meshcapture.plan.Family;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What stands in the tables of one family.
 *
 * @param tables by table; one that is not there has not been used yet
 * @param closed tables that hold what iptables cannot express, so that its programs print nothing of them
 */
record Ruleset(Map<Table, Contents> tables, Set<Table> closed) {

    Ruleset() {
        this(new EnumMap<>(Table.class), EnumSet.noneOf(Table.class));
    }

    /** The contents of a table, made where they are missing. */
    Contents in(Table table) {
        return tables.computeIfAbsent(table, any -> new Contents());
    }

    /** Its contents, empty ones where it is missing. */
    Contents of(Table table) {
        return tables.getOrDefault(table, new Contents());
    }

    /** The chains of a target's IPv4 nat table, made where they are missing. */
    static Map<String, List<Rule>> nat4(Map<Family, Ruleset> target) {
        return target.computeIfAbsent(Family.IPV4, any -> new Ruleset())
                .in(Table.NAT)
                .chains();
    }

    boolean isEmpty() {
        return tables.values().stream().allMatch(contents -> contents.builtin.isEmpty() && contents.chains.isEmpty());
    }

    /**
     * The contents of a table.
     *
     * @param builtin the rules of built-in chains, by chain
     * @param chains the rules of other chains
     */
    record Contents(Map<String, List<Rule>> builtin, Map<String, List<Rule>> chains) {
        Contents() {
            this(new LinkedHashMap<>(), new LinkedHashMap<>());
        }

        /** Adds the one jump to a chain of ours. */
        void jump(String from, Rule rule) {
            builtin.computeIfAbsent(from, any -> new ArrayList<>()).add(rule);
        }

        /** A chain of ours, made where it is missing. */
        List<Rule> chain(String name) {
            return chains.computeIfAbsent(name, any -> new ArrayList<>());
        }
    }
}
