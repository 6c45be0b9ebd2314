package io.meshcapture.cli;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.verbs.Check;
import io.meshcapture.verbs.Status;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine.ParseResult;

/** Whether each service stands as the plan has it; without a plan nobody knows. */
final class StatusDrift {

    private static final String UNKNOWN = "";

    private StatusDrift() {}

    /**
     * Words by service; the empty service stands for all others.
     *
     * @param live what stands
     * @param says whether it is said why nothing is known, and what is missing
     */
    static Map<String, String> byService(Status.Outcome live, ParseResult options, Invocation invocation, boolean says)
            throws Exception {
        Map<String, String> words = new HashMap<>();
        try {
            Plan plan = PlanOptions.readQuietly(options, invocation, false).plan();
            Set<ServiceName> missing = new LinkedHashSet<>();
            Set<ServiceName> standing = new LinkedHashSet<>();
            Set<String> unplanned =
                    live.services().stream().map(Status.Captured::name).collect(Collectors.toSet());
            for (Service service : plan.services()) {
                (unplanned.remove(service.name().value()) ? standing : missing).add(service.name());
            }
            if (says && !missing.isEmpty()) {
                invocation.note("in the plan and not captured: "
                        + missing.stream().map(ServiceName::value).collect(Collectors.joining(", "))
                        + "; capture with: meshcapture apply");
            }
            // what another service lacks is no drift of those that stand
            Check.Outcome outcome = Check.run(plan, invocation.place(), missing.isEmpty() ? Set.of() : standing, false);
            words.put(UNKNOWN, word(isSharedDrift(outcome)));
            unplanned.forEach(service -> words.put(service, "drift"));
            outcome.differences().forEach(finding -> {
                if (finding.service() != null) {
                    words.put(finding.service(), "drift");
                }
            });
            Set<ServiceName> others = standing.stream()
                    .filter(service -> !words.containsKey(service.value()))
                    .collect(Collectors.toCollection(LinkedHashSet::new));
            if (isSharedDrift(outcome)
                    && !others.isEmpty()
                    && others.size() < live.services().size()) {
                // what the change of one service makes of what all share is no drift of the others
                String word = word(isSharedDrift(Check.run(plan, invocation.place(), others, false)));
                others.forEach(service -> words.put(service.value(), word));
            }
        } catch (Failure failure) {
            // what is captured is told whether or not it can be compared
            words.put(UNKNOWN, "unknown");
            if (says && PlanOptions.hasPlan(options, invocation)) {
                String.valueOf(failure.getMessage())
                        .lines()
                        .forEach(line -> invocation.note("drift is unknown: " + line));
            }
        }
        return words;
    }

    private static boolean isSharedDrift(Check.Outcome outcome) {
        return outcome.differences().stream().anyMatch(finding -> finding.service() == null)
                || !outcome.shadows().isEmpty();
    }

    private static String word(boolean drift) {
        return drift ? "drift" : "none";
    }

    /** What is said of a service without a word of its own. */
    static String unplanned(Map<String, String> words) {
        return words.getOrDefault(UNKNOWN, "unknown");
    }
}
