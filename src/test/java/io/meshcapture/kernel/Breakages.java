package io.meshcapture.kernel;

import java.util.List;

/**
 * Ways to break capture that works, for the plan of {@link BreakagesKernelIT}. Each line says which command finds it and what a
 * line of its answer says.
 */
final class Breakages {
    private Breakages() {}

    /** A breakage: shell commands that make it and that take it back, who finds it, and what a line of the answer has. */
    record Breakage(String name, String how, String undo, String command, String said) {}

    static final String CHECK = "check";
    static final String PROBE = "probe";
    static final String DOCTOR = "doctor";
    static final String ORDERS_V4 = "orders +captured +tcp 192\\.0\\.2\\.1:80 .*WRONG: ";
    static final String ORDERS_V6 = "orders +captured +tcp \\[2001:db8::1\\]:80 .*WRONG: ";
    static final String DIRECT = "leaves as it is";
    static final String BY_THEIRS = " by table t chain c";
    static final String LOST_IN = "is lost on the way: table ";

    static Breakage of(String name, String how, String undo, String command, String said) {
        return new Breakage(name, how, undo, command, said);
    }

    /** A rule of somebody in a table of nftables of its own. */
    static Breakage foreign(String name, String family, String hook, String rule, String command, String said) {
        return of(
                name,
                "nft 'add table " + family + " t; add chain " + family + " t c { type " + hook + "; }; add rule "
                        + family + " t c " + rule + "'",
                "nft delete table " + family + " t",
                command,
                said);
    }

    static final String NAT_FIRST = "nat hook output priority -150";

