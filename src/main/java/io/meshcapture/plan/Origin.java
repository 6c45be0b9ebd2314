package io.meshcapture.plan;

/**
 * Where a value was written.
 *
 * @param source the plan's file as named by the user, {@code standard input}, a flag, an environment variable, or
 *     {@code default}
 * @param line 1-based line in a file, or 0 where lines make no sense
 * @param column 1-based column in a file, or 0 where columns make no sense
 */
public record Origin(String source, int line, int column) {

    /** The origin of a value that nobody wrote. */
    public static final Origin DEFAULT = new Origin("default", 0, 0);

    /** A flag, an environment variable or another source without lines. */
    public static Origin of(String source) {
        return new Origin(source, 0, 0);
    }

    /** As shown in messages: {@code plan.yaml:12:3}, {@code --envoy-user} or {@code default}. */
    @Override
    public String toString() {
        return line == 0 ? source : source + ":" + line + ":" + column;
    }
}
