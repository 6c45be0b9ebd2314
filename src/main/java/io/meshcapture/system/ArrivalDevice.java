package io.meshcapture.system;

import io.meshcapture.ffi.Errno;
import io.meshcapture.ffi.TunDevice;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.HashSet;
import java.util.Set;

/**
 * An interface of our own, on which connections arrive from somebody who is not there: no other machine hears of them, and no
 * interface of this one is touched. It goes with the process. It and whoever is behind it have addresses for documentation
 * (RFC 5737, RFC 3849), so that a host that asks for the way back to a sender (rp_filter) finds it here.
 */
public final class ArrivalDevice implements AutoCloseable {

    /** What the name of one begins with that nobody's plan names; a number follows. */
    public static final String NAME = "meshin";

    /**
     * Each has two addresses, told by its number as an interface, which the kernel gives out in turn: those of commands that run
     * at the same time differ, or one would hear the answers to the other.
     */
    private static final int PAIRS = 64;

    private static final int NETLINK_ROUTE = 0;
    private static final short RTM_NEWLINK = 16;
    private static final short RTM_NEWADDR = 20;
    private static final int IFA_ADDRESS = 1;
    private static final int IFA_LOCAL = 2;
    private static final byte IFA_F_NODAD = 2;
    private static final int IFF_UP = 1;

    /** The last two of 192.0.2.0/24 and of 2001:db8::/32, of which the first is this host's. */
    private static final Address LAST4 = Address.ipv4(0xc00002fe);

    private static final Address LAST6 = new Address(Family.IPV6, 0x20010db8ffffffffL, 0xfffffffffffffffeL);

    private static final byte TCP = 6;
    private static final byte ICMP = 1;
    private static final byte ICMPV6 = 58;
    private static final int RST = 4;

    private final TunDevice device;
    private final boolean hasIpv6;
    private final byte[] buffer = new byte[2048];
    private final Set<Integer> refused = new HashSet<>();

    private ArrivalDevice(TunDevice device, boolean hasIpv6) {
        this.device = device;
        this.hasIpv6 = hasIpv6;
    }

    /**
     * Makes one and switches it on.
     *
     * @param stem what its name begins with; the first number that is free follows
     * @throws IOException that says why, where the kernel or its rights do not allow it
     */
    public static ArrivalDevice open(String stem) throws IOException {
        TunDevice device = new TunDevice(stem + "%d");
        try (Netlink netlink = Netlink.open(NETLINK_ROUTE)) {
            if (netlink == null) {
                throw new IOException("rtnetlink cannot be had");
            }
            ByteBuffer up = Netlink.request(64, RTM_NEWLINK, Netlink.ACKNOWLEDGED)
                    .putInt(0)
                    .putInt(device.index())
                    .putInt(IFF_UP)
                    .putInt(IFF_UP);
            int done = netlink.ask(up, (_, _, _) -> {});
            if (done == 0) {
                done = netlink.ask(address(own(Family.IPV4, device), device.index()), (_, _, _) -> {});
            }
            if (done != 0) {
                throw new IOException("an interface of our own cannot be set up: " + Errno.words(-done));
            }
            // refused where there is no IPv6, or none on new interfaces (net.ipv6.conf.default.disable_ipv6)
            int six = netlink.ask(address(own(Family.IPV6, device), device.index()), (_, _, _) -> {});
            return new ArrivalDevice(device, six == 0);
        } catch (IOException e) {
            device.close();
            throw e;
        }
    }

    private static ByteBuffer address(Address own, int index) {
        boolean four = own.family() == Family.IPV4;
        ByteBuffer request = Netlink.request(96, RTM_NEWADDR, Netlink.ACKNOWLEDGED)
                .put(four ? Netlink.AF_INET : Netlink.AF_INET6)
                .put((byte) (own.family().bits() - 1)) // the two of them
                .put(IFA_F_NODAD)
                .put((byte) 0)
                .putInt(index);
        Netlink.put(request, IFA_LOCAL, Netlink.bytes(own));
        Netlink.put(request, IFA_ADDRESS, Netlink.bytes(own));
        return request;
    }

    private static Address own(Family family, TunDevice device) {
        Address last = family == Family.IPV4 ? LAST4 : LAST6;
        return new Address(family, last.high(), last.low() - 2L * (device.index() % PAIRS));
    }

    /** Whether an address can be that of one, of whatever process: it goes at any moment. */
    public static boolean isOfOne(Address address) {
        Address last = address.family() == Family.IPV4 ? LAST4 : LAST6;
        long behind = last.low() - address.low();
        return address.high() == last.high() && behind >= 0 && behind < 2L * PAIRS;
    }

    /** Whether connections of a family can arrive. */
    public boolean takes(Family family) {
        return family == Family.IPV4 || hasIpv6;
    }