    static final List<Breakage> OF_ANY_BACKEND = List.of(
            of("loopback down", "ip link set lo down", "ip link set lo up", DOCTOR, "addresses.loopback-down"),
            of(
                    "no route to Envoy's address",
                    "ip rule del pref 0; ip rule add pref 1 to 127.0.0.1 blackhole; ip rule add pref 2 lookup local",
                    "ip rule add pref 0 lookup local; ip rule del pref 1; ip rule del pref 2",
                    PROBE,
                    "WRONG: is lost"),
            of(
                    "a captured destination in a blackhole",
                    "ip route add blackhole 192.0.2.0/24",
                    "ip route del blackhole 192.0.2.0/24",
                    PROBE,
                    ORDERS_V4 + "the kernel refuses it"),
            of(
                    "a captured network that is forbidden",
                    "ip route add prohibit 10.0.0.0/8",
                    "ip route del prohibit 10.0.0.0/8",
                    PROBE,
                    "ledger +captured +tcp 10\\.0\\.0\\.1:80 .*WRONG: the kernel refuses it"),
            of(
                    "Envoy's address taken from loopback",
                    "ip addr del 127.0.0.1/8 dev lo",
                    "ip addr add 127.0.0.1/8 dev lo",
                    PROBE,
                    "WRONG"),
            of(
                    "IPv6 switched off for loopback",
                    "echo 1 > /proc/sys/net/ipv6/conf/lo/disable_ipv6",
                    "echo 0 > /proc/sys/net/ipv6/conf/lo/disable_ipv6",
                    DOCTOR,
                    "addresses.no-ipv6-loopback"),
            of(
                    "a firewall that drops what it does not know",
                    "iptables-nft -P OUTPUT DROP",
                    "iptables-nft -P OUTPUT ACCEPT",
                    PROBE,
                    ORDERS_V4 + LOST_IN + "filter chain OUTPUT drops it"),
            of(
                    "a firewall of iptables-nft before Envoy",
                    "iptables-nft -A OUTPUT -p tcp --dport 15001 -j DROP",
                    "iptables-nft -F OUTPUT",
                    PROBE,
                    ORDERS_V4 + LOST_IN + "filter chain OUTPUT drops it"),
            of(
                    "a firewall of iptables-legacy on loopback",
                    "iptables-legacy -A INPUT -i lo -p tcp --dport 15002 -j DROP",
                    "iptables-legacy -F INPUT",
                    PROBE,
                    "ledger +captured +tcp 10\\.0\\.0\\.1:80 .*WRONG: is lost"),
            foreign(
                    "a firewall for IPv6 alone",
                    "ip6",
                    "filter hook input priority 0",
                    "iif lo drop",
                    PROBE,
                    ORDERS_V6 + LOST_IN + "t chain c drops it"),
            foreign(
                    "connections that nobody tracks",
                    "ip",
                    "filter hook output priority -300",
                    "tcp dport 80 notrack",
                    PROBE,
                    ORDERS_V4 + DIRECT),
            foreign(
                    "a nat chain that is asked first",
                    "ip",
                    NAT_FIRST,
                    "tcp dport 80 redirect to :9",
                    CHECK,
                    "in place but ineffective: table ip t chain c"),
            foreign(
                    "an accept in a nat chain that is asked first, IPv6",
                    "ip6",
                    NAT_FIRST,
                    "tcp dport 80 redirect to :9",
                    PROBE,
                    ORDERS_V6 + "is sent to \\[::1\\]:9" + BY_THEIRS),
            foreign(
                    "a destination that is written over before nat",
                    "ip",
                    "route hook output priority -250",
                    "ip daddr 192.0.2.1 tcp dport 80 tcp dport set 5432",
                    PROBE,
                    ORDERS_V4),
            foreign(
                    "an answer in the place of Envoy's",
                    "inet",
                    "filter hook output priority -50",
                    "tcp dport 15001 reject with tcp reset",
                    PROBE,
                    ORDERS_V4 + "is rejected" + BY_THEIRS),
            foreign(
                    "a listener that takes IPv4 alone",
                    "ip6",
                    "filter hook input priority 10",
                    "tcp dport 15002 reject with tcp reset",
                    PROBE,
                    "ledger +captured +tcp \\[fd99::1\\]:80 .*WRONG: is rejected" + BY_THEIRS),
            foreign(
                    "exceptions translated by somebody",
                    "ip",
                    NAT_FIRST,
                    "tcp dport 5432 dnat to 10.99.0.1:5433",
                    PROBE,
                    "orders +excepts :5432 .*WRONG: is sent to 10.99.0.1:5433" + BY_THEIRS),
            foreign(
                    "Envoy's own traffic sent back to it",
                    "ip",
                    NAT_FIRST,
                    "meta skuid 1337 tcp dport 80 redirect to :15001",
                    PROBE,
                    "Envoy's own +.*WRONG: is sent to 127.0.0.1:15001" + BY_THEIRS),
            of(
                    "Istio on top",
                    "iptables-nft -t nat -N ISTIO_OUTPUT",
                    "iptables-nft -t nat -X ISTIO_OUTPUT",
                    DOCTOR,
                    "rules.istio"),
            of(
                    "Linkerd on top in the other flavour",
                    "ip6tables-legacy -t nat -N PROXY_INIT_OUTPUT",
                    "ip6tables-legacy -t nat -X PROXY_INIT_OUTPUT",
                    DOCTOR,
                    "rules.linkerd"),
            foreign(
                    "a nat chain that is asked just before ours",
                    "inet",
                    "nat hook output priority -102",
                    "tcp dport 80 redirect to :9",
                    PROBE,
                    ORDERS_V4 + "is sent to 127.0.0.1:9" + BY_THEIRS),
            foreign(
                    "a firewall behind all translations",
                    "inet",
                    "filter hook postrouting priority 0",
                    "tcp dport 5432 drop",
                    PROBE,
                    "orders +excepts :5432 .*WRONG: " + LOST_IN + "t chain c drops it"),
            foreign(
                    "a firewall that is asked first of all",
                    "inet",
                    "filter hook output priority -400",
                    "meta skuid 1337 drop",
                    PROBE,
                    "Envoy's own +.*WRONG: " + LOST_IN + "t chain c drops it"),
            of(
                    "connections that nobody tracks, by iptables-nft",
                    "iptables-nft -t raw -A OUTPUT -p tcp --dport 80 -j CT --notrack",
                    "iptables-nft -t raw -F",
                    PROBE,
                    ORDERS_V4 + DIRECT),
            of(
                    "IPv6 connections that nobody tracks, by iptables-legacy",
                    "ip6tables-legacy -t raw -A OUTPUT -p tcp --dport 80 -j CT --notrack",
                    "ip6tables-legacy -t raw -F",
                    PROBE,
                    ORDERS_V6 + DIRECT),
            of(
                    "a full conntrack table",
                    "echo 262144 > /tmp/meshcapture-full; for f in count max; do"
                            + " mount --bind /tmp/meshcapture-full /proc/sys/net/netfilter/nf_conntrack_$f; done",
                    "umount /proc/sys/net/netfilter/nf_conntrack_count /proc/sys/net/netfilter/nf_conntrack_max;"
                            + " rm /tmp/meshcapture-full",
                    DOCTOR,
                    "conntrack.full"),
            of(
                    "Kuma on top, as a table of nftables",
                    "nft 'add table ip kuma; add chain ip kuma KUMA_MESH_OUTBOUND'",
                    "nft delete table ip kuma",
                    DOCTOR,
                    "rules.kuma"),
            of(
                    "Consul on top in the other flavour",
                    "iptables-legacy -t nat -N CONSUL_PROXY_OUTPUT",
                    "iptables-legacy -t nat -X CONSUL_PROXY_OUTPUT",
                    DOCTOR,
                    "rules.consul"),
            of(
                    "App Mesh on top, for IPv6",
                    "ip6tables-nft -t nat -N APPMESH_EGRESS",
                    "ip6tables-nft -t nat -X APPMESH_EGRESS",
                    DOCTOR,
                    "rules.app-mesh"),
            of(
                    "clients with other ports than at apply",
                    "echo 20000 30000 > /proc/sys/net/ipv4/ip_local_port_range",
                    "echo 32768 60999 > /proc/sys/net/ipv4/ip_local_port_range",
                    CHECK,
                    "20000"));

