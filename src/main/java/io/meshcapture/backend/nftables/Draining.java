package io.meshcapture.backend.nftables;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Port;

/**
 * What is recorded of a captured connection whose service was rolled back.
 *
 * @param service the service's name, the empty text where it was not known
 * @param listener Envoy's listener that it was sent to, since the table may forget it before the connection ends
 */
public record Draining(String service, Port listener) {

    private static final String UNKNOWN = "-";

    /** The comment of its element. */
    String comment() {
        return (service.isEmpty() ? UNKNOWN : service) + " " + listener;
    }

    static Draining parse(String comment) throws BadValue {
        int space = comment.lastIndexOf(' ');
        String service = space < 0 ? comment : comment.substring(0, space);
        return new Draining(service.equals(UNKNOWN) ? "" : service, Port.parse(comment.substring(space + 1)));
    }
}
