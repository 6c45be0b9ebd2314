package io.meshcapture.failure;

import java.util.List;
import java.util.stream.Collectors;

/**
 * A failure that the user can understand and mend. Its message is one line a problem: what, because, do.
 *
 * <p>The subclasses are the kinds that the contract's exit codes tell apart.
 */
public abstract sealed class Failure extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final ExitCode exitCode;
    private final transient List<Problem> problems;

    private Failure(ExitCode exitCode, List<Problem> problems) {
        super(problems.stream().map(Problem::sentence).collect(Collectors.joining("\n")));
        this.exitCode = exitCode;
        this.problems = List.copyOf(problems);
    }

    private Failure(ExitCode exitCode, String what, String because, String mend) {
        this(exitCode, List.of(new Problem(what, because, mend)));
    }

    /** The exit code that the command ends with. */
    public ExitCode exitCode() {
        return exitCode;
    }

    /** Everything that is wrong, in the order of the places; of all kinds but {@link Invalid} one. */
    public List<Problem> problems() {
        return problems;
    }

    /** What and why, to be said within another failure, whose mend it is then. */
    public static String withoutMend(Exception e) {
        if (e instanceof Failure failure && !(failure instanceof Invalid)) {
            Problem only = failure.problems.getFirst();
            return only.what() + "; " + only.where();
        }
        return String.valueOf(e.getMessage());
    }

    /** The command line or the plan is wrong; carries all problems that were found, not only the first. */
    public static final class Invalid extends Failure {
        private static final long serialVersionUID = 1L;

        public Invalid(List<Problem> problems) {
            super(ExitCode.USAGE, problems);
        }

        public Invalid(String what, String where, String mend) {
            this(List.of(new Problem(what, where, mend)));
        }
    }

    /** A privilege, a library or a feature of the kernel is missing, or not built yet. Nothing was touched. */
    public static final class Unavailable extends Failure {
        private static final long serialVersionUID = 1L;

        public Unavailable(String what, String because, String mend) {
            super(ExitCode.UNAVAILABLE, what, because, mend);
        }
    }

    /** Somebody else holds the lock. */
    public static final class Busy extends Failure {
        private static final long serialVersionUID = 1L;

        public Busy(String what, String because, String mend) {
            super(ExitCode.BUSY, what, because, mend);
        }
    }

    /** The kernel refused a transaction, which is all or nothing: nothing was changed. */
    public static final class Refused extends Failure {
        private static final long serialVersionUID = 1L;

        public Refused(String what, String because, String mend) {
            super(ExitCode.REFUSED, what, because, mend);
        }
    }

    /** Something stands in the way that only a person can decide about. */
    public static final class Conflict extends Failure {
        private static final long serialVersionUID = 1L;

        public Conflict(String what, String because, String mend) {
            super(ExitCode.CONFLICT, what, because, mend);
        }
    }

    /** What was applied does not do what it should, or Envoy never came; it has been undone. */
    public static final class Unverified extends Failure {
        private static final long serialVersionUID = 1L;

        public Unverified(String what, String because, String mend) {
            super(ExitCode.UNVERIFIED, what, because, mend);
        }
    }
}
