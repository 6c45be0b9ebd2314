package io.meshcapture.backend;

import org.jspecify.annotations.Nullable;

/**
 * One difference between what stands and what should.
 *
 * @param service the service that it concerns, or null where it is shared by all
 * @param where the place: {@code chain output rule 3}, {@code map user_1_ip}
 * @param stands what is there, the empty text for nothing
 * @param should what the plan asks for, the empty text for nothing
 */
public record Finding(@Nullable String service, String where, String stands, String should) {

    /** In the place of what is ours and stands behind a rule of others: what ours have to come before. */
    public static final String BEFORE = " before ";
}
