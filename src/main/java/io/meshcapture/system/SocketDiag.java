package io.meshcapture.system;

import io.meshcapture.ffi.Errno;
import io.meshcapture.plan.Family;
import io.meshcapture.system.SocketTable.Open;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * TCP and UDP sockets as the kernel tells them over netlink (sock_diag(7), linux/inet_diag.h). A hundred times cheaper
 * than /proc/net/tcp, for which the kernel walks its whole hash table, 5 to 13 ms a time.
 */
final class SocketDiag {

    static final byte IPPROTO_TCP = 6;
    static final byte IPPROTO_UDP = 17;

    private static final int NETLINK_SOCK_DIAG = 4;

    /** Types of messages (linux/sock_diag.h). */
    private static final short SOCK_DIAG_BY_FAMILY = 20;

    private static final short SOCK_DESTROY = 21;

    /** With struct inet_diag_req_v2. */
    private static final int REQUEST = Netlink.HEADER + 56;

    /** Offsets in struct inet_diag_msg. */
    private static final int SOURCE_PORT = 4;

    private static final int DESTINATION_PORT = 6;
    private static final int SOURCE = 8;
    private static final int DESTINATION = 24;
    private static final int DEVICE = 40;
    private static final int COOKIE = 44;
    private static final int UID = 64;
    private static final int INODE = 68;
    private static final int MESSAGE = 72;

    /** Attribute with struct tcp_info (linux/tcp.h), which has to be asked for, and offsets in it. */
    private static final int INET_DIAG_INFO = 2;

    private static final int SEGMENTS_OUT = 136;
    private static final int SEGMENTS_IN = 140;

    /** Attribute that says whether an IPv6 socket leaves IPv4 alone. */
    private static final int INET_DIAG_SKV6ONLY = 11;

    /** Attribute with the id of its control group, since Linux 5.8. */
    private static final int INET_DIAG_CGROUP_ID = 21;

    /** Attribute with struct inet_diag_sockopt, since Linux 5.10; its first byte is eight flags, in the processor's bit order. */
    private static final int INET_DIAG_SOCKOPT = 22;

    private static final int TRANSPARENT = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN ? 1 << 5 : 1 << 2;

    private SocketDiag() {}

    /** Takes whether a listening socket has IP_TRANSPARENT. */
    interface TransparencyTaker {
        void take(int port, boolean transparent);
    }

    /** Hands over the listening TCP sockets of which the kernel tells it. */
    static void dumpTransparency(int states, TransparencyTaker taker) {
        try (Netlink netlink = Netlink.open(NETLINK_SOCK_DIAG)) {
            if (netlink == null) {
                return;
            }
            for (byte family : new byte[] {Netlink.AF_INET, Netlink.AF_INET6}) {
                netlink.ask(dumpRequest(family, IPPROTO_TCP, states), (answer, message, end) -> {
                    int options = Netlink.attribute(answer, message + MESSAGE, end, INET_DIAG_SOCKOPT);
                    if (options >= 0) {
                        taker.take(
                                (int) Netlink.bigEndian(answer, message + SOURCE_PORT, 2),
                                (answer.get(options + Netlink.ATTRIBUTE) & TRANSPARENT) != 0);
                    }
                });
            }
        }
    }

    /** Takes how many packets a connection has sent and had. */
    interface PacketsTaker {
        void take(long cookie, long packets);
    }

    /** Hands over TCP connections of which the kernel tells it. */
    static void dumpPackets(int states, PacketsTaker taker) {
        try (Netlink netlink = Netlink.open(NETLINK_SOCK_DIAG)) {
            if (netlink == null) {
                return;
            }
            for (byte family : new byte[] {Netlink.AF_INET, Netlink.AF_INET6}) {
                ByteBuffer request = dumpRequest(family, IPPROTO_TCP, states)
                        .put(Netlink.HEADER + 2, (byte) (1 << (INET_DIAG_INFO - 1))); // idiag_ext
                netlink.ask(request, (answer, message, end) -> {
                    int info = Netlink.attribute(answer, message + MESSAGE, end, INET_DIAG_INFO);
                    if (info >= 0 && Netlink.endOf(answer, info) >= info + Netlink.ATTRIBUTE + SEGMENTS_IN + 4) {
                        int at = info + Netlink.ATTRIBUTE;
                        taker.take(
                                answer.getLong(message + COOKIE),
                                Integer.toUnsignedLong(answer.getInt(at + SEGMENTS_OUT))
                                        + Integer.toUnsignedLong(answer.getInt(at + SEGMENTS_IN)));
                    }
                });
            }
        }
    }

