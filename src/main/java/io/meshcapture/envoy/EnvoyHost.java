package io.meshcapture.envoy;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Dns;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.ServiceName;
import java.util.List;
import java.util.Map;

/**
 * What the plan leaves to the host that Envoy runs on.
 *
 * @param name of the host, by which a control plane knows this Envoy
 * @param ipv6 whether [::1] and [::] can be listened on; an address that cannot be bound ends Envoy
 * @param nameServers the DNS servers of resolv.conf, which Envoy asks where the plan names none
 * @param addresses the loopback address of each service that is captured by name
 * @param firstUnprivilegedPort below which a port takes CAP_NET_BIND_SERVICE; 1024 unless somebody has changed it
 * @param taken who else listens
 */
public record EnvoyHost(
        String name,
        boolean ipv6,
        List<Address> nameServers,
        Map<ServiceName, Address> addresses,
        int firstUnprivilegedPort,
        Taken taken) {

    /** Where Envoy could not listen because others do. */
    public interface Taken {

        /** By whom, as {@code uid 33, process 17 (nginx)}; the empty text where Envoy could listen there. */
        String by(Address address, Port port);
    }

    public EnvoyHost {
        nameServers = List.copyOf(nameServers);
        addresses = Map.copyOf(addresses);
    }

    /** Those that Envoy asks: its own queries are not captured. */
    List<Address> nameServersOf(Dns dns) {
        return dns.servers() == Dns.Servers.LISTED ? dns.addresses() : nameServers;
    }
}
