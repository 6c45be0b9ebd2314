package io.meshcapture.rules;

import io.meshcapture.plan.Port;
import io.meshcapture.plan.ServiceName;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What happens to a connection, step by step until one decides.
 *
 * @param lines the steps that were asked, in order; the last one decided, unless none did
 * @param outcome what becomes of the connection
 * @param service the service that decided, or null
 * @param listener Envoy's listener where it is captured, or null
 */
public record Explanation(
        List<Line> lines,
        Outcome outcome,
        @Nullable ServiceName service,
        @Nullable Port listener) {

    public Explanation {
        lines = List.copyOf(lines);
    }

    /**
     * A step that was asked.
     *
     * @param why the step's sentence
     * @param decides whether it decided
     */
    public record Line(String why, boolean decides) {}

    /** What becomes of a connection. */
    public enum Outcome {
        DIRECT,
        CAPTURED,
        REJECTED
    }
}
