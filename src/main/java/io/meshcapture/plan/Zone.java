package io.meshcapture.plan;

import java.util.List;

/**
 * Another datacentre, reached through its front proxy.
 *
 * @param name the zone's name
 * @param networks its networks
 * @param services the services that it has instances of
 * @param frontProxy its front proxy
 * @param origin where it was written
 */
public record Zone(
        ServiceName name, List<Network> networks, List<ServiceName> services, HostPort frontProxy, Origin origin) {
    public Zone {
        networks = List.copyOf(networks);
        services = List.copyOf(services);
    }
}
