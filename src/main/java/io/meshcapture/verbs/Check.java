package io.meshcapture.verbs;

import io.meshcapture.backend.nftables.Finding;
import io.meshcapture.backend.nftables.LiveState;
import io.meshcapture.backend.nftables.NftablesBackend;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.ServiceName;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Compares the live state with the plan. */
public final class Check {

    /**
     * What was found.
     *
     * @param differences every difference between what stands and what should
     * @param shadows chains of others that take connections before ours are asked
     * @param services how many services were compared
     * @param inbound whether the plan captures connections to this host
     * @param notes what the user should know
     */
    public record Outcome(
            List<Difference> differences, List<String> shadows, int services, boolean inbound, List<String> notes) {

        /** Whether everything is as it should be, and effective. */
        public boolean isInSync() {
            return differences.isEmpty() && shadows.isEmpty();
        }
    }

    private Check() {}

    public static Outcome run(Plan plan, Place place, Set<ServiceName> services) throws Exception {
        return place.reading(() -> {
            try (NftablesBackend backend = NftablesBackend.open()) {
                LiveState live = backend.live();
                Wanted wanted = Wanted.of(plan, services, live);
                List<String> notes = new ArrayList<>(wanted.notes());
                notes.addAll(Trials.found(live));
                live.trial()
                        .ifPresent(left -> notes.add("what is in force is on trial and ends in " + Trials.left(left)
                                + " unless it is confirmed with: meshcapture confirm"));
                int compared = services.isEmpty() ? wanted.decision().services().size() : services.size();
                if (wanted.decision().isNothing() && !live.isInForce()) {
                    return new Outcome(List.of(), List.of(), 0, false, notes);
                }
                List<Finding> differences =
                        backend.differences(live, wanted.decision(), services.isEmpty() ? null : services);
                List<String> missing = wanted.envoy().missing(wanted.ipv6());
                if (!missing.isEmpty()) {
                    notes.add("nobody listens on " + String.join(", ", missing)
                            + ", so captured connections are refused; start Envoy");
                }
                List<String> strangers = wanted.listenersOfStrangers();
                if (!strangers.isEmpty()) {
                    notes.add("Envoy's listener " + String.join(", ", strangers) + ", and the plan's envoy.user is "
                            + wanted.envoyUsersInWords()
                            + ", so Envoy's own connections are captured again and again; correct envoy.user");
                }
                return new Outcome(
                        Difference.of(differences),
                        live.isPresent() ? backend.shadows(live) : List.of(),
                        compared,
                        wanted.decision().inbound() != null,
                        notes);
            }
        });
    }
}
