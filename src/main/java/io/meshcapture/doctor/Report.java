package io.meshcapture.doctor;

import io.meshcapture.failure.ExitCode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * All findings, by topic and within one the worst first.
 *
 * @param findings of every severity
 */
public record Report(List<Finding> findings) {

    public Report {
        List<Finding> sorted = new ArrayList<>(findings);
        sorted.sort(Comparator.comparing(Finding::topic).thenComparing(Finding::severity, Comparator.reverseOrder()));
        findings = List.copyOf(sorted);
    }

    /** Whether everything was looked at. */
    public boolean isWhole() {
        return findings.stream().noneMatch(one -> one.id().equals(Rights.UNPRIVILEGED));
    }

    /** How many are of a severity. */
    public long count(Severity severity) {
        return findings.stream().filter(one -> one.severity() == severity).count();
    }

    /** 0 where nothing is a problem. What is missing says more than what stands in the way, and both more than the plan. */
    public ExitCode exit() {
        List<ExitCode> exits = findings.stream()
                .filter(one -> one.severity() == Severity.PROBLEM)
                .map(Finding::exit)
                .toList();
        for (ExitCode code : List.of(ExitCode.UNAVAILABLE, ExitCode.CONFLICT, ExitCode.USAGE)) {
            if (exits.contains(code)) {
                return code;
            }
        }
        return exits.isEmpty() ? ExitCode.DONE : exits.getFirst();
    }
}
