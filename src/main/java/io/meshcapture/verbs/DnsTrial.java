package io.meshcapture.verbs;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Port;
import io.meshcapture.rules.AlwaysDirect;
import io.meshcapture.system.DnsQuestion;
import io.meshcapture.system.HostFacts;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.time.Duration;

/**
 * A query to Envoy's DNS listener as a redirect delivers it: from one of this host's own addresses to loopback, out of a
 * connected socket, which the kernel gives answers from that very address alone.
 */
final class DnsTrial {
    private static final int ATTEMPTS = 2;
    private static final Duration PATIENCE = Duration.ofMillis(500);

    private DnsTrial() {}

    /**
     * Whether the answer comes from where it was asked for. True, too, where this cannot be tried: on a host that has no
     * address but loopback nobody asks from another one.
     *
     * @param loopback the address of loopback that the listener has
     */
    static boolean answers(Address loopback, Port port) {
        for (Address own : HostFacts.ownAddresses()) {
            boolean isAnother = !own.isLoopback() && !isUnspecified(own) && !isLinkLocal(own);
            if (own.family() == loopback.family() && isAnother) {
                return answers(own, loopback, port);
            }
        }
        return true;
    }

    private static boolean isUnspecified(Address own) {
        return own.equals(Address.ipv4(0)) || own.equals(new Address(Family.IPV6, 0, 0));
    }

    private static boolean isLinkLocal(Address own) {
        return AlwaysDirect.LINK_LOCAL.stream().anyMatch(network -> network.contains(own));
    }

    private static boolean answers(Address from, Address loopback, Port port) {
        byte[] query = DnsQuestion.ofVersion().bytes();
        for (int i = 0; i < ATTEMPTS; i++) {
            try (DatagramSocket socket = new DatagramSocket(new InetSocketAddress(address(from), 0))) {
                socket.setSoTimeout((int) PATIENCE.toMillis());
                socket.connect(address(loopback), port.number());
                socket.send(new DatagramPacket(query, query.length));
                socket.receive(new DatagramPacket(new byte[512], 512));
                return true;
            } catch (SocketTimeoutException unanswered) {
                // once more: a datagram may be lost
            } catch (IOException goneMeanwhile) {
                return true; // nobody listens there any more, which is told otherwise
            }
        }
        return false;
    }

    private static InetAddress address(Address address) throws IOException {
        return InetAddress.getByName(address.toString()); // a number, so that nobody is asked
    }
}
