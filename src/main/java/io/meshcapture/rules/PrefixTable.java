package io.meshcapture.rules;

import io.meshcapture.plan.Family;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Ports;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * Entries by network, found by the networks that contain a network or lie in it. Two prefixes either nest or are
 * disjoint, so that is every way to overlap.
 */
final class PrefixTable {

    /** An entry and the look-up layer that it was laid into. */
    record Placed(Entry entry, int layer) {}

    private final Map<Network, List<Placed>> exact = new HashMap<>();
    private final TreeMap<Network, List<Placed>> ordered = new TreeMap<>();
    private final TreeSet<Integer> prefixesIpv4 = new TreeSet<>();
    private final TreeSet<Integer> prefixesIpv6 = new TreeSet<>();

    void add(Entry entry, int layer) {
        Network network = entry.network();
        List<Placed> here = exact.get(network);
        if (here == null) {
            here = new ArrayList<>(1);
            exact.put(network, here);
            ordered.put(network, here);
            prefixes(network).add(network.prefix());
        }
        here.add(new Placed(entry, layer));
    }

    /** Every entry whose network is the given one or contains it. */
    private void forEachAround(Network network, Consumer<Placed> action) {
        for (int prefix : prefixes(network)) {
            if (prefix > network.prefix()) {
                return;
            }
            List<Placed> here = exact.get(network.widened(prefix));
            if (here != null) {
                here.forEach(action);
            }
        }
    }

    /** Every entry whose network lies in the given one and is not the same. */
    private void forEachInside(Network network, Consumer<Placed> action) {
        for (Map.Entry<Network, List<Placed>> entry :
                ordered.tailMap(network, false).entrySet()) {
            if (!network.contains(entry.getKey())) {
                return;
            }
            entry.getValue().forEach(action);
        }
    }

    private boolean hasInside(Network network) {
        Network next = ordered.higherKey(network);
        return next != null && network.contains(next);
    }

    /** Every entry that shares an address and a port with the given one. */
    void forEachOverlapping(Entry entry, Consumer<Placed> action) {
        Consumer<Placed> ofItsPorts = placed -> {
            if (placed.entry().ports().overlaps(entry.ports())) {
                action.accept(placed);
            }
        };
        forEachAround(entry.network(), ofItsPorts);
        forEachInside(entry.network(), ofItsPorts);
    }

    /** The highest layer of an entry that must be asked before the given one; 0 where there is none. */
    int highestLayer(Entry entry) {
        int[] highest = {0};
        forEachOverlapping(entry, placed -> {
            if (placed.layer() > highest[0] && !placed.entry().isOfOneStepWith(entry)) {
                highest[0] = placed.layer();
            }
        });
        return highest[0];
    }

    /** Whether the entries of these tables together hold every address and port of the given ones. */
    static boolean covers(List<PrefixTable> tables, Network network, Ports ports) {
        Ports[] left = {ports};
        for (PrefixTable table : tables) {
            table.forEachAround(
                    network,
                    placed -> left[0] =
                            left[0].minus(new Ports(List.of(placed.entry().ports()))));
        }
        if (left[0].isEmpty()) {
            return true;
        }
        boolean narrowerEntries = tables.stream().anyMatch(table -> table.hasInside(network));
        return narrowerEntries
                && covers(tables, network.lowerHalf(), left[0])
                && covers(tables, network.upperHalf(), left[0]);
    }

    private SortedSet<Integer> prefixes(Network network) {
        return network.family() == Family.IPV4 ? prefixesIpv4 : prefixesIpv6;
    }
}
