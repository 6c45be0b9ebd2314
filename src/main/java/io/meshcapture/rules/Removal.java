package io.meshcapture.rules;

import io.meshcapture.plan.Port;
import io.meshcapture.plan.Rank;
import io.meshcapture.plan.ServiceName;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A decision without some of its services, laid out as if they had never been there.
 *
 * <p>No plan is needed: of two entries that compete, the one in the earlier look-up comes first, and that is all that the
 * plan's order means.
 */
public final class Removal {
    private Removal() {}

    public static Decision without(Decision decision, Set<ServiceName> gone) {
        TreeMap<Integer, Port> listeners = new TreeMap<>();
        List<Step> steps = without(decision.steps(), gone, listeners);
        Forwarding forwarding = decision.forwarding();
        Forwarding forwardingLeft = forwarding == null
                ? null
                : new Forwarding(forwarding.interfaces(), without(forwarding.steps(), gone, listeners));
        return new Decision(
                steps,
                decision.endings(),
                List.copyOf(listeners.values()),
                decision.services().stream()
                        .filter(service -> !gone.contains(service.name()))
                        .toList(),
                decision.inbound(),
                forwardingLeft);
    }

    private static List<Step> without(List<Step> all, Set<ServiceName> gone, Map<Integer, Port> listeners) {
        List<Step> steps = new ArrayList<>();
        Map<Rank, CallerTables> earlier = new EnumMap<>(Rank.class);
        Map<Rank, TreeMap<Integer, List<Entry>>> layers = new EnumMap<>(Rank.class);
        int namesAt = 0;
        for (Step step : all) {
            if (!(step instanceof Step.Lookup lookup) || lookup.rank() == null) {
                steps.add(step);
                continue;
            }
            if (lookup.rank() == Rank.NAME) {
                namesAt = steps.size(); // they keep their place before the guards about addresses
            }
            CallerTables tables = earlier.computeIfAbsent(lookup.rank(), any -> new CallerTables());
            for (Entry entry : lookup.entries()) {
                if (entry.service() != null && gone.contains(entry.service())) {
                    continue;
                }
                int layer = Layers.after(tables.highestLayer(entry), entry);
                tables.add(entry, layer);
                layers.computeIfAbsent(lookup.rank(), any -> new TreeMap<>())
                        .computeIfAbsent(layer, any -> new ArrayList<>())
                        .add(entry);
                if (entry.listener() != null) {
                    listeners.put(entry.listener().number(), entry.listener());
                }
            }
        }
        List<Step> names = new ArrayList<>();
        layers.forEach((rank, byLayer) -> byLayer.forEach(
                (layer, entries) -> (rank == Rank.NAME ? names : steps).add(new Step.Lookup(rank, layer, entries))));
        steps.addAll(namesAt, names);
        return steps;
    }
}
