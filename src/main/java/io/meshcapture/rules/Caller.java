package io.meshcapture.rules;

import io.meshcapture.plan.Address;
import org.jspecify.annotations.Nullable;

/**
 * Who opens a connection.
 *
 * @param uid the socket's user, 0 to 4294967294
 * @param gid the socket's group, likewise
 * @param cgroup path of its control group below the root of cgroup v2, without a leading slash; null where unknown
 * @param source the address of a virtual machine or container behind this host, of which nothing else is known; null for a
 *     caller on this host
 */
public record Caller(
        long uid,
        long gid,
        @Nullable String cgroup,
        @Nullable Address source) {

    public Caller(long uid, long gid, @Nullable String cgroup) {
        this(uid, gid, cgroup, null);
    }

    /** A caller behind this host. */
    public static Caller behind(Address source) {
        return new Caller(0, 0, null, source);
    }
}
