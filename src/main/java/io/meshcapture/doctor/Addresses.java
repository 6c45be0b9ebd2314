package io.meshcapture.doctor;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which families this network namespace speaks; captured connections go to 127.0.0.1 and ::1.
 *
 * @param hasLoopback whether a packet to 127.0.0.1 comes back
 */
record Addresses(HostFiles files, boolean hasLoopback) implements Examination {

    private static final String LOOPBACK_IPV6 = "00000000000000000000000000000001 ";

    @Override
    public List<Finding> examine() {
        List<Finding> findings = new ArrayList<>();
        String routes = files.read("/proc/thread-self/net/fib_trie");
        String ipv6 = files.read("/proc/thread-self/net/if_inet6");
        if (!hasLoopback) {
            findings.add(Finding.conflict(
                    Topic.ADDRESSES,
                    "addresses.loopback-down",
                    "loopback is down: nothing reaches 127.0.0.1 in this network namespace",
                    "captured connections go there, so each would fail",
                    "switch it on",
                    "ip link set lo up"));
            return findings;
        }
        ipv6(ipv6, routes != null && hasIpv4(routes), findings);
        return findings;
    }

    private void ipv6(@Nullable String addresses, boolean ipv4, List<Finding> findings) {
        if (addresses == null) {
            findings.add(Finding.ok(Topic.ADDRESSES, "addresses.ipv4", "IPv4 only: this kernel runs without IPv6"));
        } else if (addresses.isBlank()) {
            findings.add(Finding.ok(
                    Topic.ADDRESSES,
                    "addresses.ipv4",
                    "IPv4 only: IPv6 is switched off (net.ipv6.conf.*.disable_ipv6)"));
        } else if (addresses.lines().noneMatch(line -> line.startsWith(LOOPBACK_IPV6))) {
            findings.add(Finding.warning(
                    Topic.ADDRESSES,
                    "addresses.no-ipv6-loopback",
                    "interfaces have IPv6 addresses, and lo has no ::1",
                    "captured IPv6 connections go there, so each would fail",
                    "switch IPv6 on for lo, or write ipv6: reject, so that clients fall back to IPv4",
                    "sysctl -w net.ipv6.conf.lo.disable_ipv6=0"));
        } else {
            boolean isGlobal = addresses.lines().anyMatch(line -> !line.startsWith(LOOPBACK_IPV6));
            findings.add(Finding.ok(
                    Topic.ADDRESSES,
                    "addresses.families",
                    isGlobal && !ipv4 ? "IPv6 only, but for loopback" : isGlobal ? "IPv4 and IPv6" : "IPv4, and ::1"));
        }
    }

    /** Whether a route to the host itself is not one of loopback's; as {@code HostFacts} reads it. */
    private static boolean hasIpv4(String routes) {
        String address = "";
        for (String line : routes.split("\n", -1)) {
            String text = line.strip();
            if (text.startsWith("|-- ")) {
                address = text.substring(4);
            } else if (text.equals("/32 host LOCAL") && !address.startsWith("127.")) {
                return true;
            }
        }
        return false;
    }
}
