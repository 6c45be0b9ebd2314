package io.meshcapture.doctor;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What this process may do, and for whom (capabilities(7), user_namespaces(7)).
 *
 * @param sharesNodesNetwork whether it is in a container that has the node's own network namespace
 */
record Rights(HostFiles files, boolean sharesNodesNetwork) implements Examination {

    /** Of the finding that not everything was looked at. */
    static final String UNPRIVILEGED = "privileges.unprivileged";

    /** Bits of CAP_NET_ADMIN and CAP_SYS_ADMIN (linux/capability.h). */
    private static final int NET_ADMIN = 12;

    private static final int SYS_ADMIN = 21;

    @Override
    public List<Finding> examine() {
        List<Finding> findings = new ArrayList<>();
        String status = files.read("/proc/thread-self/status");
        if (status != null) {
            capabilities(status, findings);
        }
        users(findings);
        if (sharesNodesNetwork) {
            findings.add(Finding.conflict(
                    Topic.PRIVILEGES,
                    "privileges.node-network",
                    "this container shares the node's network namespace",
                    "every process of the node would be captured, so apply refuses",
                    "leave hostNetwork out, name another namespace with --netns, or insist with --allow-host-network"));
        }
        return findings;
    }

    private static void capabilities(String status, List<Finding> findings) {
        String effective = field(status, "CapEff:");
        String[] uids = String.valueOf(field(status, "Uid:")).split("\\s+", -1);
        boolean root = uids.length > 1 && uids[1].equals("0");
        if (effective == null) {
            return;
        }
        long capabilities = Long.parseUnsignedLong(effective, 16);
        if (has(capabilities, NET_ADMIN)) {
            findings.add(Finding.ok(Topic.PRIVILEGES, "privileges.net-admin", "CAP_NET_ADMIN is there"));
        } else if (root) {
            findings.add(Finding.missing(
                    Topic.PRIVILEGES,
                    "privileges.net-admin",
                    "the privilege CAP_NET_ADMIN is missing, although this is root",
                    "netfilter can neither be read nor changed without it",
                    "in a container add the capability NET_ADMIN (securityContext.capabilities.add, or --cap-add)"));
        } else {
            findings.add(Finding.note(
                    Topic.PRIVILEGES,
                    UNPRIVILEGED,
                    "this is not root: rules of others were not looked at",
                    "the privilege CAP_NET_ADMIN is missing here, and apply needs it",
                    "run doctor with sudo"));
        }
        if (root && !has(capabilities, SYS_ADMIN)) {
            findings.add(Finding.note(
                    Topic.PRIVILEGES,
                    "privileges.sys-admin",
                    "the privilege CAP_SYS_ADMIN is missing",
                    "--netns needs it, and nothing else",
                    ""));
        }
    }

    private void users(List<Finding> findings) {
        String map = files.read("/proc/thread-self/uid_map");
        if (map == null || map.isBlank()) {
            return;
        }
        String[] numbers = map.strip().split("\\s+", -1);
        boolean isFirst = numbers.length == 3 && numbers[0].equals("0") && numbers[1].equals("0");
        if (isFirst && numbers[2].equals("4294967295")) {
            return;
        }
        String first = map.strip().lines().findFirst().orElse("").strip().replaceAll("\\s+", " ");
        findings.add(Finding.note(
                Topic.PRIVILEGES,
                "privileges.user-namespace",
                "users are counted in a user namespace (uid_map: " + first + ")",
                "netfilter goes by the numbers of the user namespace that owns the network",
                "write users in the plan as that namespace counts them"));
    }

    private static boolean has(long capabilities, int bit) {
        return (capabilities & 1L << bit) != 0;
    }

    private static @Nullable String field(String status, String name) {
        return status.lines()
                .filter(line -> line.startsWith(name))
                .map(line -> line.substring(name.length()).strip())
                .findFirst()
                .orElse(null);
    }
}
