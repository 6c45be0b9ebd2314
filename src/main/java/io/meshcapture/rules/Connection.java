package io.meshcapture.rules;

import io.meshcapture.plan.Address;
import java.util.Set;

/**
 * A connection that somebody on this host is about to open.
 *
 * @param protocol TCP or UDP
 * @param destination the address that the caller asks for
 * @param port the port, 1 to 65535
 * @param caller who opens it
 * @param ownAddresses the host's own addresses, loopback apart
 */
public record Connection(Protocol protocol, Address destination, int port, Caller caller, Set<Address> ownAddresses) {

    /** The protocols that capture tells apart. */
    public enum Protocol {
        TCP,
        UDP
    }
}
