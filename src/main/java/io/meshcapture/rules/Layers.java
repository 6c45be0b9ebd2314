package io.meshcapture.rules;

import io.meshcapture.plan.Rank;
import java.util.ArrayList;
import java.util.List;

/**
 * Lays the services of one rank into look-ups that are asked one after the other.
 *
 * <p>Going through the steps in the order in which they must be asked, an entry's layer comes after the highest layer of
 * an earlier entry that a connection could fit as well. So whoever must win is asked first, and entries that
 * do not compete share a look-up.
 */
final class Layers {
    private Layers() {}

    static List<Step.Lookup> lay(Rank rank, List<ServiceRules> services) {
        CallerTables earlier = new CallerTables();
        List<List<Entry>> layers = new ArrayList<>();
        for (ServiceRules service : services) {
            for (List<Entry> step : List.of(service.except(), service.to())) {
                for (Entry entry : step) {
                    int layer = after(earlier.highestLayer(entry), entry);
                    earlier.add(entry, layer);
                    while (layers.size() < layer) {
                        layers.add(new ArrayList<>());
                    }
                    layers.get(layer - 1).add(entry);
                }
            }
        }
        List<Step.Lookup> lookups = new ArrayList<>();
        for (int i = 0; i < layers.size(); i++) {
            if (!layers.get(i).isEmpty()) {
                lookups.add(new Step.Lookup(rank, i + 1, layers.get(i)));
            }
        }
        return lookups;
    }

    /**
     * The first layer behind another that is for entries of this kind: odd layers are for exceptions, even ones for
     * captures. So an exception that comes or goes does not move the captures of its service into another map, and is a
     * change of one map alone.
     */
    static int after(int layer, Entry entry) {
        boolean odd = entry.listener() == null;
        int next = layer + 1;
        return (next % 2 == 1) == odd ? next : next + 1;
    }
}
