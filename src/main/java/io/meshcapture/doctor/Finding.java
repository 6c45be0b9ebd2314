package io.meshcapture.doctor;

import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import java.util.List;

/**
 * Something about the host.
 *
 * @param id names the kind of finding for machines, such as {@code conntrack.close-wait}; never changes its meaning
 * @param topic what it is about
 * @param severity how much it matters
 * @param what the finding
 * @param because why it is so or why it matters; may be empty
 * @param mend what to do; empty where there is nothing to do
 * @param commands the mend as commands for root's shell, as far as it can be written as such; nobody runs them
 * @param exit how a command ends that found it, where it is a problem
 */
public record Finding(
        String id,
        Topic topic,
        Severity severity,
        String what,
        String because,
        String mend,
        List<String> commands,
        ExitCode exit) {

    public Finding {
        commands = List.copyOf(commands);
    }

    /** As it should be. */
    public static Finding ok(Topic topic, String id, String what) {
        return new Finding(id, topic, Severity.OK, what, "", "", List.of(), ExitCode.DONE);
    }

    /** Something worth knowing. */
    public static Finding note(Topic topic, String id, String what, String because, String mend, String... commands) {
        return new Finding(id, topic, Severity.NOTE, what, because, mend, List.of(commands), ExitCode.DONE);
    }

    /** Something that may bite. */
    public static Finding warning(
            Topic topic, String id, String what, String because, String mend, String... commands) {
        return new Finding(id, topic, Severity.WARNING, what, because, mend, List.of(commands), ExitCode.DONE);
    }

    /** Something that a person has to decide about. */
    public static Finding conflict(
            Topic topic, String id, String what, String because, String mend, String... commands) {
        return new Finding(id, topic, Severity.PROBLEM, what, because, mend, List.of(commands), ExitCode.CONFLICT);
    }

    /** A privilege, library or kernel feature that is missing. */
    public static Finding missing(
            Topic topic, String id, String what, String because, String mend, String... commands) {
        return new Finding(id, topic, Severity.PROBLEM, what, because, mend, List.of(commands), ExitCode.UNAVAILABLE);
    }

    /** The same, where something else makes up for it. */
    public Finding asWarning(String insteadOfMend) {
        return new Finding(id, topic, Severity.WARNING, what, because, insteadOfMend, commands, ExitCode.DONE);
    }

    /** One for each problem of a failure; its sentence is what, because, do. */
    public static List<Finding> of(Topic topic, String id, Failure failure) {
        return String.valueOf(failure.getMessage())
                .lines()
                .map(line -> line.split("; ", 3))
                .map(parts -> new Finding(
                        id,
                        topic,
                        Severity.PROBLEM,
                        parts[0],
                        parts.length > 1 ? parts[1] : "",
                        parts.length > 2 ? parts[2] : "",
                        List.of(),
                        failure.exitCode()))
                .toList();
    }
}
