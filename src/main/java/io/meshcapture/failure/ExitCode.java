package io.meshcapture.failure;

/** The exit codes of every command, as scripts rely on them. */
public enum ExitCode {
    DONE(0, "done, or in sync"),
    BUG(1, "a bug in meshcapture"),
    USAGE(2, "wrong usage or invalid plan; nothing was touched"),
    DRIFT(3, "check: drift, not captured, or captured and not taken by Envoy"),
    UNAVAILABLE(4, "a privilege, library or kernel feature is missing; nothing was touched"),
    BUSY(5, "busy: another run holds the lock"),
    REFUSED(6, "the kernel refused; nothing was changed"),
    CONFLICT(7, "conflict: needs a person"),
    UNVERIFIED(8, "verification failed; what was applied has been undone");

    private final int status;
    private final String meaning;

    ExitCode(int status, String meaning) {
        this.status = status;
        this.meaning = meaning;
    }

    /** The process exit status, 0 to 8. */
    public int status() {
        return status;
    }

    /** What the status means, as {@code --help} prints it. */
    public String meaning() {
        return meaning;
    }
}
