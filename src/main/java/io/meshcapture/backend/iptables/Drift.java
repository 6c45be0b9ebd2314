package io.meshcapture.backend.iptables;

import io.meshcapture.backend.Finding;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.ServiceName;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What differs between what stands of ours and what should. */
final class Drift {
    private final List<Finding> findings = new ArrayList<>();
    private final @Nullable Set<ServiceName> only;

    private Drift(@Nullable Set<ServiceName> only) {
        this.only = only;
    }

    /**
     * The differences in one family.
     *
     * @param stands what stands of ours
     * @param target what should
     * @param only services whose own rules are compared, or null for all
     */
    static List<Finding> between(Family family, Ruleset stands, Ruleset target, @Nullable Set<ServiceName> only) {
        Drift drift = new Drift(only);
        String ip = family == Family.IPV4 ? "IPv4" : "IPv6";
        for (Table table : Table.values()) {
            Ruleset.Contents live = stands.of(table);
            Ruleset.Contents wanted = target.of(table);
            String where = ip + " table " + table.label() + " chain ";
            Set<String> chains = new LinkedHashSet<>(wanted.chains().keySet());
            chains.addAll(live.chains().keySet());
            for (String chain : chains) {
                if (chain.equals(Slot.OWNERS)) {
                    continue; // it lives
                }
                List<Rule> here = live.chains().get(chain);
                List<Rule> should = wanted.chains().get(chain);
                if (here == null) {
                    drift.add(null, where + chain, "", "chain " + chain);
                } else if (should == null) {
                    drift.add(null, where + chain, "chain " + chain, "");
                }
                drift.compare(where + chain, here == null ? List.of() : here, should == null ? List.of() : should);
            }
            Set<String> builtin = new LinkedHashSet<>(wanted.builtin().keySet());
            builtin.addAll(live.builtin().keySet());
            for (String chain : builtin) {
                drift.compare(
                        where + chain,
                        live.builtin().getOrDefault(chain, List.of()),
                        wanted.builtin().getOrDefault(chain, List.of()));
            }
        }
        return drift.findings;
    }

    private void compare(String where, List<Rule> stands, List<Rule> should) {
        if (stands.equals(should)) {
            return;
        }
        List<Rule> extra = new ArrayList<>(stands);
        List<Rule> missing = new ArrayList<>();
        for (Rule rule : should) {
            if (!extra.remove(rule)) {
                missing.add(rule);
            }
        }
        extra.forEach(rule -> add(rule, where, rule.text(), ""));
        missing.forEach(rule -> add(rule, where, "", rule.text()));
        if (extra.isEmpty() && missing.isEmpty()) {
            for (int i = 0; i < should.size(); i++) {
                if (!stands.get(i).equals(should.get(i))) {
                    add(
                            null,
                            where + " rule " + (i + 1),
                            stands.get(i).text(),
                            should.get(i).text());
                    return; // the rest follows from this one
                }
            }
        }
    }

    private void add(@Nullable Rule rule, String where, String stands, String should) {
        LeafComment leaf = rule == null ? null : LeafComment.parse(rule.comment());
        ServiceName service = leaf == null ? null : leaf.service();
        if (service == null || only == null || only.contains(service)) {
            findings.add(new Finding(service == null ? null : service.value(), where, stands, should));
        }
    }
}
