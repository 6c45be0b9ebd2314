package io.meshcapture.cli;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ParseResult;

/** Times on the command line: {@code 60s}, {@code 500ms}, {@code 2m}, {@code 1h}; a bare number is seconds. */
final class Durations {
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
            switch (text.substring(digits)) {
                case "ms" -> {
                    return Duration.ofMillis(number);
                }
                case "", "s" -> {
                    return Duration.ofSeconds(number);
                }
                case "m" -> {
                    return Duration.ofMinutes(number);
                }
                case "h" -> {
                    return Duration.ofHours(number);
                }
                default -> {}
            }
        }
        throw new Failure.Invalid(
                "time " + BadValue.quote(text) + " is not a number with a unit", where, "write 500ms, 60s, 2m or 1h");
    }
}
