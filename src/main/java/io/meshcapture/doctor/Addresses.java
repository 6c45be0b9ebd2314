package io.meshcapture.doctor;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which families this network namespace speaks; captured connections go to 127.0.0.1 and ::1. */
record Addresses(HostFiles files) implements Examination {

    private static final String LOOPBACK_IPV6 = "00000000000000000000000000000001 ";

    @Override
    public List<Finding> examine() {
        List<Finding> findings = new ArrayList<>();
        String routes = files.read("/proc/thread-self/net/fib_trie");
        String ipv6 = files.read("/proc/thread-self/net/if_inet6");
        if (routes != null && !routes.contains("|-- 127.0.0.1")) {
            findings.add(Finding.conflict(
                    Topic.ADDRESSES,
                    "addresses.loopback-down",
                    "loopback is down: this network namespace has no 127.0.0.1",
                    "captured connections go there, so each would fail",
                    "switch it on",
                    "ip link set lo up"));
            return findings;
        }
        boolean ipv4Elsewhere =
                routes != null && routes.lines().map(String::strip).anyMatch(Addresses::isAddress) && hasIpv4(routes);
        ipv6(ipv6, ipv4Elsewhere, findings);
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

    private static boolean isAddress(String line) {
        return line.startsWith("|-- ");
    }

    /** Whether a route to the host itself is not one of loopback's; as {@code HostFacts} reads it. */
    private static boolean hasIpv4(String routes) {
        String address = "";
        for (String line : routes.split("\n", -1)) {
            String text = line.strip();
            if (isAddress(text)) {
                address = text.substring(4);
            } else if (text.equals("/32 host LOCAL") && !address.startsWith("127.")) {
                return true;
            }
        }
        return false;
    }
}
