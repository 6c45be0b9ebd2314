package io.meshcapture.backend.nftables;

import java.time.Duration;

/** Times of elements in nft's words: {@code 1d2h3m4s500ms}. */
final class Timeouts {
    private Timeouts() {}

    /** As in a script; at least a millisecond. */
    static String text(Duration time) {
        return Math.max(1, time.toMillis()) + "ms";
    }

    /** What {@code timeout 1m expires 59s996ms} has left; its whole time where the listing does not say. */
    static Duration left(String options) {
        int expires = options.indexOf("expires ");
        int timeout = options.indexOf("timeout ");
        if (expires < 0 && timeout < 0) {
            return Duration.ZERO;
        }
        int start = (expires >= 0 ? expires : timeout) + "expires ".length();
        int end = options.indexOf(' ', start);
        return parse(options.substring(start, end < 0 ? options.length() : end));
    }

    private static Duration parse(String text) {
        Duration total = Duration.ZERO;
        long number = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c >= '0' && c <= '9') {
                number = number * 10 + (c - '0');
                continue;
            }
            boolean millis = c == 'm' && i + 1 < text.length() && text.charAt(i + 1) == 's';
            total = total.plus(
                    switch (c) {
                        case 'd' -> Duration.ofDays(number);
                        case 'h' -> Duration.ofHours(number);
                        case 'm' -> millis ? Duration.ofMillis(number) : Duration.ofMinutes(number);
                        default -> Duration.ofSeconds(number);
                    });
            number = 0;
            i += millis ? 1 : 0;
        }
        return total;
    }
}
