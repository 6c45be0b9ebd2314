package io.meshcapture.verbs;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.Finding;
import io.meshcapture.backend.LiveState;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.probe.Probe;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Compares the live state with the plan. */
public final class Check {

    /**
     * What was found.
     *
     * @param differences every difference between what stands and what should
     * @param shadows chains of others that take connections before ours are asked
     * @param overtakes whether apply puts ours before all of those
     * @param faults because of which captured connections fail or go round in a circle, each with its mend
     * @param stands whether anything of ours is there at all
     * @param services how many services were compared
     * @param inbound whether the plan captures connections to this host
     * @param dns whether the plan captures DNS
     * @param probes what real connections showed, if any were asked for
     * @param notes what the user should know
     */
    public record Outcome(
            List<Difference> differences,
            List<String> shadows,
            boolean overtakes,
            List<String> faults,
            boolean stands,
            int services,
            boolean inbound,
            boolean dns,
            List<Probe.Verdict> probes,
            List<String> notes) {

        /** Whether what stands is what the plan asks for, and effective: nothing is left to apply. */
        public boolean isInSync() {
            return differences.isEmpty() && shadows.isEmpty() && isEffective();
        }

        /** Whether no probe went wrong. */
        public boolean isEffective() {
            return probes.stream().noneMatch(one -> one.result() == Probe.Result.WRONG);
        }

        /** Whether, besides, Envoy takes what is captured. */
        public boolean isSound() {
            return isInSync() && faults.isEmpty();
        }

        /** As if Envoy took everything as it should. */
        public Outcome withoutFaults() {
            List<Probe.Verdict> taken =
                    probes.stream().map(Probe.Verdict::asIfServed).toList();
            return new Outcome(
                    differences, shadows, overtakes, List.of(), stands, services, inbound, dns, taken, notes);
        }
    }

    private Check() {}

    /**
     * Compares, and where that is asked for, tries.
     *
     * @param probes whether real connections are sent too
     */
    public static Outcome run(Plan plan, Place place, Set<ServiceName> services, boolean probes) throws Exception {
        return HostsCheck.around(plan, place, services, probes, () -> netfilter(plan, place, services, probes));
    }

    private static Outcome netfilter(Plan plan, Place place, Set<ServiceName> services, boolean probes)
            throws Exception {
        return place.reading(() -> {
            try (Backends backends = Backends.open()) {
                Backend backend = backends.of(plan).backend();
                List<Backend> others = backends.besides(backend);
                LiveState target = place.settled(backend);
                LiveState live = target.isInForce() || others.isEmpty()
                        ? target
                        : others.getFirst().live();
                Stopped stopped = Stopped.in(plan, services);
                Set<ServiceName> running = new HashSet<>(services);
                running.removeAll(stopped.services());
                if (running.isEmpty() && !services.isEmpty()) {
                    return new Outcome(
                            stopped.differences(),
                            List.of(),
                            false,
                            List.of(),
                            live.isPresent(),
                            services.size(),
                            false,
                            false,
                            List.of(),
                            List.of());
                }
                Wanted wanted = Wanted.toCompare(stopped.plan(), place, running, live, stopped.services());
                Escaping escaping = Escaping.from(wanted);
                List<String> notes = new ArrayList<>(wanted.notes());
                notes.addAll(Trials.found(live));
                live.trial().ifPresent(left -> notes.add(Trials.note(left)));
                int compared = services.isEmpty() ? stopped.plan().services().size() : services.size();
                if (wanted.decision().isNothing() && !live.isInForce()) {
                    return new Outcome(
                            stopped.differences(),
                            List.of(),
                            false,
                            List.of(),
                            live.isPresent(),
                            compared,
                            false,
                            false,
                            List.of(),
                            notes);
                }
                List<Difference> differences = new ArrayList<>(stopped.differences());
                others.forEach(other -> differences.add(new Difference(null, other.home(), other.home(), "")));
                if (target.isPresent()) {
                    for (Finding finding :
                            backend.differences(target, wanted.decision(), services.isEmpty() ? null : running)) {
                        if (!stopped.isAbout(finding.service())) {
                            differences.add(Difference.of(finding));
                        }
                    }
                } else {
                    differences.add(new Difference(null, backend.home(), "", backend.home()));
                }
                for (String service : live.servicesOfGoneGroups()) {
                    boolean isAsked = running.isEmpty()
                            || running.stream().anyMatch(one -> one.value().equals(service));
                    if (isAsked && !stopped.isAbout(service)) {
                        notes.add("service " + service
                                + ": a control group that it was captured by is gone, since its unit"
                                + " was stopped or restarted; what runs in a new one of the same path is not captured until"
                                + " the next apply");
                    }
                }
                Plan asked = Wanted.selected(stopped.plan(), running);
                EnvoyFit fit = EnvoyFit.of(asked, place, wanted.about(asked));
                notes.addAll(fit.notes());
                notes.addAll(escaping.notes());
                notes.addAll(CountersSetBack.notes(live));
                Probe.Outcome probed =
                        probes ? Probe.of(wanted.decision(), running, place.accounts()) : Probe.Outcome.NONE;
                notes.addAll(probed.notes());
                List<String> shadows = target.isPresent() ? backends.shadows(backend, target) : List.of();
                if (!shadows.isEmpty()
                        && target.trial().isPresent()
                        && Backends.areInOurChains(backend, target, shadows)) {
                    notes.add("confirm goes before those rules of others, and so does apply when the trial is over");
                }
                return new Outcome(
                        differences,
                        shadows,
                        Backends.goesBefore(backend, target, shadows),
                        target.isPresent() ? fit.faults() : List.of(),
                        live.isPresent(),
                        compared,
                        wanted.decision().inbound() != null,
                        wanted.decision().dns() != null,
                        probed.verdicts(),
                        notes);
            }
        });
    }
}
