package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.Errno;
import io.meshcapture.plan.Address;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What conntrack knows in the calling thread's network namespace (linux/netfilter/nfnetlink_conntrack.h). Where it is not
 * loaded, or this kernel does not tell (CONFIG_NF_CT_NETLINK), it knows nothing.
 */
public final class ConntrackTable {

    private static final int NETLINK_NETFILTER = 12;

    private ConntrackTable() {}

    /** One direction of a flow. */
    public record Tuple(Address source, int sourcePort, Address destination, int destinationPort) {

        /** The other direction of what nobody translates. */
        Tuple reversed() {
            return new Tuple(
                    /* source= */ destination,
                    /* sourcePort= */ destinationPort,
                    /* destination= */ source,
                    /* destinationPort= */ sourcePort);
        }
    }

    /**
     * A flow.
     *
     * @param protocol number of its protocol (IANA), 6 for TCP and 17 for UDP
     * @param original as its first packet was sent, before any translation
     * @param reply as the answer to what its first packet became
     * @param zone conntrack zone of the original direction, 0 where none was chosen
     * @param id a number that the kernel computes of the tuple and of where in memory the flow stands (nf_ct_get_id() in
     *     net/netfilter/nf_conntrack_core.c); a later flow with this tuple has the same one only if it stands there too
     * @param answered whether a packet went back (IPS_SEEN_REPLY)
     */
    public record Entry(int protocol, Tuple original, Tuple reply, int zone, int id, boolean answered) {

        /** One that was answered. */
        public Entry(int protocol, Tuple original, Tuple reply, int zone, int id) {
            this(protocol, original, reply, zone, id, true);
        }
    }

    /**
     * UDP flows of both families, those that are forwarded included.
     *
     * @throws Failure.Refused where the kernel does not allow it
     */
    public static List<Entry> udp() {
        List<Entry> found = new ArrayList<>();
        try (Netlink netlink = Netlink.open(NETLINK_NETFILTER)) {
            if (netlink != null) {
                list(netlink, Netlink.AF_INET, SocketDiag.IPPROTO_UDP, found);
                list(netlink, Netlink.AF_INET6, SocketDiag.IPPROTO_UDP, found);
            }
        }
        return found;
    }

    private static void list(Netlink netlink, byte family, byte protocol, List<Entry> found) {
        ByteBuffer request = ConntrackMessage.listing(family, protocol);
        requireAllowed(
                netlink.ask(request, (answer, start, end) -> {
                    Entry entry = ConntrackMessage.entry(answer, start, end);
                    if (entry != null && entry.protocol() == protocol) {
                        found.add(entry);
                    }
                }),
                "the connections that conntrack knows could not be read");
    }

    /**
     * The TCP connection whose answers come from there, such as one that was redirected; null where conntrack knows none.
     * Only connections in no zone are found.
     */
    public static @Nullable Entry tcpWithReply(Tuple reply) {
        return find(ConntrackMessage.CTA_TUPLE_REPLY, reply, SocketDiag.IPPROTO_TCP);
    }

    /** The UDP flow whose first packet went there; null where conntrack knows none. Only flows in no zone are found. */
    static @Nullable Entry udpWithOriginal(Tuple original) {
        return find(ConntrackMessage.CTA_TUPLE_ORIG, original, SocketDiag.IPPROTO_UDP);
    }

    private static @Nullable Entry find(int direction, Tuple tuple, byte protocol) {
        List<Entry> found = new ArrayList<>(1);
        try (Netlink netlink = Netlink.open(NETLINK_NETFILTER)) {
            if (netlink != null) {
                netlink.ask(ConntrackMessage.question(direction, tuple, protocol), (answer, start, end) -> {
                    Entry entry = ConntrackMessage.entry(answer, start, end);
                    if (entry != null) {
                        found.add(entry);
                    }
                });
            }
        }
        return found.isEmpty() ? null : found.getFirst();
    }

    /**
     * Forgets one flow, so that its next packet is the first of a new one. This entry alone, by its tuple, zone and id.
     *
     * @return whether it was there
     * @throws Failure.Refused where the kernel does not allow it
     */
    public static boolean delete(Entry entry) {
        try (Netlink netlink = Netlink.open(NETLINK_NETFILTER)) {
            if (netlink == null) {
                return false;
            }
            int answer = netlink.ask(ConntrackMessage.deletion(entry), (_, _, _) -> {});
            requireAllowed(answer, "a flow that conntrack knows could not be forgotten");
            return answer == 0;
        }
    }

    /**
     * Makes conntrack know TCP connections that are open, as if it had seen them from their first packet. A connection that
     * it knows is not asked about by nat chains. Where conntrack is on, that is how it would be.
     *
     * @param connections from this host's end
     * @return how many could not be introduced
     * @throws Failure.Refused where the kernel does not allow it
     */
    public static int introduce(Collection<Tuple> connections) {
        if (connections.isEmpty()) {
            return 0;
        }
        int failed = 0;
        try (Netlink netlink = Netlink.open(NETLINK_NETFILTER)) {
            if (netlink == null) {
                return connections.size();
            }
            for (Tuple tuple : connections) {
                int answer = netlink.ask(ConntrackMessage.introduction(tuple), (_, _, _) -> {});
                if (answer == -Errno.EPERM) {
                    requireAllowed(answer, "open connections could not be made known to conntrack");
                }
                failed += answer == 0 || answer == -Errno.EEXIST || answer == -Errno.EBUSY ? 0 : 1;
            }
        }
        return failed;
    }

    /** Whatever else is answered says that there is no such thing: no entry, no IPv6, no ctnetlink. */
    private static void requireAllowed(int answer, String what) {
        if (answer == -Errno.EPERM || answer == -Errno.EBUSY) {
            throw new Failure.Refused(what, Errno.words(-answer), "run it as root, with the capability NET_ADMIN");
        }
    }
}
