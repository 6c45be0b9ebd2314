package io.meshcapture.system;

import io.meshcapture.plan.Family;
import io.meshcapture.system.ConntrackTable.Entry;
import io.meshcapture.system.ConntrackTable.Tuple;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** What is asked of ctnetlink, and what it answers, in its own bytes (linux/netfilter/nfnetlink_conntrack.h). */
final class ConntrackMessage {

    /** NFNL_SUBSYS_CTNETLINK in the upper byte, then enum cntl_msg_types. */
    static final short IPCTNL_MSG_CT_GET = 0x101;

    static final short IPCTNL_MSG_CT_DELETE = 0x102;

    static final short IPCTNL_MSG_CT_NEW = 0x100;

    /** NLM_F_REQUEST, NLM_F_ACK and NLM_F_CREATE: what is there already is changed. */
    private static final short CREATED = 0x405;

    /** Bytes of struct nfgenmsg. */
    private static final int NFGENMSG = 4;

    /** More than the longest request, that with an IPv6 tuple, takes. */
    private static final int REQUEST = 256;

    /** enum ctattr_type. */
    static final int CTA_TUPLE_ORIG = 1;

    static final int CTA_TUPLE_REPLY = 2;
    private static final int CTA_STATUS = 3;
    private static final int CTA_PROTOINFO = 4;
    private static final int CTA_TIMEOUT = 7;
    private static final int CTA_ID = 12;
    private static final int CTA_ZONE = 18;
    private static final int CTA_FILTER = 25;

    /** enum ctattr_tuple. */
    private static final int CTA_TUPLE_IP = 1;

    private static final int CTA_TUPLE_PROTO = 2;
    private static final int CTA_TUPLE_ZONE = 3;

    /** enum ctattr_ip: the source of IPv4, then its destination; likewise of IPv6. */
    private static final int CTA_IP_V4_SRC = 1;

    private static final int CTA_IP_V6_SRC = 3;

    /** enum ctattr_l4proto. */
    private static final int CTA_PROTO_NUM = 1;

    private static final int CTA_PROTO_SRC_PORT = 2;
    private static final int CTA_PROTO_DST_PORT = 3;

    /** enum ctattr_filter, and the bit for the protocol's number (net/netfilter/nf_internals.h). */
    private static final int CTA_FILTER_ORIG_FLAGS = 1;

    private static final int FILTER_BY_PROTO_NUM = 1 << 3;

    /** enum ip_conntrack_status (linux/netfilter/nf_conntrack_common.h). */
    private static final long IPS_SEEN_REPLY = 1 << 1;

    /** IPS_ASSURED and IPS_CONFIRMED, which the kernel gives each entry and wants to hear. */
    private static final int IPS_ASSURED = 1 << 2;

    private static final int IPS_CONFIRMED = 1 << 3;

    /** enum ctattr_protoinfo, enum ctattr_protoinfo_tcp and enum tcp_conntrack. */
    private static final int CTA_PROTOINFO_TCP = 1;

    private static final int CTA_PROTOINFO_TCP_STATE = 1;
    private static final int CTA_PROTOINFO_TCP_FLAGS_ORIGINAL = 4;
    private static final int CTA_PROTOINFO_TCP_FLAGS_REPLY = 5;
    private static final byte TCP_CONNTRACK_ESTABLISHED = 3;

    /** IP_CT_TCP_FLAG_BE_LIBERAL: nobody has seen the scale of its window. */
    private static final byte LIBERAL = 0x08;

    /** As long as conntrack keeps an idle connection by default (net.netfilter.nf_conntrack_tcp_timeout_established). */
    private static final int FIVE_DAYS = 432_000;

    private ConntrackMessage() {}

    /** The kernel picks those of the protocol since Linux 5.8; an older one ignores what it does not know, and tells all. */
    static ByteBuffer listing(byte family, byte protocol) {
        ByteBuffer request = request(IPCTNL_MSG_CT_GET, Netlink.DUMP, family);
        int tuple = Netlink.begin(request, CTA_TUPLE_ORIG);
        int proto = Netlink.begin(request, CTA_TUPLE_PROTO);
        Netlink.put(request, CTA_PROTO_NUM, protocol);
        Netlink.end(request, proto);
        Netlink.end(request, tuple);
        int filter = Netlink.begin(request, CTA_FILTER);
        request.putShort((short) 8).putShort((short) CTA_FILTER_ORIG_FLAGS).putInt(FILTER_BY_PROTO_NUM);
        Netlink.end(request, filter);
        return request;
    }

    /** Asks for one flow, by the tuple of one of its directions: CTA_TUPLE_ORIG or CTA_TUPLE_REPLY. */
    static ByteBuffer question(int direction, Tuple tuple, byte protocol) {
        ByteBuffer request = request(IPCTNL_MSG_CT_GET, Netlink.ACKNOWLEDGED, family(tuple));
        put(request, direction, tuple, protocol);
        return request;
    }

    /** Forgets one flow; without a tuple the kernel would take it for a request to forget everything. */
    static ByteBuffer deletion(Entry entry) {
        ByteBuffer request = request(IPCTNL_MSG_CT_DELETE, Netlink.ACKNOWLEDGED, family(entry.original()));
        put(request, CTA_TUPLE_ORIG, entry.original(), (byte) entry.protocol());
        Netlink.put(request, CTA_ZONE, Netlink.bytes(entry.zone()));
        Netlink.put(request, CTA_ID, ByteBuffer.allocate(4).putInt(entry.id()).array());
        return request;
    }

