package io.meshcapture.backend.iptables;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The input of {@code iptables-restore --noflush --counters} that makes what stands of ours something else. Chains that
 * differ are replaced whole by {@code :CHAIN - [0:0]}, in the instant in which the table is; nothing but our own chains and
 * the jumps to them is named.
 */
final class RestoreScript {
    private RestoreScript() {}

    /**
     * The script, the empty text where nothing differs.
     *
     * @param stands what stands, rules of others included
     * @param target what is to stand of ours
     * @param order in which tables are written; each is one instant of its own
     */
    static String between(Ruleset stands, Ruleset target, Collection<Table> order) {
        StringBuilder script = new StringBuilder();
        for (Table table : order) {
            String lines = lines(stands.of(table), target.of(table));
            if (!lines.isEmpty()) {
                script.append('*')
                        .append(table.label())
                        .append('\n')
                        .append(lines)
                        .append("COMMIT\n");
            }
        }
        return script.toString();
    }

    /** A ruleset where nothing stands, to be read by people and by iptables-restore. */
    static String of(Ruleset target) {
        return between(new Ruleset(), target, List.of(Table.values()));
    }

    private static String lines(Ruleset.Contents stands, Ruleset.Contents target) {
        StringBuilder declared = new StringBuilder();
        StringBuilder rules = new StringBuilder();
        StringBuilder removed = new StringBuilder();
        target.chains().forEach((name, wanted) -> {
            List<Rule> standing = stands.chains().get(name);
            if (standing == null || !standing.equals(wanted)) {
                declared.append(':').append(name).append(" - [0:0]\n");
                for (Rule rule : counting(wanted, standing == null ? List.of() : standing)) {
                    if (rule.packets() > 0) {
                        rules.append('[')
                                .append(rule.packets())
                                .append(':')
                                .append(rule.bytes())
                                .append("] ");
                    }
                    rules.append("-A ")
                            .append(name)
                            .append(' ')
                            .append(rule.text())
                            .append('\n');
                }
            }
        });
        stands.chains().keySet().forEach(name -> {
            if (Slot.isOurs(name) && !target.chains().containsKey(name)) {
                declared.append(':').append(name).append(" - [0:0]\n");
                removed.append("-X ").append(name).append('\n');
            }
        });
        StringBuilder jumps = new StringBuilder();
        Map<String, List<Rule>> builtin = new LinkedHashMap<>(stands.builtin());
        target.builtin().forEach(builtin::putIfAbsent);
        builtin.keySet()
                .forEach(name -> jumps(
                        name,
                        stands.builtin().getOrDefault(name, List.of()),
                        target.builtin().getOrDefault(name, List.of()),
                        target,
                        jumps));
        return declared.append(jumps).append(rules).append(removed).toString();
    }

    /** Ours come first, so that nobody decides before them; where they do already, they stay as they are. */
    private static void jumps(
            String chain, List<Rule> stands, List<Rule> wanted, Ruleset.Contents target, StringBuilder script) {
        List<Rule> ours =
                stands.stream().filter(rule -> Slot.isOurs(rule.target())).toList();
        boolean isFirst = stands.size() >= wanted.size()
                && stands.subList(0, wanted.size()).equals(wanted);
        if (ours.equals(wanted) && (isFirst || !Shadows.isShadowed(stands, target))) {
            return;
        }
        for (Rule rule : ours) {
            script.append("-D ").append(chain).append(' ').append(rule.text()).append('\n');
        }
        for (Rule rule : wanted.reversed()) {
            script.append("-I ").append(chain).append(" 1 ").append(rule.text()).append('\n');
        }
    }

    /**
     * What is the same in a chain that changes has counted as much. What rules that go have counted is taken over by one that
     * comes for the same reason and leads to the same place: ports that a service names more are another rule.
     */
    private static List<Rule> counting(List<Rule> wanted, List<Rule> stands) {
        Map<Rule, List<Rule>> counted = new HashMap<>();
        stands.forEach(
                rule -> counted.computeIfAbsent(rule, any -> new ArrayList<>(1)).add(rule));
        List<@Nullable Rule> same = new ArrayList<>();
        for (Rule rule : wanted) {
            List<Rule> all = counted.getOrDefault(rule, List.of());
            same.add(all.isEmpty() ? null : all.removeFirst());
        }
        Map<String, long[]> gone = new HashMap<>();
        counted.values()
                .forEach(rules -> rules.forEach(rule -> {
                    long[] both = gone.computeIfAbsent(reason(rule), any -> new long[2]);
                    both[0] += rule.packets();
                    both[1] += rule.bytes();
                }));
        List<Rule> counting = new ArrayList<>();
        for (int i = 0; i < wanted.size(); i++) {
            Rule rule = wanted.get(i);
            Rule old = same.get(i);
            long[] more = old == null ? gone.remove(reason(rule)) : null;
            if (old != null) {
                counting.add(rule.counting(old));
            } else {
                counting.add(more == null ? rule : new Rule(rule.text(), more[0], more[1]));
            }
        }
        return counting;
    }

    private static String reason(Rule rule) {
        return rule.comment() + " " + rule.target();
    }
}
