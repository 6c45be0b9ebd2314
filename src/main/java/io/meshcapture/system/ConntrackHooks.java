package io.meshcapture.system;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;

/**
 * Whether conntrack looks at the packets of the calling thread's network namespace. It does where some rule needs it
 * (nf_ct_netns_get() in net/netfilter/nf_conntrack_proto.c), each family for itself, and the kernel tells nobody whether
 * one does.
 */
public final class ConntrackHooks {

    /** Something; it goes from a socket of ours to itself, over the loopback interface. */
    private static final byte[] PACKET = {0};

    private ConntrackHooks() {}

    /** Sends a packet to itself and asks conntrack for it. Where that cannot be done, or rules drop or pass it over, false. */
    public static boolean areOn(Family family) {
        boolean four = family == Family.IPV4;
        try (DatagramChannel channel =
                DatagramChannel.open(four ? StandardProtocolFamily.INET : StandardProtocolFamily.INET6)) {
            byte[] loopback = new byte[four ? 4 : 16];
            loopback[0] = (byte) (four ? 127 : 0);
            loopback[loopback.length - 1] = 1;
            channel.bind(new InetSocketAddress(InetAddress.getByAddress(loopback), 0));
            InetSocketAddress here = (InetSocketAddress) channel.getLocalAddress();
            channel.send(ByteBuffer.wrap(PACKET), here);
            Address address = four ? Address.LOOPBACK_IPV4 : Address.LOOPBACK_IPV6;
            return ConntrackTable.udpWithOriginal(new ConntrackTable.Tuple(
                            /* source= */ address,
                            /* sourcePort= */ here.getPort(),
                            /* destination= */ address,
                            /* destinationPort= */ here.getPort()))
                    != null;
        } catch (IOException | UnsupportedOperationException e) {
            return false; // no such family here, or none that the JVM found when it began
        }
    }
}
