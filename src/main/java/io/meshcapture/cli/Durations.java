package io.meshcapture.cli;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ParseResult;

/** Times on the command line: {@code 60s}, {@code 500ms}, {@code 2m}, {@code 1h}; a bare number is seconds. */
final class Durations {
    /** Far from what overflows in nanoseconds, and longer than anybody waits. */
    private static final Duration LONGEST = Duration.ofHours(24);

    private Durations() {}

    static Duration option(ParseResult options, String name, Duration otherwise) {
        String text = options.matchedOptionValue(name, (@Nullable String) null);
        return text == null ? otherwise : parse(text, name);
    }

    static Duration parse(String text, String where) {
        int digits = 0;
        while (digits < text.length() && text.charAt(digits) >= '0' && text.charAt(digits) <= '9') {
            digits++;
        }
        if (digits >= 1 && digits <= 9) {
            long number = Long.parseLong(text.substring(0, digits));
            @Nullable
            Duration duration = switch (text.substring(digits)) {
                case "ms" -> Duration.ofMillis(number);
                case "", "s" -> Duration.ofSeconds(number);
                case "m" -> Duration.ofMinutes(number);
                case "h" -> Duration.ofHours(number);
                default -> null;
            };
            if (duration != null && duration.compareTo(LONGEST) > 0) {
                throw new Failure.Invalid(
                        "time " + BadValue.quote(text) + " is longer than a day", where, "write 24h or less");
            }
            if (duration != null) {
                return duration;
            }
        }
        throw new Failure.Invalid(
                "time " + BadValue.quote(text) + " is not a number with a unit",
                where,
                "write 500ms, 60s, 2m or 1h; without a unit it is seconds");
    }

    /** {@code 60 s}; parts of a second where there are any. */
    static String text(Duration time) {
        long millis = time.toMillis();
        return (millis % 1000 == 0 ? Long.toString(millis / 1000) : Double.toString(millis / 1000.0)) + " s";
    }
}
