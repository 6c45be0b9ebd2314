package io.meshcapture.rules;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Network;
import java.util.List;
import java.util.stream.Stream;

/** Networks that stay direct whatever the plan says. */
public final class AlwaysDirect {

    /** 127.0.0.0/8 (RFC 1122 section 3.2.1.3) and ::1. */
    public static final List<Network> LOOPBACK =
            List.of(ipv4(127, 0, 8), new Network(new Address(Family.IPV6, 0, 1), 128));

    /** RFC 4291 section 2.5.6. */
    public static final Network IPV6_LINK_LOCAL = ipv6(0xfe80, 10);

    /** 169.254.0.0/16 (RFC 3927), cloud metadata services included, and fe80::/10 (RFC 4291 section 2.5.6). */
    public static final List<Network> LINK_LOCAL = List.of(ipv4(169, 254, 16), IPV6_LINK_LOCAL);

    /** 224.0.0.0/4 (RFC 5771) and ff00::/8 (RFC 4291 section 2.7). */
    public static final List<Network> MULTICAST = List.of(ipv4(224, 0, 4), ipv6(0xff00, 8));

    /** 255.255.255.255 (RFC 919); the broadcast addresses of attached networks are known to the kernel only. */
    static final List<Network> BROADCAST = List.of(new Network(Address.ipv4(-1), 32));

    /** All of them. */
    static final List<Network> NETWORKS = Stream.of(LOOPBACK, LINK_LOCAL, MULTICAST, BROADCAST)
            .flatMap(List::stream)
            .toList();

    private AlwaysDirect() {}

    /** Whether an address is one of fe80::/10, which means nothing without its interface. */
    public static boolean isIpv6LinkLocal(Address address) {
        return IPV6_LINK_LOCAL.contains(address);
    }

    private static Network ipv4(int first, int second, int prefix) {
        return new Network(Address.ipv4(first << 24 | second << 16), prefix);
    }

    private static Network ipv6(int first, int prefix) {
        return new Network(new Address(Family.IPV6, (long) first << 48, 0), prefix);
    }
}
