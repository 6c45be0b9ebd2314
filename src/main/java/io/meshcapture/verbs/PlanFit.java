package io.meshcapture.verbs;

import io.meshcapture.doctor.Finding;
import io.meshcapture.doctor.Topic;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Plan;
import io.meshcapture.rules.Decision;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Whether this host is one that a plan can be applied to, asked without a look at what stands and without a privilege. */
final class PlanFit {
    private final List<Finding> findings = new ArrayList<>();

    private PlanFit() {}

    static List<Finding> of(Plan plan, Place place) throws InterruptedException {
        PlanFit fit = new PlanFit();
        try {
            Supported.require(plan);
            Stopped stopped = Stopped.in(plan, Set.of());
            for (Difference gone : stopped.differences()) {
                fit.warn(
                        "plan.stopped",
                        "service " + gone.service() + ": " + gone.where() + " is not running",
                        "it has no control group, so nobody could be captured by it",
                        "start it, then apply");
            }
            fit.compile(stopped.planOfOthers(), place);
        } catch (Failure failure) {
            fit.findings.addAll(Finding.of(Topic.PLAN, "plan.refused", failure));
        }
        return fit.findings;
    }

    private void compile(Plan plan, Place place) throws InterruptedException {
        EnvoyListeners envoy = EnvoyListeners.of(plan);
        NameServers nameServers = NameServers.of(plan, place);
        nameServers.notes().forEach(note -> warn("plan.dns", note, "", ""));
        List<String> notes = new ArrayList<>();
        Choices.Ipv6 ipv6 = envoy.ipv6(plan.ipv6(), null, notes);
        notes.forEach(note -> warn("plan.ipv6", note, "", ""));
        Decision decision = Wanted.explained(plan, place, ipv6);
        Wanted wanted = new Wanted(decision, ipv6, envoy, List.of());
        listeners(wanted);
        EnvoyFit.notes(plan, place, decision, envoy).forEach(note -> warn("plan.envoy-fit", note, "", ""));
        Escaping.from(wanted).notes().forEach(note -> warn("plan.escapes", note, "", ""));
    }

    private void listeners(Wanted wanted) {
        List<String> missing = wanted.envoy().missing(wanted.ipv6());
        if (!missing.isEmpty()) {
            warn(
                    "plan.nobody-listens",
                    "nobody listens on " + String.join(", ", missing),
                    "captured connections are refused until Envoy does",
                    "start Envoy, or correct envoy.outbound, envoy.inbound and envoy.dns");
        }
        List<String> strangers = wanted.listenersOfStrangers();
        if (!strangers.isEmpty()) {
            findings.add(Finding.conflict(
                    Topic.PLAN,
                    "plan.listener-of-stranger",
                    "Envoy's listener " + String.join(", ", strangers) + ", and the plan's envoy.user is "
                            + wanted.envoyUsersInWords(),
                    "Envoy's own connections would be captured again and again",
                    "correct envoy.user, or end the program that has its port"));
        }
        try {
            wanted.envoy().requireReachable();
            if (wanted.envoy().dns() != null) {
                wanted.envoy().dns().requireAnswerable(wanted.ipv6());
            }
        } catch (Failure.Conflict conflict) {
            findings.addAll(Finding.of(Topic.PLAN, "plan.listener-address", conflict));
        }
    }

    private void warn(String id, String what, String because, String mend) {
        findings.add(Finding.warning(Topic.PLAN, id, what, because, mend));
    }
}
