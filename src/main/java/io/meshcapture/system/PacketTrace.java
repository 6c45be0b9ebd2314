package io.meshcapture.system;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the kernel tells of packets that are traced, in the network namespace of the thread that opened it. */
public interface PacketTrace extends AutoCloseable {

    /** What a rule or a chain's policy did to a packet. */
    enum Verdict {
        DROP,
        ACCEPT,
        OTHER
    }

    /**
     * One step of a packet.
     *
     * @param packet tells packets apart that are under way at the same time
     * @param family of the packet
     * @param table its name
     * @param chain its name
     * @param rule which rule of the chain, its handle or its position, or 0 for the policy of the chain or its end
     * @param verdict what it did, as far as the kernel says
     * @param ends the ends of the connection; null where the kernel has told them with an earlier step
     */
    record Event(
            int packet,
            Family family,
            String table,
            String chain,
            long rule,
            Verdict verdict,
            @Nullable Ends ends) {}

    /**
     * Both ends of a packet.
     *
     * @param protocol IANA's number of it, 6 for TCP and 17 for UDP
     * @param opens whether it is the first one of a TCP connection; true for all other protocols, which cannot tell
     */
    record Ends(
            Address source, int sourcePort, Address destination, int destinationPort, int protocol, boolean opens) {}

    /** The next steps; none where there was none in that time, at most a second or so. */
    List<Event> next(Duration patience);

    @Override
    void close();
}