    /** Tells of an established TCP connection. */
    static ByteBuffer introduction(Tuple tuple) {
        ByteBuffer request = request(IPCTNL_MSG_CT_NEW, CREATED, family(tuple));
        put(request, CTA_TUPLE_ORIG, tuple, SocketDiag.IPPROTO_TCP);
        put(request, CTA_TUPLE_REPLY, tuple.reversed(), SocketDiag.IPPROTO_TCP);
        Netlink.put(request, CTA_STATUS, word((int) IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED));
        Netlink.put(request, CTA_TIMEOUT, word(FIVE_DAYS));
        int info = Netlink.begin(request, CTA_PROTOINFO);
        int tcp = Netlink.begin(request, CTA_PROTOINFO_TCP);
        Netlink.put(request, CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
        Netlink.put(request, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, LIBERAL, LIBERAL);
        Netlink.put(request, CTA_PROTOINFO_TCP_FLAGS_REPLY, LIBERAL, LIBERAL);
        Netlink.end(request, tcp);
        Netlink.end(request, info);
        return request;
    }

    private static byte[] word(int value) {
        return ByteBuffer.allocate(4).putInt(value).array();
    }

    private static ByteBuffer request(short type, short flags, byte family) {
        ByteBuffer request = Netlink.request(REQUEST, type, flags).put(family);
        request.position(Netlink.HEADER + NFGENMSG);
        return request;
    }

    private static byte family(Tuple tuple) {
        return tuple.source().family() == Family.IPV4 ? Netlink.AF_INET : Netlink.AF_INET6;
    }

    private static void put(ByteBuffer request, int type, Tuple tuple, byte protocol) {
        int source = tuple.source().family() == Family.IPV4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC;
        int begun = Netlink.begin(request, type);
        int ip = Netlink.begin(request, CTA_TUPLE_IP);
        Netlink.put(request, source, Netlink.bytes(tuple.source()));
        Netlink.put(request, source + 1, Netlink.bytes(tuple.destination()));
        Netlink.end(request, ip);
        int proto = Netlink.begin(request, CTA_TUPLE_PROTO);
        Netlink.put(request, CTA_PROTO_NUM, protocol);
        Netlink.put(request, CTA_PROTO_SRC_PORT, Netlink.bytes(tuple.sourcePort()));
        Netlink.put(request, CTA_PROTO_DST_PORT, Netlink.bytes(tuple.destinationPort()));
        Netlink.end(request, proto);
        Netlink.end(request, begun);
    }

    /** Null for what has no ports. */
    static @Nullable Entry entry(ByteBuffer answer, int start, int end) {
        boolean four = answer.get(start) == Netlink.AF_INET;
        int attributes = start + NFGENMSG;
        int original = Netlink.attribute(answer, attributes, end, CTA_TUPLE_ORIG);
        int reply = Netlink.attribute(answer, attributes, end, CTA_TUPLE_REPLY);
        Tuple there = original < 0 ? null : tuple(answer, original, four);
        Tuple back = reply < 0 ? null : tuple(answer, reply, four);
        if (there == null || back == null) {
            return null;
        }
        int proto = Netlink.attribute(answer, inside(original), Netlink.endOf(answer, original), CTA_TUPLE_PROTO);
        int number = Netlink.attribute(answer, inside(proto), Netlink.endOf(answer, proto), CTA_PROTO_NUM);
        int zone = Netlink.attribute(answer, attributes, end, CTA_ZONE);
        if (zone < 0) { // a zone of one direction only stands in that tuple
            zone = Netlink.attribute(answer, inside(original), Netlink.endOf(answer, original), CTA_TUPLE_ZONE);
        }
        int id = Netlink.attribute(answer, attributes, end, CTA_ID);
        int status = Netlink.attribute(answer, attributes, end, CTA_STATUS);
        return new Entry(
                answer.get(inside(number)) & 255,
                there,
                back,
                zone < 0 ? 0 : (int) Netlink.bigEndian(answer, inside(zone), 2),
                id < 0 ? 0 : (int) Netlink.bigEndian(answer, inside(id), 4),
                status >= 0 && (Netlink.bigEndian(answer, inside(status), 4) & IPS_SEEN_REPLY) != 0);
    }

    private static @Nullable Tuple tuple(ByteBuffer answer, int tuple, boolean four) {
        int end = Netlink.endOf(answer, tuple);
        int ip = Netlink.attribute(answer, inside(tuple), end, CTA_TUPLE_IP);
        int proto = Netlink.attribute(answer, inside(tuple), end, CTA_TUPLE_PROTO);
        if (ip < 0 || proto < 0) {
            return null;
        }
        int from = four ? CTA_IP_V4_SRC : CTA_IP_V6_SRC;
        int source = Netlink.attribute(answer, inside(ip), Netlink.endOf(answer, ip), from);
        int destination = Netlink.attribute(answer, inside(ip), Netlink.endOf(answer, ip), from + 1);
        int ends = Netlink.endOf(answer, proto);
        int sourcePort = Netlink.attribute(answer, inside(proto), ends, CTA_PROTO_SRC_PORT);
        int destinationPort = Netlink.attribute(answer, inside(proto), ends, CTA_PROTO_DST_PORT);
        if (source < 0 || destination < 0 || sourcePort < 0 || destinationPort < 0) {
            return null;
        }
        return new Tuple(
                Netlink.address(answer, inside(source), four),
                (int) Netlink.bigEndian(answer, inside(sourcePort), 2),
                Netlink.address(answer, inside(destination), four),
                (int) Netlink.bigEndian(answer, inside(destinationPort), 2));
    }

    private static int inside(int attribute) {
        return attribute + Netlink.ATTRIBUTE;
    }
}
