package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.Errno;
import io.meshcapture.ffi.LibC;
import io.meshcapture.plan.Address;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the kernel tells of packets that {@code meta nftrace set 1} has marked (linux/netfilter/nf_tables.h, enum
 * nft_trace_attributes), in the network namespace of the thread that opened it.
 */
public final class NftTrace implements AutoCloseable {
    private static final int NETLINK_NETFILTER = 12;
    private static final int SOL_NETLINK = 270;
    private static final int NETLINK_ADD_MEMBERSHIP = 1;
    private static final int NFNLGRP_NFTRACE = 9;

    /** NFNL_SUBSYS_NFTABLES in the upper byte, then NFT_MSG_TRACE. */
    private static final short NFT_MSG_TRACE = 0xa << 8 | 17;

    private static final int SOL_SOCKET = 1;
    private static final int SO_RCVTIMEO = 20;

    /** Bytes of struct nfgenmsg. */
    private static final int NFGENMSG = 4;

    private static final int TABLE = 1;
    private static final int CHAIN = 2;
    private static final int RULE_HANDLE = 3;
    private static final int TYPE = 4;
    private static final int VERDICT = 5;
    private static final int ID = 6;
    private static final int NETWORK_HEADER = 8;
    private static final int TRANSPORT_HEADER = 9;
    private static final int POLICY = 16;

    private static final int VERDICT_CODE = 1;

    private static final int TYPE_POLICY = 1;
    private static final int TYPE_RULE = 3;

    /** NF_DROP and NF_ACCEPT (linux/netfilter.h). */
    private static final int DROP = 0;

    private static final int ACCEPT = 1;

    private final LibC libc = LibC.load();
    private final int socket;
    private final byte[] buffer = new byte[1 << 16];

    private NftTrace(int socket) {
        this.socket = socket;
    }

    /** What a rule or a chain's policy did to a packet. */
    public enum Verdict {
        DROP,
        ACCEPT,
        OTHER
    }

    /**
     * One step of a packet.
     *
     * @param packet tells packets apart that are under way at the same time
     * @param table its name
     * @param chain its name
     * @param rule the handle of the rule, or 0 for the policy of the chain or its end
     * @param verdict what it did
     * @param ends the ends of the connection; null where the kernel has told them with an earlier step
     */
    public record Event(
            int packet,
            String table,
            String chain,
            long rule,
            Verdict verdict,
            @Nullable Ends ends) {}

    /** Both ends of a packet. */
    public record Ends(Address source, int sourcePort, Address destination, int destinationPort) {}

    /**
     * Begins to listen.
     *
     * @throws Failure.Unavailable where this process may not
     */
    public static NftTrace open() {
        LibC libc = LibC.load();
        int socket = libc.netlinkSocket(NETLINK_NETFILTER);
        int joined = socket < 0 ? socket : libc.bindNetlink(socket);
        if (joined >= 0) {
            joined = libc.setOption(socket, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, number(NFNLGRP_NFTRACE));
        }
        if (joined < 0) {
            if (socket >= 0) {
                libc.close(socket);
            }
            throw new Failure.Unavailable(
                    "the kernel's trace cannot be listened to",
                    Errno.words(-joined),
                    "run it as root, with the capability NET_ADMIN, on a kernel with nf_tables");
        }
        return new NftTrace(socket);
    }

    private static byte[] number(int value) {
        return ByteBuffer.allocate(4)
                .order(ByteOrder.nativeOrder())
                .putInt(value)
                .array();
    }

    /** The next steps; none where there was none in that time, at most a second or so. */
    public List<Event> next(Duration patience) {
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
        List<Event> events = new ArrayList<>();
        int length = libc.receive(socket, buffer);
        ByteBuffer message = ByteBuffer.wrap(buffer).order(ByteOrder.nativeOrder());
        for (int at = 0; at + Netlink.HEADER <= length; at += Math.max(Netlink.HEADER, (message.getInt(at) + 3) & ~3)) {
            if (message.getShort(at + 4) == NFT_MSG_TRACE) {
                int end = Math.min(length, at + message.getInt(at));
                events.add(event(message, at + Netlink.HEADER + NFGENMSG, end));
            }
        }
        return events;
    }

    private static Event event(ByteBuffer message, int start, int end) {
        long type = number(message, start, end, TYPE, 4);
        Verdict verdict = Verdict.OTHER;
        int nested = Netlink.attribute(message, start, end, VERDICT);
        if (type == TYPE_POLICY) {
            verdict = verdict((int) number(message, start, end, POLICY, 4));
        } else if (nested >= 0) {
            verdict = verdict(
                    (int) number(message, nested + Netlink.ATTRIBUTE, Netlink.endOf(message, nested), VERDICT_CODE, 4));
        }
        return new Event(
                (int) number(message, start, end, ID, 4),
                text(message, start, end, TABLE),
                text(message, start, end, CHAIN),
                type == TYPE_RULE ? number(message, start, end, RULE_HANDLE, 8) : 0,
                verdict,
                ends(message, start, end));
    }

    private static Verdict verdict(int code) {
        return code == DROP ? Verdict.DROP : code == ACCEPT ? Verdict.ACCEPT : Verdict.OTHER;
    }

    private static long number(ByteBuffer message, int start, int end, int type, int bytes) {
        int at = Netlink.attribute(message, start, end, type);
        return at < 0 ? 0 : Netlink.bigEndian(message, at + Netlink.ATTRIBUTE, bytes);
    }

    private static String text(ByteBuffer message, int start, int end, int type) {
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

    /** The addresses of struct iphdr or ipv6hdr, and the ports that TCP and UDP begin with. */
    private static @Nullable Ends ends(ByteBuffer message, int start, int end) {
        int network = Netlink.attribute(message, start, end, NETWORK_HEADER);
        int transport = Netlink.attribute(message, start, end, TRANSPORT_HEADER);
        if (network < 0 || transport < 0) {
            return null;
        }
        int header = network + Netlink.ATTRIBUTE;
        boolean four = (message.get(header) & 0xf0) == 0x40;
        int ports = transport + Netlink.ATTRIBUTE;
        return new Ends(
                Netlink.address(message, header + (four ? 12 : 8), four),
                (int) Netlink.bigEndian(message, ports, 2),
                Netlink.address(message, header + (four ? 16 : 24), four),
                (int) Netlink.bigEndian(message, ports + 2, 2));
    }

    @Override
    public void close() {
        libc.close(socket);
    }
}
