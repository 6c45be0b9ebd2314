package io.meshcapture.plan;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What is to be captured; pure data, complete and valid.
 *
 * @param envoy the local Envoy
 * @param backend how capture is written
 * @param ipv6 what happens to IPv6
 * @param udp443 what happens to QUIC
 * @param invalid what happens to INVALID packets of captured connections
 * @param hostsPorts how the ports of hosts services reach Envoy
 * @param except destinations that no service captures
 * @param services the services, in the order of the plan
 * @param inbound capture of inbound connections, or null
 * @param dns capture of DNS, or null
 * @param zones other datacentres
 * @param interfaces interfaces with a treatment of their own
 */
public record Plan(
        Envoy envoy,
        Choices.Backend backend,
        Choices.Ipv6 ipv6,
        Choices.Udp443 udp443,
        Choices.Invalid invalid,
        Choices.HostsPorts hostsPorts,
        List<Destination> except,
        List<Service> services,
        @Nullable Inbound inbound,
        @Nullable Dns dns,
        List<Zone> zones,
        Interfaces interfaces) {

    public Plan {
        except = List.copyOf(except);
        services = List.copyOf(services);
        zones = List.copyOf(zones);
    }

    /** The service of that name. */
    public Optional<Service> service(ServiceName name) {
        for (Service service : services) {
            if (service.name().equals(name)) {
                return Optional.of(service);
            }
        }
        return Optional.empty();
    }
}
