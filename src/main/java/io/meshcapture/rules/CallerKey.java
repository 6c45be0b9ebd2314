package io.meshcapture.rules;

import io.meshcapture.plan.Rank;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What an entry asks of the caller; null asks nothing.
 *
 * @param cgroup path of a control group below the root of cgroup v2, without a leading slash; its children fit too
 * @param uid the socket's user
 * @param gid the socket's group
 */
public record CallerKey(
        @Nullable String cgroup,
        @Nullable Long uid,
        @Nullable Long gid) {

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

    public boolean fits(Caller caller) {
        return (cgroup == null || (caller.cgroup() != null && isWithin(caller.cgroup(), cgroup)))
                && (uid == null || uid == caller.uid())
                && (gid == null || gid == caller.gid());
    }

    /** Whether one connection can fit both keys. */
    boolean overlaps(CallerKey other) {
        return overlap(uid, other.uid)
                && overlap(gid, other.gid)
                && (cgroup == null
                        || other.cgroup == null
                        || isWithin(cgroup, other.cgroup)
                        || isWithin(other.cgroup, cgroup));
    }

    /** Whether every connection that fits the other key fits this one. */
    boolean covers(CallerKey other) {
        return (uid == null || uid.equals(other.uid))
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
        return text.isEmpty() ? "any caller" : text.toString();
    }

    // written out: what the compiler makes for records is linked at the first call, 10 ms of every start

    @Override
    public boolean equals(Object other) {
        return other instanceof CallerKey key
                && Objects.equals(key.cgroup, cgroup)
                && Objects.equals(key.uid, uid)
                && Objects.equals(key.gid, gid);
    }

    @Override
    public int hashCode() {
        return (Objects.hashCode(cgroup) * 31 + Objects.hashCode(uid)) * 31 + Objects.hashCode(gid);
    }
}
