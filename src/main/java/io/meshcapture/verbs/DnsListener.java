package io.meshcapture.verbs;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Port;
import io.meshcapture.system.HostFacts;
import io.meshcapture.system.SocketTable;
import io.meshcapture.system.SocketTable.Listening;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * Envoy's listener for captured DNS, which takes UDP and TCP.
 *
 * @param port its port
 * @param udp UDP sockets that take datagrams there from anybody
 * @param tcp TCP sockets that listen there
 */
record DnsListener(Port port, List<Listening> udp, List<Listening> tcp) {

    private static final String UDP = "UDP";

    DnsListener {
        udp = List.copyOf(udp);
        tcp = List.copyOf(tcp);
    }

    /** Who listens in this namespace now. */
    static DnsListener of(Port port, List<Listening> listening) {
        List<Listening> udp = new ArrayList<>();
        for (SocketTable.Open socket : SocketTable.openUdp()) {
            if (socket.localPort() == port.number() && socket.remotePort() == 0) { // others are somebody's queries
                udp.add(Listening.of(socket));
            }
        }
        return new DnsListener(
                port,
                udp,
                listening.stream().filter(one -> one.port() == port.number()).toList());
    }

    private static boolean serves(List<Listening> sockets, Address loopback) {
        return sockets.stream().anyMatch(one -> one.serves(loopback));
    }

    boolean isThere() {
        return serves(udp, Address.LOOPBACK_IPV4) || serves(udp, Address.LOOPBACK_IPV6);
    }

    boolean isForIpv4Only() {
        return serves(udp, Address.LOOPBACK_IPV4) && !serves(udp, Address.LOOPBACK_IPV6);
    }

    /**
     * Where it has to be there.
     *
     * @param ipv6 whether for IPv6 too
     * @param arrives whether queries of others arrive
     */
    List<EnvoyListeners.Need> needed(boolean ipv6, boolean arrives) {
        List<EnvoyListeners.Need> needed = new ArrayList<>();
        for (Address loopback : loopbacks(ipv6)) {
            needed.add(need(loopback, UDP, udp, one -> one.serves(loopback)));
            needed.add(need(loopback, "TCP", tcp, one -> one.serves(loopback)));
        }
        if (arrives) {
            Address any = EnvoyListeners.ANY_IPV4;
            needed.add(need(any, UDP, udp, one -> one.takesArrivals(any)));
        }
        return needed;
    }

    private EnvoyListeners.Need need(
            Address address, String protocol, List<Listening> sockets, Predicate<Listening> serves) {
        return new EnvoyListeners.Need(
                new ListenerAddress(address, port, protocol),
                sockets.stream().filter(serves).toList());
    }

    private static List<Address> loopbacks(boolean ipv6) {
        return ipv6 ? List.of(Address.LOOPBACK_IPV4, Address.LOOPBACK_IPV6) : List.of(Address.LOOPBACK_IPV4);
    }

    /** Whether what arrives is taken: a redirect there leads to an address of the interface, never to loopback. */
    boolean takesArrivals(Address any) {
        return udp.stream().anyMatch(one -> one.takesArrivals(any));
    }

    /**
     * The reason why answers of a listener that is there would not be accepted, or the empty text. A socket for all addresses answers
     * from the one that its route prefers, and not from loopback, to which the query was redirected: conntrack does not know that
     * answer, and a connected client never sees it. Unless its owner looks to it (IP_PKTINFO), as Envoy does; nobody can see
     * that, so it is tried.
     */
    String unanswerable(Choices.Ipv6 ipv6) {
        for (Address loopback : loopbacks(ipv6 == Choices.Ipv6.CAPTURE && HostFacts.hasIpv6())) {
            boolean itself = udp.stream().anyMatch(one -> one.address().equals(loopback));
            if (!itself && serves(udp, loopback) && !DnsTrial.answers(loopback, port)) {
                return "its UDP socket is bound to all addresses and not to " + new ListenerAddress(loopback, port)
                        + ", and a query to there got no answer from there";
            }
        }
        return "";
    }

    /** @throws Failure.Conflict where its answers would not be accepted */
    void requireAnswerable(Choices.Ipv6 ipv6) {
        String reason = unanswerable(ipv6);
        if (!reason.isEmpty()) {
            throw new Failure.Conflict(
                    "answers of Envoy's DNS listener " + port + " would come from an address that nobody asked",
                    reason,
                    "have it listen on 127.0.0.1:" + port + " and [::1]:" + port);
        }
    }
}