    /** Whose connections arrive. */
    public Address sender(Family family) {
        Address own = own(family, device);
        return new Address(family, own.high(), own.low() + 1);
    }

    /**
     * A TCP connection that arrives. Its port is kept from everybody here meanwhile.
     *
     * @throws IOException where no port is to be had
     */
    public FirstPacket tcp(Family family) throws IOException {
        Socket keeper = new Socket();
        try {
            keeper.bind(new InetSocketAddress(0));
            return new Arriving(family, keeper);
        } catch (IOException e) {
            keeper.close();
            throw e;
        }
    }

    private final class Arriving implements FirstPacket {
        private final Family family;
        private final Socket keeper;
        private int errno;
        private byte[] packet = new byte[0];

        Arriving(Family family, Socket keeper) {
            this.family = family;
            this.keeper = keeper;
        }

        @Override
        public int port() {
            return keeper.getLocalPort();
        }

        @Override
        public void send(Address destination, int destinationPort) {
            packet = syn(sender(family), port(), destination, destinationPort);
            repeat();
        }

        @Override
        public void repeat() {
            errno = Math.max(0, -device.write(packet));
        }

        @Override
        public boolean isOver() {
            return errno != 0 || isRefused();
        }

        @Override
        public boolean isRefused() {
            hear();
            return refused.contains(port());
        }

        @Override
        public boolean isWithoutRoute() {
            return false;
        }

        @Override
        public String words() {
            return Errno.words(errno);
        }

        @Override
        public void close() {
            try {
                keeper.close();
            } catch (IOException ignored) { // it was never connected
            }
        }
    }

    private void hear() {
        for (int length = device.read(buffer); length > 0; length = device.read(buffer)) {
            int port = refusedPort(ByteBuffer.wrap(buffer, 0, length), length);
            if (port > 0) {
                refused.add(port);
            }
        }
    }

    /** The port that a packet refuses a connection from; 0 where it says something else. */
    private static int refusedPort(ByteBuffer packet, int length) {
        boolean four = length > 0 && (packet.get(0) & 0xf0) == 0x40;
        int header = four ? (packet.get(0) & 15) * 4 : 40;
        if (length < header + 20) {
            return 0;
        }
        byte protocol = packet.get(four ? 9 : 6);
        if (protocol == TCP && (packet.get(header + 13) & RST) != 0) {
            return packet.getShort(header + 2) & 0xffff;
        }
        int within = header + 8 + header; // an ICMP error quotes the packet, whose header is as long
        boolean unreachable =
                protocol == ICMP ? packet.get(header) == 3 : protocol == ICMPV6 && packet.get(header) == 1;
        return unreachable && length >= within + 2 ? packet.getShort(within) & 0xffff : 0;
    }

    /** A SYN with its IP header (RFC 9293, RFC 791, RFC 8200). */
    private static byte[] syn(Address from, int fromPort, Address to, int toPort) {
        boolean four = from.family() == Family.IPV4;
        int header = four ? 20 : 40;
        int segment = 24;
        ByteBuffer packet = ByteBuffer.allocate(header + segment);
        byte[] source = Netlink.bytes(from);
        byte[] destination = Netlink.bytes(to);
        if (four) {
            packet.putShort((short) 0x4500).putShort((short) packet.capacity());
            packet.putShort((short) 0).putShort((short) 0x4000); // not to be fragmented
            packet.put((byte) 64).put(TCP).putShort((short) 0).put(source).put(destination);
            packet.putShort(10, checksum(packet, 0, header, 0));
        } else {
            packet.putInt(0x60000000).putShort((short) segment).put(TCP).put((byte) 64);
            packet.put(source).put(destination);
        }
        packet.putShort((short) fromPort).putShort((short) toPort);
        packet.putInt(new SecureRandom().nextInt()).putInt(0);
        packet.putShort((short) 0x6002).putShort((short) 64240).putInt(0); // six words long, SYN
        packet.putInt(0x020405b4); // the largest segment: 1460 bytes
        int pseudo = sum(ByteBuffer.wrap(source), 0, source.length)
                + sum(ByteBuffer.wrap(destination), 0, destination.length)
                + TCP
                + segment;
        packet.putShort(header + 16, checksum(packet, header, segment, pseudo));
        return packet.array();
    }

    private static int sum(ByteBuffer bytes, int from, int length) {
        int sum = 0;
        for (int at = from; at < from + length; at += 2) {
            sum += bytes.getShort(at) & 0xffff;
        }
        return sum;
    }

    /** RFC 1071. */
    private static short checksum(ByteBuffer bytes, int from, int length, int before) {
        int sum = before + sum(bytes, from, length);
        while (sum >>> 16 != 0) {
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return (short) ~sum;
    }

    @Override
    public void close() {
        device.close();
    }
}
