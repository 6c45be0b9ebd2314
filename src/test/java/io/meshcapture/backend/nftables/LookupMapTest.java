package io.meshcapture.backend.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.PortRange;
import io.meshcapture.rules.CallerKey;
import io.meshcapture.rules.Entry;
import org.junit.jupiter.api.Test;

/** Which field comes first decides what a look-up costs. */
class LookupMapTest {

    private static final CallerKey ALL_KINDS = new CallerKey("a/b", 1001L, 2001L);
    private static final CallerKey USER = new CallerKey(null, 1001L, null);

    private static void assertMap(
            String name, String type, String expression, String key, boolean many, CallerKey caller, String network)
            throws BadValue {
        Entry entry = new Entry(null, caller, Network.parse(network), new PortRange(80, 90), null, "");
        LookupMap map = LookupMap.of(entry, many);
        assertEquals(name, map.name(map.who() + "_1"));
        assertEquals(type, map.type());
        assertEquals(expression, map.expression());
        assertEquals(key, map.key(entry));
    }

    @Test
    void the_caller_comes_first_narrowest_kind_ahead() throws BadValue {
        assertMap(
                "cgroup2_user_group_1_ip",
                "cgroupsv2 . uid . gid . ipv4_addr . inet_service",
                "socket cgroupv2 level 2 . meta skuid . meta skgid . ip daddr . th dport",
                "\"a/b\" . 1001 . 2001 . 10.0.0.0/8 . 80-90",
                false,
                ALL_KINDS,
                "10.0.0.0/8");
        assertMap(
                "user_1_ip6",
                "uid . ipv6_addr . inet_service",
                "meta skuid . ip6 daddr . th dport",
                "1001 . fd00::1 . 80-90",
                false,
                USER,
                "fd00::1");
    }

    @Test
    void the_address_comes_first_where_one_caller_names_many() throws BadValue {
        assertMap(
                "user_1_ip_address",
                "ipv4_addr . uid . inet_service",
                "ip daddr . meta skuid . th dport",
                "10.0.0.0/8 . 1001 . 80-90",
                true,
                USER,
                "10.0.0.0/8");
    }

    @Test
    void an_entry_for_any_address_stays_by_caller_even_among_many() throws BadValue {
        assertMap(
                "user_1_ip",
                "uid . ipv4_addr . inet_service",
                "meta skuid . ip daddr . th dport",
                "1001 . 0.0.0.0/0 . 80-90",
                true,
                USER,
                "0.0.0.0/0");
    }

    @Test
    void for_any_caller_the_address_comes_first_and_the_port_where_the_address_is_any() throws BadValue {
        assertMap(
                "any_1_ip_address",
                "ipv4_addr . inet_service",
                "ip daddr . th dport",
                "10.0.0.0/8 . 80-90",
                false,
                CallerKey.ANYBODY,
                "10.0.0.0/8");
        assertMap(
                "any_1_ip6_port",
                "inet_service . ipv6_addr",
                "th dport . ip6 daddr",
                "80-90 . ::/0",
                false,
                CallerKey.ANYBODY,
                "::/0");
    }
}
