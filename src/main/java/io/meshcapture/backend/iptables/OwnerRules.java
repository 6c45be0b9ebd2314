package io.meshcapture.backend.iptables;

import io.meshcapture.backend.Owned;
import java.util.List;
import java.util.Map;

/**
 * The chain {@code MESHCAPTURE_OWNERS}: captured connections of which the decision in force would not tell whose they are, by
 * the cookies of Envoy's ends. Nothing leads there. It is there for the rollback of that service, also for one that has
 * been interrupted.
 */
final class OwnerRules {
    private OwnerRules() {}

    /** A rule each. */
    static List<Rule> of(Map<Long, Owned> owners) {
        return owners.entrySet().stream()
                .map(owner -> Rule.of(
                        "",
                        Long.toHexString(owner.getKey()) + " "
                                + owner.getValue().comment(),
                        ""))
                .toList();
    }

    /** Adds what a rule says; one that was written by hand says nothing. */
    static void read(Rule rule, Map<Long, Owned> owners) {
        String comment = rule.comment();
        int space = comment.indexOf(' ');
        try {
            owners.put(
                    Long.parseUnsignedLong(comment.substring(0, Math.max(0, space)), 16),
                    Owned.parse(comment.substring(space + 1)));
        } catch (NumberFormatException e) {
            return;
        }
    }
}