    /** Takes one socket. */
    interface Taker {
        void take(Open socket);
    }

    /**
     * Hands over the sockets of both families.
     *
     * @param states bits of TCP states (net/tcp_states.h), such as 1 shifted by 10 for LISTEN
     * @return false where this kernel does not answer, and nothing or only a part was handed over
     */
    static boolean dump(byte protocol, int states, Taker taker) {
        try (Netlink netlink = Netlink.open(NETLINK_SOCK_DIAG)) {
            return netlink != null
                    && dump(netlink, Netlink.AF_INET, protocol, states, taker)
                    && dump(netlink, Netlink.AF_INET6, protocol, states, taker);
        }
    }

    private static boolean dump(Netlink netlink, byte family, byte protocol, int states, Taker taker) {
        return netlink.ask(
                        dumpRequest(family, protocol, states),
                        (answer, start, end) -> taker.take(socket(answer, start, end)))
                == 0;
    }

    private static ByteBuffer dumpRequest(byte family, byte protocol, int states) {
        ByteBuffer request = Netlink.request(REQUEST, SOCK_DIAG_BY_FAMILY, Netlink.DUMP)
                .put(family)
                .put(protocol)
                .putShort((short) 0)
                .putInt(states);
        request.position(REQUEST);
        return request;
    }

    private static Open socket(ByteBuffer answer, int message, int end) {
        boolean four = answer.get(message) == Netlink.AF_INET;
        int attributes = message + MESSAGE;
        int only = Netlink.attribute(answer, attributes, end, INET_DIAG_SKV6ONLY);
        int cgroup = Netlink.attribute(answer, attributes, end, INET_DIAG_CGROUP_ID);
        return new Open(
                Netlink.address(answer, message + SOURCE, four),
                (int) Netlink.bigEndian(answer, message + SOURCE_PORT, 2),
                Netlink.address(answer, message + DESTINATION, four),
                (int) Netlink.bigEndian(answer, message + DESTINATION_PORT, 2),
                only >= 0 && answer.get(only + Netlink.ATTRIBUTE) != 0,
                Integer.toUnsignedLong(answer.getInt(message + UID)),
                Integer.toUnsignedLong(answer.getInt(message + INODE)),
                answer.getLong(message + COOKIE),
                cgroup < 0 ? 0 : answer.getLong(cgroup + Netlink.ATTRIBUTE),
                answer.getInt(message + DEVICE));
    }

    /**
     * Ends one TCP socket, which is found by its addresses and must have its cookie. An IPv4 connection of an IPv6 socket is
     * asked for as IPv4: inet_diag_find_one_icsk() takes both spellings to the same look-up (net/ipv4/inet_diag.c).
     *
     * @return 0, or the negated errno
     */
    static int destroy(Open socket) {
        try (Netlink netlink = Netlink.open(NETLINK_SOCK_DIAG)) {
            if (netlink == null) {
                return -Errno.EOPNOTSUPP;
            }
            boolean four = socket.local().family() == Family.IPV4;
            ByteBuffer request = Netlink.request(REQUEST, SOCK_DESTROY, Netlink.ACKNOWLEDGED)
                    .put(four ? Netlink.AF_INET : Netlink.AF_INET6)
                    .put(IPPROTO_TCP)
                    .putShort((short) 0)
                    .putInt(-1)
                    .put(Netlink.bytes(socket.localPort()))
                    .put(Netlink.bytes(socket.remotePort()));
            int addresses = request.position();
            request.put(Netlink.bytes(socket.local()))
                    .position(addresses + 16)
                    .put(Netlink.bytes(socket.remote()))
                    .position(addresses + 32)
                    .putInt(socket.device())
                    .putLong(socket.cookie());
            return netlink.ask(request, (_, _, _) -> {});
        }
    }
}
