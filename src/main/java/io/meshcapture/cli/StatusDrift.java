package io.meshcapture.cli;

import io.meshcapture.failure.Failure;
import io.meshcapture.verbs.Check;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine.ParseResult;

/** Whether each service stands as the plan has it; without a plan nobody knows. */
final class StatusDrift {

    private static final String UNKNOWN = "";

    private StatusDrift() {}

    /**
     * Words by service; the empty service stands for all others.
     *
     * @param says whether it is said why nothing is known
     */
    static Map<String, String> byService(ParseResult options, Invocation invocation, boolean says) throws Exception {
        Map<String, String> words = new HashMap<>();
        try {
            Check.Outcome outcome = Check.run(
                    PlanOptions.readQuietly(options, invocation, false).plan(), invocation.place(), Set.of(), false);
            boolean shared = outcome.differences().stream().anyMatch(finding -> finding.service() == null)
                    || !outcome.shadows().isEmpty();
            words.put(UNKNOWN, shared ? "drift" : "none");
            outcome.differences().forEach(finding -> {
                if (finding.service() != null) {
                    words.put(finding.service(), "drift");
                }
            });
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

    /** What is said of a service without a word of its own. */
    static String unplanned(Map<String, String> words) {
        return words.getOrDefault(UNKNOWN, "unknown");
    }
}
