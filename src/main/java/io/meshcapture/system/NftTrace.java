package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.Errno;
import io.meshcapture.plan.Family;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the kernel tells of packets that {@code meta nftrace set 1} has marked (linux/netfilter/nf_tables.h, enum
 * nft_trace_attributes), in the network namespace of the thread that opened it.
 */
public final class NftTrace implements PacketTrace {
    private static final int NFNLGRP_NFTRACE = 9;

    /** NFNL_SUBSYS_NFTABLES in the upper byte, then NFT_MSG_TRACE. */
    private static final short NFT_MSG_TRACE = 0xa << 8 | 17;

    private static final int TABLE = 1;
    private static final int CHAIN = 2;
    private static final int RULE_HANDLE = 3;
    private static final int TYPE = 4;
    private static final int VERDICT = 5;
    private static final int ID = 6;
    private static final int NETWORK_HEADER = 8;
    private static final int TRANSPORT_HEADER = 9;
    private static final int NFPROTO = 15;
    private static final int POLICY = 16;

    private static final int VERDICT_CODE = 1;

    private static final int TYPE_POLICY = 1;
    private static final int TYPE_RULE = 3;

    /** NF_DROP and NF_ACCEPT (linux/netfilter.h). */
    private static final int DROP = 0;

    private static final int ACCEPT = 1;

    private final NfnetlinkSocket socket;

    private NftTrace(NfnetlinkSocket socket) {
        this.socket = socket;
    }

    /**
     * Begins to listen.
     *
     * @throws Failure.Unavailable where this process may not
     */
    public static NftTrace open() {
        NfnetlinkSocket socket = NfnetlinkSocket.open();
        int joined = socket.join(NFNLGRP_NFTRACE);
        if (joined < 0) {
            socket.close();
            throw new Failure.Unavailable(
                    "the kernel's trace cannot be listened to",
                    Errno.words(-joined),
                    "run it as root, with the capability NET_ADMIN, on a kernel with nf_tables");
        }
        return new NftTrace(socket);
    }

    @Override
    public List<Event> next(Duration patience) {
        List<Event> events = new ArrayList<>();
        socket.next(patience, NFT_MSG_TRACE, (message, start, end) -> events.add(event(message, start, end)));
        return events;
    }

    private static Event event(ByteBuffer message, int start, int end) {
        long type = NfnetlinkSocket.number(message, start, end, TYPE, 4);
        Verdict verdict = Verdict.OTHER;
        int nested = Netlink.attribute(message, start, end, VERDICT);
        if (type == TYPE_POLICY) {
            verdict = verdict((int) NfnetlinkSocket.number(message, start, end, POLICY, 4));
        } else if (nested >= 0) {
            verdict = verdict((int) NfnetlinkSocket.number(
                    message, nested + Netlink.ATTRIBUTE, Netlink.endOf(message, nested), VERDICT_CODE, 4));
        }
        return new Event(
                (int) NfnetlinkSocket.number(message, start, end, ID, 4),
                NfnetlinkSocket.number(message, start, end, NFPROTO, 4) == Netlink.AF_INET6 ? Family.IPV6 : Family.IPV4,
                NfnetlinkSocket.text(message, start, end, TABLE),
                NfnetlinkSocket.text(message, start, end, CHAIN),
                type == TYPE_RULE ? NfnetlinkSocket.number(message, start, end, RULE_HANDLE, 8) : 0,
                verdict,
                ends(message, start, end));
    }

    private static Verdict verdict(int code) {
        return code == DROP ? Verdict.DROP : code == ACCEPT ? Verdict.ACCEPT : Verdict.OTHER;
    }

    private static @Nullable Ends ends(ByteBuffer message, int start, int end) {
        int network = Netlink.attribute(message, start, end, NETWORK_HEADER);
        int transport = Netlink.attribute(message, start, end, TRANSPORT_HEADER);
        return network < 0 || transport < 0
                ? null
                : NfnetlinkSocket.ends(message, network + Netlink.ATTRIBUTE, transport + Netlink.ATTRIBUTE);
    }

    @Override
    public void close() {
        socket.close();
    }
}
