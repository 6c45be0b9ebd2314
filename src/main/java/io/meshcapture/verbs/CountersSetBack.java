package io.meshcapture.verbs;

import io.meshcapture.backend.LiveState;
import io.meshcapture.backend.LiveState.LiveService;
import io.meshcapture.backend.Owned;
import io.meshcapture.connections.Ownership;
import io.meshcapture.system.SocketTable;
import io.meshcapture.system.SocketTable.Open;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Counters that say less than what is open, so that somebody has set them to zero. Nothing breaks by it, and who reads
 * {@code status} would believe that a service is quiet.
 */
final class CountersSetBack {
    private CountersSetBack() {}

    /** A sentence for each service of which that can be proved. */
    static List<String> notes(LiveState live) {
        List<LiveService> services = live.services();
        if (services.isEmpty() || live.trial().isPresent()) {
            return List.of(); // a trial counts anew
        }
        List<Open> sockets = SocketTable.open();
        long envoysEnds = sockets.stream()
                .filter(socket -> live.listeners().stream().anyMatch(port -> port.number() == socket.localPort()))
                .count();
        if (services.stream().allMatch(service -> service.captured() >= envoysEnds)) {
            return List.of(); // whose each is need not be found out
        }
        Map<String, Integer> open = new TreeMap<>();
        for (Owned owned : new Ownership(live).among(sockets).values()) {
            open.merge(owned.service(), 1, Integer::sum);
        }
        List<String> notes = new ArrayList<>();
        for (LiveService service : services) {
            int count = open.getOrDefault(service.name(), 0);
            if (count > service.captured()) {
                notes.add(
                        "service " + service.name() + ": " + count + " captured connection(s) are open, and its counter"
                                + " says " + service.captured()
                                + ": it was set to zero (nft reset, iptables -Z, saved rules that"
                                + " were loaded again), so that status tells less than what was captured; capture itself goes on");
            }
        }
        return notes;
    }
}
