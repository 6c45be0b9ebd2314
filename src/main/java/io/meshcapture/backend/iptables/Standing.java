package io.meshcapture.backend.iptables;

import java.util.ArrayList;
import java.util.List;

/** What stands after a script has been taken. */
final class Standing {
    private Standing() {}

    /** Rules of others as they were, and ours as they were to be, first. */
    static Ruleset after(Ruleset before, Ruleset target) {
        Ruleset after = new Ruleset();
        before.tables().forEach((table, contents) -> {
            contents.chains().forEach((chain, rules) -> {
                if (!Slot.isOurs(chain)) {
                    after.in(table).chains().put(chain, rules);
                }
            });
            contents.builtin()
                    .forEach((chain, rules) -> after.in(table)
                            .builtin()
                            .put(
                                    chain,
                                    new ArrayList<>(rules.stream()
                                            .filter(rule -> !Slot.isOurs(rule.target()))
                                            .toList())));
        });
        target.tables().forEach((table, contents) -> {
            after.in(table).chains().putAll(contents.chains());
            contents.builtin().forEach((chain, jumps) -> {
                List<Rule> all = new ArrayList<>(jumps);
                all.addAll(after.in(table).builtin().getOrDefault(chain, List.of()));
                after.in(table).builtin().put(chain, all);
            });
        });
        return after;
    }
}