    static final List<Breakage> OF_NFTABLES = List.of(
            nft("a chain emptied", "flush chain inet meshcapture outbound", CHECK, "chain outbound rule 1"),
            nft("the table removed", "delete table inet meshcapture", PROBE, ORDERS_V4 + DIRECT),
            nft("the ruleset flushed", "flush ruleset", CHECK, "table inet meshcapture"),
            nft("the table dormant", "add table inet meshcapture { flags dormant; }", PROBE, ORDERS_V4 + DIRECT),
            nft("the IPv6 half gone", "flush map inet meshcapture user_2_ip6", PROBE, ORDERS_V6 + DIRECT),
            nft("Envoy unknown", "delete element inet meshcapture envoy_users { 1337 }", CHECK, "set envoy_users"),
            nft("a client as Envoy", "add element inet meshcapture envoy_users { 1001 }", PROBE, ORDERS_V4 + DIRECT),
            nft(
                    "a listener exchanged for another",
                    "flush chain inet meshcapture to_15001;"
                            + " add rule inet meshcapture to_15001 meta l4proto tcp redirect to :15002",
                    PROBE,
                    ORDERS_V4 + "is sent to 127.0.0.1:15002"),
            nft(
                    "the exceptions gone",
                    "flush map inet meshcapture user_1_ip",
                    PROBE,
                    "orders +excepts :5432 .*WRONG: "),
            of(
                    "rules in another order",
                    "nft -s list chain inet meshcapture outbound"
                            + " | awk '/multicast/ { held = held $0 \"\\n\"; next } /look-up 1/ && held"
                            + " { print; printf held; held = \"\"; next } { print }' > /tmp/meshcapture-order.nft;"
                            + " nft flush chain inet meshcapture outbound; nft -f /tmp/meshcapture-order.nft",
                    "rm /tmp/meshcapture-order.nft",
                    CHECK,
                    "chain outbound rule "),
            of(
                    "one rule deleted",
                    "nft delete rule inet meshcapture outbound handle $(nft -a list chain inet meshcapture outbound"
                            + " | sed -n '/Envoy.s own.*user/s/.*handle //p')",
                    "true",
                    CHECK,
                    "chain outbound rule 3\n  \\+ meta skuid @envoy_users accept"),
            nft(
                    "a captured network widened by hand",
                    "add element inet meshcapture user_2_ip { 1002 . 192.0.2.0/24 . 0-65535 : goto to_15002 }",
                    CHECK,
                    "map user_2_ip"),
            nft(
                    "one captured network taken out of the map",
                    "delete element inet meshcapture user_2_ip { 1002 . 10.0.0.0/8 . 0-65535 }",
                    PROBE,
                    "ledger +captured +tcp 10\\.0\\.0\\.1:80 .*WRONG: " + DIRECT),
            nft(
                    "a rule of somebody in a chain of ours",
                    "insert rule inet meshcapture outbound tcp dport 80 accept",
                    CHECK,
                    "chain outbound rule 1\n.*tcp dport 80 accept"),
            nft("a base chain emptied", "flush chain inet meshcapture output", CHECK, "chain output rule 1"));

    static Breakage nft(String name, String batch, String command, String said) {
        return of(name, "nft '" + batch + "'", "true", command, said);
    }

