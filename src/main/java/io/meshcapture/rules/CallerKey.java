package io.meshcapture.rules;

import io.meshcapture.plan.Network;
import io.meshcapture.plan.Rank;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What an entry asks of the caller; null asks nothing.
 *
 * @param cgroup path of a control group below the root of cgroup v2, without a leading slash; its children fit too
 * @param uid the socket's user
 * @param gid the socket's group
 * @param network where a caller behind this host has its address; such a caller has no other properties
 */
public record CallerKey(
        @Nullable String cgroup,
        @Nullable Long uid,
        @Nullable Long gid,
        @Nullable Network network) {

    public CallerKey(@Nullable String cgroup, @Nullable Long uid, @Nullable Long gid) {
        this(cgroup, uid, gid, null);
    }

    /** Fits everybody. */
    public static final CallerKey ANYBODY = new CallerKey(null, null, null);

    /** How narrowly it names the caller. */
    public Rank rank() {
        if (cgroup != null) {
            return Rank.CGROUP;
        }
        if (uid != null) {
            return Rank.USER;
        }
        return gid == null ? Rank.ANY : Rank.GROUP;
    }

    /** Whether it asks something that only a caller on this host has. */
    boolean isLocal() {
        return cgroup != null || uid != null || gid != null;
    }

    public boolean fits(Caller caller) {
        if (caller.source() != null) {
            return !isLocal() && (network == null || network.contains(caller.source()));
        }
        if (network != null) {
            return false;
        }
        return (cgroup == null || (caller.cgroup() != null && isWithin(caller.cgroup(), cgroup)))
                && (uid == null || uid == caller.uid())
                && (gid == null || gid == caller.gid());
    }

    /** Whether one connection can fit both keys. */
    boolean overlaps(CallerKey other) {
        if (network != null || other.network != null) {
            return !isLocal()
                    && !other.isLocal()
                    && (network == null
                            || other.network == null
                            || network.contains(other.network)
                            || other.network.contains(network));
        }
        return overlap(uid, other.uid)
                && overlap(gid, other.gid)
                && (cgroup == null
                        || other.cgroup == null
                        || isWithin(cgroup, other.cgroup)
                        || isWithin(other.cgroup, cgroup));
    }

    /** Whether every connection that fits the other key fits this one. */
    boolean covers(CallerKey other) {
        return (network == null || (other.network != null && network.contains(other.network)))
                && (uid == null || uid.equals(other.uid))
                && (gid == null || gid.equals(other.gid))
                && (cgroup == null || (other.cgroup != null && isWithin(other.cgroup, cgroup)));
    }

    private static boolean overlap(@Nullable Long mine, @Nullable Long other) {
        return mine == null || other == null || mine.equals(other);
    }

    static boolean isWithin(String path, String ancestor) {
        return path.startsWith(ancestor)
                && (path.length() == ancestor.length() || path.charAt(ancestor.length()) == '/');
    }

    /** For people and for digests. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        if (cgroup != null) {
            text.append("cgroup /").append(cgroup);
        }
        if (uid != null) {
            text.append(text.isEmpty() ? "" : " and ").append("uid ").append(uid);
        }
        if (gid != null) {
            text.append(text.isEmpty() ? "" : " and ").append("gid ").append(gid);
        }
        if (network != null) {
            text.append(text.isEmpty() ? "" : " and ").append("network ").append(network);
        }
        return text.isEmpty() ? "any caller" : text.toString();
    }

    // written out: what the compiler makes for records is linked at the first call, 10 ms of every start

    @Override
    public boolean equals(Object other) {
        return other instanceof CallerKey key
                && Objects.equals(key.cgroup, cgroup)
                && Objects.equals(key.uid, uid)
                && Objects.equals(key.gid, gid)
                && Objects.equals(key.network, network);
    }

    @Override
    public int hashCode() {
        int local = (Objects.hashCode(cgroup) * 31 + Objects.hashCode(uid)) * 31 + Objects.hashCode(gid);
        return local * 31 + Objects.hashCode(network);
    }
}
