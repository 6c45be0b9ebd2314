package io.meshcapture.failure;

/**
 * One thing that is wrong.
 *
 * @param what the finding, with the offending value in double quotes
 * @param where the place, for example {@code plan.yaml:12:15} or {@code --envoy-user}; where nothing that somebody wrote is
 *     wrong, the reason
 * @param mend what to write or to do instead
 */
public record Problem(String what, String where, String mend) {

    /** The one line that people read: what; where; mend. */
    public String sentence() {
        return what + "; " + where + "; " + mend;
    }
}
