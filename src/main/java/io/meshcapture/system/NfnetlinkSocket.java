package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.Errno;
import io.meshcapture.ffi.LibC;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** A socket on which netfilter tells of packets (linux/netfilter/nfnetlink.h), in the network namespace of the calling thread. */
final class NfnetlinkSocket implements AutoCloseable {
    private static final int NETLINK_NETFILTER = 12;
    private static final int SOL_NETLINK = 270;
    private static final int NETLINK_ADD_MEMBERSHIP = 1;
    private static final int SOL_SOCKET = 1;
    private static final int SO_RCVTIMEO = 20;

    /** Bytes of struct nfgenmsg, which every message begins with. */
    static final int NFGENMSG = 4;

    private static final short NLMSG_ERROR = 2;

    private static final int TCP = 6;

    /** Where they stand in struct tcphdr. */
    private static final int TCP_FLAGS = 13;

    private static final int FIN_SYN_RST_ACK = 0x17;
    private static final int SYN = 2;

    private final LibC libc = LibC.load();
    private final int socket;
    private final byte[] buffer = new byte[1 << 16];

    private NfnetlinkSocket(int socket) {
        this.socket = socket;
    }

    /**
     * Opens one.
     *
     * @throws Failure.Unavailable where this process may not
     */
    static NfnetlinkSocket open() {
        LibC libc = LibC.load();
        int socket = libc.netlinkSocket(NETLINK_NETFILTER);
        int bound = socket < 0 ? socket : libc.bindNetlink(socket);
        if (bound < 0) {
            if (socket >= 0) {
                libc.close(socket);
            }
            throw new Failure.Unavailable(
                    "netfilter's netlink socket cannot be opened",
                    Errno.words(-bound),
                    "run it as root, with the capability NET_ADMIN");
        }
        return new NfnetlinkSocket(socket);
    }

    /** Hears what a group is told from then on: 0, or the negated errno. */
    int join(int group) {
        return libc.setOption(
                socket,
                SOL_NETLINK,
                NETLINK_ADD_MEMBERSHIP,
                ByteBuffer.allocate(4)
                        .order(ByteOrder.nativeOrder())
                        .putInt(group)
                        .array());
    }

    /** Sends a request that is acknowledged before anything else is told: 0, or the negated errno. */
    int ask(ByteBuffer request) {
        byte[] bytes = new byte[request.position()];
        request.putInt(0, bytes.length).get(0, bytes);
        int sent = libc.send(socket, bytes);
        int length = sent < 0 ? sent : libc.receive(socket, buffer);
        ByteBuffer answer = ByteBuffer.wrap(buffer).order(ByteOrder.nativeOrder());
        return length < 0 ? length : answer.getShort(4) == NLMSG_ERROR ? answer.getInt(Netlink.HEADER) : -Errno.EINVAL;
    }

    /** Hands over the messages of a type that come next; none where there was none in that time. */
    void next(Duration patience, short type, Netlink.Taker taker) {
        long micros = Math.max(1000, patience.toNanos() / 1000);
        libc.setOption(
                socket,
                SOL_SOCKET,
                SO_RCVTIMEO,
                ByteBuffer.allocate(16)
                        .order(ByteOrder.nativeOrder())
                        .putLong(micros / 1_000_000)
                        .putLong(micros % 1_000_000)
                        .array());
        int length = libc.receive(socket, buffer);
        ByteBuffer message = ByteBuffer.wrap(buffer).order(ByteOrder.nativeOrder());
        for (int at = 0; at + Netlink.HEADER <= length; at += Math.max(Netlink.HEADER, (message.getInt(at) + 3) & ~3)) {
            if (message.getShort(at + 4) == type) {
                taker.take(message, at + Netlink.HEADER + NFGENMSG, Math.min(length, at + message.getInt(at)));
            }
        }
    }

    static long number(ByteBuffer message, int start, int end, int type, int bytes) {
        int at = Netlink.attribute(message, start, end, type);
        return at < 0 ? 0 : Netlink.bigEndian(message, at + Netlink.ATTRIBUTE, bytes);
    }

    static String text(ByteBuffer message, int start, int end, int type) {
        int at = Netlink.attribute(message, start, end, type);
        if (at < 0) {
            return "";
        }
        byte[] bytes = new byte[Netlink.endOf(message, at) - at - Netlink.ATTRIBUTE];
        message.get(at + Netlink.ATTRIBUTE, bytes);
        String text = new String(bytes, StandardCharsets.UTF_8);
        int end0 = text.indexOf('\0');
        return end0 < 0 ? text : text.substring(0, end0);
    }

    /**
     * The addresses of struct iphdr or ipv6hdr, and the ports that TCP and UDP begin with.
     *
     * @param header where the IP header stands
     * @param ports where that of the transport stands
     */
    static PacketTrace.Ends ends(ByteBuffer message, int header, int ports) {
        boolean four = (message.get(header) & 0xf0) == 0x40;
        int protocol = message.get(header + (four ? 9 : 6)) & 0xff;
        boolean opens = protocol != TCP || (message.get(ports + TCP_FLAGS) & FIN_SYN_RST_ACK) == SYN;
        return new PacketTrace.Ends(
                Netlink.address(message, header + (four ? 12 : 8), four),
                (int) Netlink.bigEndian(message, ports, 2),
                Netlink.address(message, header + (four ? 16 : 24), four),
                (int) Netlink.bigEndian(message, ports + 2, 2),
                protocol,
                opens);
    }

    @Override
    public void close() {
        libc.close(socket);
    }
}
