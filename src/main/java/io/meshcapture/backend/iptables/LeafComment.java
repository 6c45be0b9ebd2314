package io.meshcapture.backend.iptables;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Entry;
import io.meshcapture.rules.Step;
import org.jspecify.annotations.Nullable;

/**
 * The comment of a rule of a look-up: {@code orders, look-up 2}. A service's name has no space, so that the comment of no
 * other rule is like it.
 *
 * @param service whose it is, or null for the plan's own exceptions
 * @param layer the look-up's number
 */
record LeafComment(@Nullable ServiceName service, int layer) {

    private static final String LOOK_UP = ", look-up ";

    private static final Step.Lookup EXCEPTIONS = new Step.Lookup(null, 1, java.util.List.of());

    static String of(Step.Lookup lookup, Entry entry) {
        return entry.service() == null ? EXCEPTIONS.why() : entry.service() + LOOK_UP + lookup.layer();
    }

    /** Null where it is the comment of another rule. */
    static @Nullable LeafComment parse(String comment) {
        if (comment.equals(EXCEPTIONS.why())) {
            return new LeafComment(null, 1);
        }
        int at = comment.indexOf(LOOK_UP);
        if (at < 0) {
            return null;
        }
        try {
            return new LeafComment(
                    ServiceName.parse(comment.substring(0, at)),
                    Integer.parseInt(comment.substring(at + LOOK_UP.length())));
        } catch (BadValue | NumberFormatException e) {
            return null;
        }
    }
}