    static List<Breakage> ofIptables(String flavour) {
        String four = "iptables-" + flavour + " -t nat ";
        String six = "ip6tables-" + flavour + " -t nat ";
        String other = "iptables-" + (flavour.equals("nft") ? "legacy" : "nft") + " -t nat ";
        return List.of(
                of(
                        "everything flushed",
                        flavour.equals("nft")
                                ? "nft flush ruleset"
                                : "for i in iptables ip6tables; do $i-legacy -t nat -F; $i-legacy -t nat -X; done",
                        "true",
                        CHECK,
                        flavour.equals("nft")
                                ? "not captured: nothing of the plan stands here"
                                : "chain MESHCAPTURE_OUTPUT"),
                of(
                        "a rule of somebody in the other flavour",
                        other + "-A OUTPUT -p tcp --dport 80 -j REDIRECT --to-ports 9",
                        other + "-D OUTPUT -p tcp --dport 80 -j REDIRECT --to-ports 9",
                        CHECK,
                        "in place but ineffective: .*chain OUTPUT"),
                foreign(
                        "a nat chain of the same priority that was registered later",
                        "ip",
                        "nat hook output priority -100",
                        "tcp dport 80 redirect to :9",
                        CHECK,
                        "in place but ineffective: table ip t chain c \\(priority -100\\)"),
                of(
                        "a rule of somebody before a jump of IPv6",
                        six + "-I OUTPUT -p tcp --dport 80 -j ACCEPT",
                        six + "-D OUTPUT -p tcp --dport 80 -j ACCEPT",
                        CHECK,
                        "in place but ineffective: IPv6 table nat chain OUTPUT \\(iptables-" + flavour
                                + "\\) rule 1:[^$]*go before them with: meshcapture apply"),
                of(
                        "a nat chain of nftables that is asked first",
                        "nft 'add table ip t; add chain ip t c { type nat hook output priority -150; };"
                                + " add rule ip t c tcp dport 80 counter redirect to :9'",
                        "nft delete table ip t",
                        PROBE,
                        ORDERS_V4 + "is sent to 127.0.0.1:9" + BY_THEIRS),
                of("the jump removed", four + "-D OUTPUT 1", "true", CHECK, "IPv4 table nat chain OUTPUT"),
                of("the jump of IPv6 removed", six + "-F OUTPUT", "true", PROBE, ORDERS_V6 + DIRECT),
                of(
                        "a rule of somebody before the jump",
                        four + "-I OUTPUT -p tcp --dport 80 -j ACCEPT",
                        four + "-D OUTPUT -p tcp --dport 80 -j ACCEPT",
                        PROBE,
                        ORDERS_V4
                                + DIRECT
                                + (flavour.equals("nft") ? ", since table nat chain OUTPUT decides before" : "")),
                of("a chain emptied", four + "-F MESHCAPTURE_OUTPUT", "true", CHECK, "chain MESHCAPTURE_OUTPUT"),
                of("IPv6's chain emptied", six + "-F MESHCAPTURE_OUTPUT", "true", PROBE, ORDERS_V6 + DIRECT),
                of(
                        "a rule of somebody in our chain",
                        four + "-I MESHCAPTURE_OUTPUT -p tcp --dport 80 -j ACCEPT",
                        "true",
                        CHECK,
                        "dport 80 -j ACCEPT"),
                of(
                        "rules in another order",
                        "R=$(" + four + "-S MESHCAPTURE_OUTPUT | grep multicast); eval \"" + four
                                + "-D ${R#-A }\"; eval \"" + four + "-I ${R#-A }\"",
                        "true",
                        CHECK,
                        "chain MESHCAPTURE_OUTPUT"),
                of("a rule deleted", four + "-D MESHCAPTURE_OUTPUT 3", "true", CHECK, "chain MESHCAPTURE_OUTPUT"),
                of(
                        "a listener exchanged for another",
                        four + "-I MESHCAPTURE_TO_15001 -p tcp -j REDIRECT --to-ports 15002",
                        "true",
                        PROBE,
                        ORDERS_V4 + "is sent to 127.0.0.1:15002"));
    }

    /** Services by name: who else writes the hosts file, and who reads it. */
    static final List<Breakage> OF_NAMES = List.of(
            of("a line shadowed by one above", edited("1i 192.0.2.7 shop.internal"), "", PROBE, "shop.internal"),
            of("a line taken out", edited("/^127.*svc=shop/d"), "", CHECK, "shop"),
            of("a line commented out", edited("s/^127.66/#127.66/"), "", CHECK, "shop.internal"),
            of("an address edited", edited("s/^127.66.[0-9.]*/127.66.9.9/"), "", CHECK, "shop.internal"),
            of(
                    "nsswitch without files",
                    "echo 'hosts: dns' > /etc/nsswitch.conf",
                    "echo 'hosts: files' > /etc/nsswitch.conf",
                    DOCTOR,
                    "names.nsswitch-without-files"),
            of("localhost elsewhere", edited("1i 10.9.9.9 localhost"), "", DOCTOR, "names.localhost-elsewhere"));

    /** In place, since it is a mount. */
    static String edited(String script) {
        return "sed '" + script + "' HOSTS > HOSTS.new; cat HOSTS.new > HOSTS; rm HOSTS.new";
    }
}
