package io.meshcapture.rules;

import io.meshcapture.plan.Rank;
import java.util.ArrayList;
import java.util.List;

/**
 * Lays the services of one rank into look-ups that are asked one after the other.
 *
 * <p>Going through the steps in the order in which they must be asked, an entry's layer is one more than the highest
 * layer of an earlier entry that a connection could fit as well. So whoever must win is asked first, and entries that
 * do not compete share a look-up.
 */
final class Layers {
    private Layers() {}

    static List<Step.Lookup> lay(Rank rank, List<ServiceRules> services) {
        CallerTables earlier = new CallerTables();
        List<List<Entry>> layers = new ArrayList<>();
        for (ServiceRules service : services) {
            for (List<Entry> step : List.of(service.except(), service.to())) {
                // entries of one step have one outcome and are disjoint per caller: they are not held against each
                // other
                List<PrefixTable.Placed> placed = new ArrayList<>(step.size());
                for (Entry entry : step) {
                    int layer = 1 + earlier.highestLayer(entry.caller(), entry.network(), entry.ports());
                    placed.add(new PrefixTable.Placed(entry, layer));
                    while (layers.size() < layer) {
                        layers.add(new ArrayList<>());
                    }
                    layers.get(layer - 1).add(entry);
                }
                placed.forEach(earlier::add);
            }
        }
        List<Step.Lookup> lookups = new ArrayList<>();
        for (int i = 0; i < layers.size(); i++) {
            lookups.add(new Step.Lookup(rank, i + 1, layers.get(i)));
        }
        return lookups;
    }
}
