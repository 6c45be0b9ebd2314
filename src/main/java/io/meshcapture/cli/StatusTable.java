package io.meshcapture.cli;

import io.meshcapture.verbs.Screen;
import io.meshcapture.verbs.Status;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The services in a table that fits the terminal: a narrow one shows fewer columns, and none breaks a line. */
final class StatusTable {
    /** A column, and how dear it is: the dearest stays longest. */
    private enum Column {
        SERVICE("SERVICE", 11),
        BACKEND("BACKEND", 4),
        SINCE("SINCE", 5),
        VERSION("VERSION", 3),
        CAPTURED("CAPTURED", 10),
        PER_SECOND("/S", 9),
        EXCEPTED("EXCEPTED", 7),
        REJECTED("REJECTED", 6),
        OPEN("OPEN", 2),
        PACKETS("PACKETS", 1),
        DRIFT("DRIFT", 8);

        private final String title;
        private final int worth;

        Column(String title, int worth) {
            this.title = title;
            this.worth = worth;
        }
    }

    private static final int GAP = 2;
    private static final String RED = "\u001b[31m";
    private static final String PLAIN = "\u001b[0m";

    private final Status.Outcome now;
    private final Status.@Nullable Outcome before;
    private final Duration between;
    private final Map<String, String> drift;

    /**
     * Takes what is shown.
     *
     * @param before what stood some time ago, for what happens per second, or null for a single look
     * @param between how long ago
     */
    StatusTable(Status.Outcome now, Status.@Nullable Outcome before, Duration between, Map<String, String> drift) {
        this.now = now;
        this.before = before;
        this.between = between;
        this.drift = drift;
    }

    /**
     * The lines.
     *
     * @param screen what they have to fit, or null for as wide as they are
     * @param most how many services are shown
     */
    List<String> lines(@Nullable Screen screen, int most, boolean coloured) {
        Set<Column> columns = new TreeSet<>(List.of(Column.values()));
        if (before == null) {
            columns.remove(Column.PER_SECOND);
        }
        List<Status.Captured> shown =
                now.services().subList(0, Math.min(most, now.services().size()));
        while (screen != null && width(shown, columns) > screen.columns() && columns.size() > 2) {
            columns.stream().min((a, b) -> a.worth - b.worth).ifPresent(columns::remove);
        }
        int tooWide = screen == null ? 0 : Math.max(0, width(shown, columns) - screen.columns());
        List<String> lines = new ArrayList<>();
        lines.add(line(null, shown, columns, tooWide, false));
        shown.forEach(service -> lines.add(line(service, shown, columns, tooWide, coloured)));
        int more = now.services().size() - shown.size();
        if (more > 0) {
            lines.add("and " + more + " more");
        }
        return lines;
    }

    private int width(List<Status.Captured> shown, Set<Column> columns) {
        return columns.stream().mapToInt(column -> width(shown, column) + GAP).sum() - GAP;
    }

    private int width(List<Status.Captured> shown, Column column) {
        int width = column.title.length();
        for (Status.Captured service : shown) {
            width = Math.max(width, text(service, column).length());
        }
        return width;
    }

    private String line(
            Status.@Nullable Captured service,
            List<Status.Captured> shown,
            Set<Column> columns,
            int tooWide,
            boolean coloured) {
        StringBuilder line = new StringBuilder();
        for (Column column : columns) {
            String text = service == null ? column.title : text(service, column);
            int width = width(shown, column);
            if (column == Column.SERVICE) {
                width = Math.max(2, width - tooWide);
                text = text.length() > width ? text.substring(0, width - 1) + "…" : text;
            }
            boolean isLast = column == Column.DRIFT || columns.stream().noneMatch(other -> other.compareTo(column) > 0);
            String padded = isLast ? text : text + " ".repeat(width - text.length() + GAP);
            line.append(coloured && column == Column.DRIFT && text.equals("drift") ? RED + padded + PLAIN : padded);
        }
        return line.toString();
    }

    private String text(Status.Captured service, Column column) {
        return switch (column) {
            case SERVICE -> service.name();
            case BACKEND -> service.backend();
            case SINCE -> since(service.since());
            case VERSION -> service.version();
            case CAPTURED -> counted(service.captured());
            case PER_SECOND -> perSecond(service);
            case EXCEPTED -> counted(service.excepted());
            case REJECTED -> counted(service.rejected());
            case OPEN -> counted(service.open());
            case PACKETS -> counted(service.packets());
            case DRIFT -> drift.getOrDefault(service.name(), StatusDrift.unplanned(drift));
        };
    }

    private static String since(@Nullable Instant since) {
        return since == null ? "-" : since.toString();
    }

    private static String counted(long connections) {
        return connections == Status.UNCOUNTED ? "-" : Long.toString(connections);
    }

    private String perSecond(Status.Captured service) {
        if (before == null || service.captured() == Status.UNCOUNTED) {
            return "-";
        }
        for (Status.Captured earlier : before.services()) {
            if (earlier.name().equals(service.name())) {
                return rate(service.captured() - earlier.captured(), between);
            }
        }
        return "-";
    }

    /** {@code 12}, {@code 0.5}; a counter that began anew says nothing. */
    static String rate(long more, Duration between) {
        double perSecond = more * 1000.0 / Math.max(1, between.toMillis());
        if (more < 0) {
            return "-";
        }
        return perSecond >= 10 || perSecond == Math.rint(perSecond)
                ? Long.toString(Math.round(perSecond))
                : Double.toString(Math.round(perSecond * 10) / 10.0);
    }
}
