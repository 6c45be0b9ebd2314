package io.meshcapture.cli;

import io.meshcapture.plan.Address;
import io.meshcapture.rules.Connection;
import io.meshcapture.rules.Explanation;
import io.meshcapture.verbs.Screen;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What {@code explain} answers, for people: the connection, the steps that were asked, the outcome. */
public final class ExplanationText {
    private ExplanationText() {}

    /** The lines, each with its end. */
    public static String of(Connection connection, Explanation explanation) {
        StringBuilder text = new StringBuilder(1024);
        text.append(protocol(connection)).append(" to ").append(destination(connection));
        if (connection.caller().source() != null) {
            text.append(" from ").append(connection.caller().source());
        } else {
            text.append(" from uid ").append(connection.caller().uid());
            text.append(", gid ").append(connection.caller().gid());
        }
        if (connection.caller().cgroup() != null) {
            text.append(", cgroup /").append(connection.caller().cgroup());
        }
        text.append('\n');
        lines(explanation, text);
        return text.append(outcome(explanation)).append('\n').toString();
    }

    /** Likewise, for one that arrives from elsewhere. */
    public static String inbound(Connection connection, Explanation explanation) {
        StringBuilder text = new StringBuilder(1024);
        text.append(protocol(connection))
                .append(" to ")
                .append(destination(connection))
                .append(" from elsewhere\n");
        lines(explanation, text);
        boolean nobody = explanation.lines().isEmpty();
        return text.append(nobody ? "direct: inbound connections are not captured" : outcome(explanation))
                .append('\n')
                .toString();
    }

    /** The column that the reason of a step begins at. */
    static final int WHY = 14;

    private static void lines(Explanation explanation, StringBuilder text) {
        List<Explanation.Line> lines = explanation.lines();
        for (int i = 0; i < lines.size(); i++) {
            Explanation.Line line = lines.get(i);
            text.append(String.format(
                    Locale.ROOT, "%3d  %-7s  %s\n", i + 1, line.decides() ? "decides" : "passes", line.why()));
        }
    }

    /**
     * For a terminal, where lines of steps begin anew below their reasons.
     *
     * @param text as it is printed elsewhere
     * @param indent of the whole
     * @param why the column that the reason of a step begins at
     */
    static String fitting(String text, int indent, int why, @Nullable Screen screen) {
        StringBuilder fitting = new StringBuilder();
        text.lines().forEach(line -> {
            int begin = line.startsWith(" ") ? why : 0;
            fitting.repeat(' ', indent)
                    .append(line, 0, begin)
                    .append(Wrapped.of(line.substring(begin), begin + indent, screen))
                    .append('\n');
        });
        return fitting.toString();
    }

    static String protocol(Connection connection) {
        return connection.protocol().name().toLowerCase(Locale.ROOT);
    }

    static String destination(Connection connection) {
        return ends(connection.destination(), connection.port());
    }

    /** One end of a connection. */
    static String ends(Address address, int port) {
        String text = address.toString();
        return (text.indexOf(':') >= 0 ? "[" + text + "]" : text) + ":" + port;
    }

    /** Whether nothing took it, an exception neither. */
    static boolean isNobodys(Explanation explanation) {
        return explanation.outcome() == Explanation.Outcome.DIRECT
                && explanation.lines().stream().noneMatch(Explanation.Line::decides);
    }

    static String outcome(Explanation explanation) {
        String of = explanation.service() == null ? "" : ", service " + explanation.service();
        return switch (explanation.outcome()) {
            case DIRECT -> isNobodys(explanation) ? "direct: no service captures it" : "direct" + of;
            case CAPTURED -> "captured: to Envoy's listener " + explanation.listener() + of;
            case REJECTED -> "rejected" + of;
        };
    }
}
