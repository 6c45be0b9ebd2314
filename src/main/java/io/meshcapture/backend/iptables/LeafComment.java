package io.meshcapture.backend.iptables;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Rank;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Entry;
import io.meshcapture.rules.Step;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The comment of a rule of a look-up: {@code orders, look-up 2}. A service's name has no space, so that the comment of no
 * other rule is like it. A rule that asks for a control group says which one it has found by the path, in {@code ledger,
 * look-up 2, group 4711}: the kernel keeps asking for that one after another has come in its place.
 *
 * @param service whose it is, or null for the plan's own exceptions
 * @param byName whether the service captures by name
 * @param layer the look-up's number
 * @param group the id of the control group, or null where none is asked for or nobody knows
 */
record LeafComment(
        @Nullable ServiceName service,
        boolean byName,
        int layer,
        @Nullable Long group) {

    private static final String BY_NAME = ", by name";

    private static final String LOOK_UP = ", look-up ";
    private static final String GROUP = ", group ";

    private static final Step.Lookup EXCEPTIONS = new Step.Lookup(null, 1, List.of());

    /**
     * The comment of an entry's rule.
     *
     * @param groups the ids of control groups, by path
     */
    static String of(Step.Lookup lookup, Entry entry, Map<String, Long> groups) {
        Long group = entry.caller().cgroup() == null
                ? null
                : groups.get(entry.caller().cgroup());
        return entry.service() == null
                ? EXCEPTIONS.why()
                : entry.service()
                        + (lookup.rank() == Rank.NAME ? BY_NAME : "")
                        + LOOK_UP
                        + lookup.layer()
                        + (group == null ? "" : GROUP + group);
    }

    /** Null where it is the comment of another rule. */
    static @Nullable LeafComment parse(String comment) {
        if (comment.equals(EXCEPTIONS.why())) {
            return new LeafComment(null, false, 1, null);
        }
        int at = comment.indexOf(LOOK_UP);
        if (at < 0) {
            return null;
        }
        try {
            String who = comment.substring(0, at);
            boolean byName = who.endsWith(BY_NAME);
            String rest = comment.substring(at + LOOK_UP.length());
            int group = rest.indexOf(GROUP);
            return new LeafComment(
                    ServiceName.parse(byName ? who.substring(0, who.length() - BY_NAME.length()) : who),
                    byName,
                    Integer.parseInt(group < 0 ? rest : rest.substring(0, group)),
                    group < 0 ? null : Long.valueOf(rest.substring(group + GROUP.length())));
        } catch (BadValue | NumberFormatException e) {
            return null;
        }
    }
}
