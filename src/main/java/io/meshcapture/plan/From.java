package io.meshcapture.plan;

import java.util.ArrayList;
import java.util.List;

/**
 * Whose connections a service captures. Kinds that are given must all fit; within a kind one of the list is enough.
 * A unit is a way to name a control group, so units and cgroups are one kind. Nothing given: anybody.
 *
 * @param users users
 * @param groups groups, the socket's own group (its creator's fsgid), not supplementary ones
 * @param units systemd units
 * @param cgroups control groups, paths below the root of cgroup v2
 * @param networks source networks of virtual machines and containers behind {@code interfaces.outbound}
 */
public record From(
        List<Account> users,
        List<Account> groups,
        List<UnitName> units,
        List<CgroupPath> cgroups,
        List<Network> networks) {

    public static final From ANYBODY = new From(List.of(), List.of(), List.of(), List.of(), List.of());

    public From {
        users = List.copyOf(users);
        groups = List.copyOf(groups);
        units = List.copyOf(units);
        cgroups = List.copyOf(cgroups);
        networks = List.copyOf(networks);
    }

    public boolean isAnybody() {
        return equals(ANYBODY);
    }

    /** How narrowly it names the caller; services are asked in this order. */
    public Rank rank() {
        if (!units.isEmpty() || !cgroups.isEmpty()) {
            return Rank.CGROUP;
        }
        if (!users.isEmpty()) {
            return Rank.USER;
        }
        return groups.isEmpty() ? Rank.ANY : Rank.GROUP;
    }

    /** For people: {@code user orders}, {@code unit a.service or b.service and group staff}, {@code any caller}. */
    @Override
    public String toString() {
        List<String> kinds = new ArrayList<>();
        addKind(kinds, "unit", units);
        addKind(kinds, "cgroup", cgroups);
        addKind(kinds, "user", users);
        addKind(kinds, "group", groups);
        addKind(kinds, "network", networks);
        return kinds.isEmpty() ? "any caller" : String.join(" and ", kinds);
    }

    private static void addKind(List<String> kinds, String label, List<?> values) {
        if (!values.isEmpty()) {
            kinds.add(label + " "
                    + String.join(" or ", values.stream().map(Object::toString).toList()));
        }
    }
}
