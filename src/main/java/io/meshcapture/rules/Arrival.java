package io.meshcapture.rules;

import io.meshcapture.plan.Address;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A connection that somebody elsewhere is about to open.
 *
 * @param destination the address that the client asks for
 * @param port the port, 1 to 65535
 * @param device the interface that it arrives on, or null for one that the plan does not name
 * @param ownAddresses the host's own addresses, loopback apart
 */
public record Arrival(
        Connection.Protocol protocol,
        Address destination,
        int port,
        @Nullable String device,
        Set<Address> ownAddresses) {}
