package io.meshcapture.backend.iptables;

import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Entry;
import io.meshcapture.rules.Step;
import io.meshcapture.system.ControlGroups;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;

/**
 * The control groups that rules ask for, gone ones included.
 *
 * @param slots what stands
 */
record StandingGroups(StandingSlots slots) {

    /** Services that are captured by a group that is gone. */
    Set<String> servicesOfGone() {
        Set<String> services = new TreeSet<>();
        forLeaves((rule, leaf) -> {
            if (leaf.service() != null && StandingLookups.isOfGoneGroup(rule)) {
                services.add(leaf.service().value());
            }
        });
        return services;
    }

    private void forLeaves(BiConsumer<Rule, LeafComment> taker) {
        for (Ruleset ruleset : slots.families().values()) {
            ruleset.of(Table.NAT).chains().forEach((chain, rules) -> {
                for (Rule rule : slots.considered().plain(chain) == null ? List.<Rule>of() : rules) {
                    LeafComment leaf = LeafComment.parse(rule.comment());
                    if (leaf != null) {
                        taker.accept(rule, leaf);
                    }
                }
            });
        }
    }

    /**
     * The ids of the control groups that a decision asks for: of those that are there now, and of those that are gone as rules
     * remember them.
     */
    Map<String, Long> ids(Decision decision) {
        Map<String, Long> groups = new HashMap<>();
        for (Step step : decision.steps()) {
            for (Entry entry : step instanceof Step.Lookup lookup ? lookup.entries() : List.<Entry>of()) {
                String path = entry.caller().cgroup();
                if (path != null && !groups.containsKey(path)) {
                    ControlGroups.id(path).ifPresent(id -> groups.put(path, id));
                }
            }
        }
        forLeaves((rule, leaf) -> {
            String path = rule.value("--path");
            if (path != null && leaf.group() != null) {
                groups.putIfAbsent(path, leaf.group());
            }
        });
        return groups;
    }
}
