package io.meshcapture.config;

import io.meshcapture.plan.Destination;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Ports;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Which destinations a list covers. One look-up per prefix length that occurs, not one per destination: a plan may hold
 * a hundred thousand of them on either side.
 */
final class Coverage {
    private final Map<Network, Ports> ports = new HashMap<>();
    private final TreeSet<Integer> prefixes = new TreeSet<>();

    Coverage(List<Destination> destinations) {
        for (Destination destination : destinations) {
            for (Family family : Family.values()) {
                for (Network network : destination.networks(family)) {
                    ports.merge(network, destination.ports(), Ports::plus);
                    prefixes.add(network.prefix());
                }
            }
        }
    }

    /** Whether every connection to the destination is to one of the list, each network taken by itself. */
    boolean covers(Destination destination) {
        for (Family family : Family.values()) {
            for (Network network : destination.networks(family)) {
                if (!covers(network, destination.ports())) {
                    return false;
                }
            }
        }
        return true;
    }

    private boolean covers(Network network, Ports wanted) {
        Ports left = wanted;
        for (int prefix : prefixes.headSet(network.prefix(), true)) {
            Ports covered = ports.get(network.widened(prefix));
            if (covered != null) {
                left = left.minus(covered);
                if (left.isEmpty()) {
                    return true;
                }
            }
        }
        return false;
    }
}
