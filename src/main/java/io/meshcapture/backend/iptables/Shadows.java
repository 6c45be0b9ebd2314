package io.meshcapture.backend.iptables;

import java.util.List;

/** Rules of others that are asked before the jump to ours and take connections that we then never see. */
final class Shadows {
    private Shadows() {}

    /** Whether a built-in chain has such a rule before the first jump of ours. */
    static boolean isShadowed(List<Rule> chain) {
        return first(chain) != null;
    }

    /** The first such rule, or null. */
    static @org.jspecify.annotations.Nullable Rule first(List<Rule> chain) {
        boolean led = chain.stream().anyMatch(rule -> Slot.isOurs(rule.target()));
        for (Rule rule : chain) {
            if (Slot.isOurs(rule.target()) || !led) {
                return null;
            }
            if (takes(rule)) {
                return rule;
            }
        }
        return null;
    }

    /** What decides, or asks a chain that may; targets that only remark on the packet do not. */
    static boolean takes(Rule rule) {
        String protocol = rule.value("-p");
        boolean elsewhere = protocol != null && !protocol.equals("tcp") && !protocol.equals("6");
        return !elsewhere
                && switch (rule.target()) {
                    case "", "LOG", "NFLOG", "TRACE", "MARK", "CONNMARK", "AUDIT", "SET", "TCPMSS", "TOS", "DSCP" ->
                        false;
                    default -> true;
                };
    }
}
