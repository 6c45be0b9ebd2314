package io.meshcapture.backend.nftables;

import io.meshcapture.plan.Family;
import io.meshcapture.rules.CallerKey;
import io.meshcapture.rules.Entry;
import java.util.ArrayList;
import java.util.List;

/**
 * The map that an entry of a look-up stands in: which fields make its key, in which order.
 *
 * <p>The kernel's set type for concatenated intervals (pipapo, net/netfilter/nft_set_pipapo.c) takes field after field
 * and carries on with the elements that are left. Its cost is the number of elements that share the first fields:
 * 100,000 networks behind one common uid took 100 s to load, with the address first 1.9 s. So the field that tells most
 * apart comes first: the caller, but for a caller that names many networks, or for entries that ask nothing of the
 * caller, the address; and the port where the address is any.
 *
 * @param family of the address
 * @param cgroupLevel depth of the control group below the root of cgroup v2, 0 where it is not asked
 * @param user whether the user is asked
 * @param group whether the group is asked
 * @param first what the key begins with
 */
record LookupMap(Family family, int cgroupLevel, boolean user, boolean group, First first)
        implements Comparable<LookupMap> {

    /** The field order of a key. */
    enum First {
        CALLER,
        ADDRESS,
        PORT
    }

    /** More networks than this by one caller in one look-up go into a map with the address first. */
    static final int MANY = 64;

    static LookupMap of(Entry entry, boolean manyNetworks) {
        CallerKey caller = entry.caller();
        boolean anyAddress = entry.network().prefix() == 0;
        First first;
        if (caller.equals(CallerKey.ANYBODY)) {
            first = anyAddress ? First.PORT : First.ADDRESS;
        } else {
            first = manyNetworks && !anyAddress ? First.ADDRESS : First.CALLER;
        }
        int level = caller.cgroup() == null ? 0 : level(caller.cgroup());
        return new LookupMap(entry.network().family(), level, caller.uid() != null, caller.gid() != null, first);
    }

    @Override
    public int compareTo(LookupMap other) {
        // written out, since the JVM links comparators of comparators at the first start of each process, 5 ms
        int order = family.compareTo(other.family);
        order = order != 0 ? order : Integer.compare(cgroupLevel, other.cgroupLevel);
        order = order != 0 ? order : Boolean.compare(user, other.user);
        order = order != 0 ? order : Boolean.compare(group, other.group);
        return order != 0 ? order : first.compareTo(other.first);
    }

    private static int level(String cgroup) {
        return 1 + (int) cgroup.chars().filter(c -> c == '/').count();
    }

    /** {@code user_1_ip}, {@code cgroup2_user_1_ip6}, {@code any_2_ip_address}: who, layer, family, and the first field where it is not the usual one. */
    String name(String prefix) {
        String usual = first == First.CALLER ? "" : first == First.ADDRESS ? "_address" : "_port";
        return prefix + "_" + (family == Family.IPV4 ? "ip" : "ip6") + usual;
    }

    /** Who is asked, for the name. */
    String who() {
        List<String> parts = new ArrayList<>(3);
        if (cgroupLevel > 0) {
            parts.add("cgroup" + cgroupLevel);
        }
        if (user) {
            parts.add("user");
        }
        if (group) {
            parts.add("group");
        }
        return parts.isEmpty() ? "any" : String.join("_", parts);
    }

    /** The key's type, as in {@code type uid . ipv4_addr . inet_service}. */
    String type() {
        return join(
                cgroupLevel > 0 ? "cgroupsv2" : "",
                user ? "uid" : "",
                group ? "gid" : "",
                family == Family.IPV4 ? "ipv4_addr" : "ipv6_addr",
                "inet_service");
    }

    /** The expression that is looked up. */
    String expression() {
        return join(
                cgroupLevel > 0 ? "socket cgroupv2 level " + cgroupLevel : "",
                user ? "meta skuid" : "",
                group ? "meta skgid" : "",
                family == Family.IPV4 ? "ip daddr" : "ip6 daddr",
                "th dport");
    }

    /** The key of an entry. */
    String key(Entry entry) {
        CallerKey caller = entry.caller();
        return join(
                caller.cgroup() == null ? "" : "\"" + caller.cgroup() + "\"",
                caller.uid() == null ? "" : caller.uid().toString(),
                caller.gid() == null ? "" : caller.gid().toString(),
                entry.network().prefix() == 0
                        ? entry.network().base() + "/0"
                        : entry.network().toString(),
                entry.ports().toString());
    }

    private String join(String cgroup, String uid, String gid, String address, String port) {
        StringBuilder text = new StringBuilder(64);
        if (first == First.PORT) {
            append(text, port);
        }
        if (first != First.CALLER) {
            append(text, address);
        }
        append(text, cgroup);
        append(text, uid);
        append(text, gid);
        if (first == First.CALLER) {
            append(text, address);
        }
        if (first != First.PORT) {
            append(text, port);
        }
        return text.toString();
    }

    private static void append(StringBuilder text, String field) {
        if (!field.isEmpty()) {
            text.append(text.isEmpty() ? "" : " . ").append(field);
        }
    }

    // written out: what the compiler makes for records is linked at the first call, 10 ms of every start

    @Override
    public boolean equals(Object other) {
        return other instanceof LookupMap map
                && map.family == family
                && map.cgroupLevel == cgroupLevel
                && map.user == user
                && map.group == group
                && map.first == first;
    }

    @Override
    public int hashCode() {
        return ((cgroupLevel * 2 + (user ? 1 : 0)) * 2 + (group ? 1 : 0)) * 256 + family.bits();
    }
}
