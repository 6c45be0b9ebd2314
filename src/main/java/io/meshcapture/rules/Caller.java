package io.meshcapture.rules;

import org.jspecify.annotations.Nullable;

/**
 * Who opens a connection.
 *
 * @param uid the socket's user, 0 to 4294967294
 * @param gid the socket's group, likewise
 * @param cgroup path of its control group below the root of cgroup v2, without a leading slash; null where unknown
 */
public record Caller(long uid, long gid, @Nullable String cgroup) {}
