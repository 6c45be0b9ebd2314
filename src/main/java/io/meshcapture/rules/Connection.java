package io.meshcapture.rules;

import io.meshcapture.plan.Address;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A connection that somebody on this host is about to open.
 *
 * @param protocol TCP or UDP
 * @param destination the address that the caller asks for
 * @param port the port, 1 to 65535
 * @param caller who opens it
 * @param ownAddresses the host's own addresses, loopback apart
 * @param device the interface that it leaves by, or null for one that the plan does not name
 */
public record Connection(
        Protocol protocol,
        Address destination,
        int port,
        Caller caller,
        Set<Address> ownAddresses,
        @Nullable String device) {

    public Connection(Protocol protocol, Address destination, int port, Caller caller, Set<Address> ownAddresses) {
        this(protocol, destination, port, caller, ownAddresses, null);
    }

    /** The protocols that capture tells apart. */
    public enum Protocol {
        TCP,
        UDP
    }
}
