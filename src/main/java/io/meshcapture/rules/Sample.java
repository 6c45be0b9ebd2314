package io.meshcapture.rules;

import io.meshcapture.plan.ServiceName;
import org.jspecify.annotations.Nullable;

/**
 * A connection that takes one of a decision's paths.
 *
 * @param service whose path it is, or null for one that all share
 * @param path which one, in words: {@code captured to 10.0.0.0/8}
 * @param connection the connection
 * @param expected what the decision makes of it
 * @param isArriving whether somebody elsewhere opens it to this host
 */
public record Sample(
        @Nullable ServiceName service, String path, Connection connection, Explanation expected, boolean isArriving) {

    /** One that is opened here. */
    public Sample(@Nullable ServiceName service, String path, Connection connection, Explanation expected) {
        this(service, path, connection, expected, false);
    }
}
