package io.meshcapture.verbs;

import io.meshcapture.plan.Address;
import io.meshcapture.rules.Connection.Protocol;
import io.meshcapture.system.PacketTrace;
import io.meshcapture.system.PacketTrace.Event;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Tells those packets that a trace was asked for from the ones that somebody else has traced at the same time: the kernel tells
 * every listener of all. Where a packet goes is told by its first step, since later ones tell where it was sent instead.
 */
final class SoughtPackets {
    private static final int TCP = 6;
    private static final int UDP = 17;

    /** So many are remembered at most; each has all its steps within less than a millisecond. */
    private static final int MOST = 4096;

    private record Heard(boolean isSought, long nanos) {}

    private final List<Address> destinations;
    private final int port;
    private final int protocol;
    private final Duration quiet;

    private final Map<Integer, Heard> heard = new LinkedHashMap<>(64, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Integer, Heard> eldest) {
            return size() > MOST;
        }
    };

    /**
     * Those to some destinations.
     *
     * @param quiet after so long the number of a packet may be that of another one
     */
    SoughtPackets(List<Address> destinations, int port, Protocol protocol, Duration quiet) {
        this.destinations = List.copyOf(destinations);
        this.port = port;
        this.protocol = protocol == Protocol.TCP ? TCP : UDP;
        this.quiet = quiet;
    }

    /** Whether a step is one of theirs. */
    boolean isOf(Event event) {
        long now = System.nanoTime();
        Heard before = heard.get(event.packet());
        PacketTrace.Ends ends = event.ends();
        boolean isSought;
        if (ends != null && !ends.opens()) {
            isSought = false; // a later packet of a connection, whatever its number
        } else if (before != null && now - before.nanos() < quiet.toNanos()) {
            isSought = before.isSought();
        } else if (ends != null) {
            isSought = ends.protocol() == protocol
                    && ends.destinationPort() == port
                    && destinations.contains(ends.destination());
        } else {
            return false; // it began before anybody listened
        }
        heard.put(event.packet(), new Heard(isSought, now));
        return isSought;
    }
}
