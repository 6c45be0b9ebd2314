package io.meshcapture.backend.iptables;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What of a family is ours, and what stands after a script has been taken. */
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

    /** What stands of ours, or of one slot and what both share. */
    static Ruleset ours(Ruleset all, @Nullable Slot only) {
        Ruleset ours = new Ruleset();
        all.tables().forEach((table, contents) -> {
            contents.chains().forEach((chain, rules) -> {
                boolean meant = only == null ? Slot.isOurs(chain) : only.plain(chain) != null || isShared(chain);
                if (meant) {
                    ours.in(table).chains().put(chain, rules);
                }
            });
            contents.builtin().forEach((chain, rules) -> {
                List<Rule> jumps = rules.stream()
                        .filter(rule -> Slot.isOurs(rule.target()))
                        .toList();
                if (!jumps.isEmpty()) {
                    ours.in(table).builtin().put(chain, jumps);
                }
            });
        });
        return ours;
    }

    private static boolean isShared(String chain) {
        return chain.equals(Slot.HOME) || chain.equals(Slot.OWNERS);
    }
}
