package io.meshcapture.plan;

import java.util.List;

/**
 * Capture of DNS.
 *
 * @param servers whose queries are captured
 * @param addresses the servers, only with {@link Servers#LISTED}
 */
public record Dns(Servers servers, List<Address> addresses) {

    /** Which DNS servers. */
    public enum Servers {
        RESOLV_CONF,
        ANY,
        LISTED
    }

    public Dns {
        addresses = List.copyOf(addresses);
    }
}
