package io.meshcapture.envoy;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.HostName;
import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.HostsCapture;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.Zone;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A service that clients call by name: Envoy routes it to instances instead of the original destination, which is a loopback
 * address.
 *
 * @param service the service
 * @param names its names
 * @param address its loopback address, or null where nobody has given it one
 * @param http where HTTP goes
 * @param tls where TLS goes
 * @param tcp where everything else goes, or null where nobody knows
 */
record NamedService(
        Service service,
        List<HostName> names,
        @Nullable Address address,
        Upstream http,
        Upstream tls,
        @Nullable Upstream tcp) {

    private static final Port HTTP = new Port(80);
    private static final Port HTTPS = new Port(443);

    /**
     * A cluster of instances.
     *
     * @param cluster its name
     * @param service whose instances
     * @param instances the instances
     * @param elsewhere the zones that have instances too, reached through their front proxies while none here is well
     */
    record Upstream(String cluster, String service, List<HostPort> instances, List<Zone> elsewhere) {}

    /** All that a plan has, in its order. */
    static List<NamedService> of(Plan plan, EnvoyHost host, Delivery delivery, List<String> notes) {
        List<NamedService> found = new ArrayList<>();
        for (Service service : plan.services()) {
            if (service.hosts() != null) {
                List<Zone> elsewhere = plan.zones().stream()
                        .filter(zone -> zone.services().contains(service.name()))
                        .toList();
                found.add(of(service, service.hosts(), host, delivery, elsewhere, notes));
            }
        }
        return found;
    }

    private static NamedService of(
            Service service,
            HostsCapture hosts,
            EnvoyHost host,
            Delivery delivery,
            List<Zone> elsewhere,
            List<String> notes) {
        String name = service.name().value();
        Address address = host.addresses().get(service.name());
        if (delivery.controlPlane() != null) {
            Upstream told = new Upstream(name, name, List.of(), List.of());
            return new NamedService(service, hosts.names(), address, told, told, told);
        }
        if (!hosts.instances().isEmpty()) {
            Upstream byName = new Upstream(name, name, hosts.instances(), elsewhere);
            return new NamedService(service, hosts.names(), address, byName, byName, nameless(byName, notes));
        }
        return byDns(service, hosts, address, elsewhere, notes);
    }

    /** Without instances the first name is asked of DNS; the port is the client's own as far as the plan tells it. */
    private static NamedService byDns(
            Service service, HostsCapture hosts, @Nullable Address address, List<Zone> elsewhere, List<String> notes) {
        String name = service.name().value();
        String first = hosts.names().getFirst().value();
        if (first.indexOf('.') < 0) {
            notes.add("service " + name + ": its first name, " + first
                    + ", has no domain, and Envoy asks DNS for names as"
                    + " they are, without the search list of resolv.conf; write its instances");
        }
        Set<Port> ports = new LinkedHashSet<>(hosts.ports().keySet());
        if (ports.size() == 1) {
            Port only = ports.iterator().next();
            Upstream upstream = new Upstream(name, name, List.of(new HostPort(first, only)), elsewhere);
            return new NamedService(service, hosts.names(), address, upstream, upstream, nameless(upstream, notes));
        }
        Port http = ports.isEmpty() || ports.contains(HTTP)
                ? HTTP
                : ports.stream().filter(port -> !port.equals(HTTPS)).findFirst().orElse(HTTP);
        Port tls = ports.isEmpty() || ports.contains(HTTPS) ? HTTPS : http;
        notes.add(
                "service " + name + " has no instances: HTTP goes to port " + http + " and TLS to port " + tls + " of "
                        + first
                        + ", whatever port the client asks for, and everything else is closed, since Envoy cannot keep the"
                        + " client's port with another address; write its instances");
        return new NamedService(
                service,
                hosts.names(),
                address,
                new Upstream(name + "_http", name, List.of(new HostPort(first, http)), elsewhere),
                new Upstream(name + "_tls", name, List.of(new HostPort(first, tls)), elsewhere),
                null);
    }

    /** For connections that tell no name: the front proxy of another zone could not route them. */
    private static Upstream nameless(Upstream byName, List<String> notes) {
        if (byName.elsewhere().isEmpty()) {
            return byName;
        }
        notes.add("service " + byName.service()
                + ": what is neither HTTP nor TLS carries no name by which a front proxy"
                + " could route it, so it has no instance in zone " + words(byName.elsewhere()) + " to fall back to");
        return new Upstream(byName.cluster() + "_here", byName.service(), byName.instances(), List.of());
    }

    private static String words(List<Zone> zones) {
        return String.join(", ", zones.stream().map(zone -> zone.name().value()).toList());
    }

    /** The ports that its clients use, as far as the plan tells them. */
    Set<Port> clientPorts() {
        HostsCapture hosts = service.hosts();
        if (hosts != null && !hosts.ports().isEmpty()) {
            return hosts.ports().keySet();
        }
        Set<Port> ports = new LinkedHashSet<>();
        http.instances().forEach(instance -> ports.add(instance.port()));
        return ports.isEmpty() ? Set.of(HTTP, HTTPS) : ports;
    }

    /** Its clusters, each once. */
    Set<Upstream> upstreams() {
        Set<Upstream> all = new LinkedHashSet<>(List.of(http, tls));
        if (tcp != null) {
            all.add(tcp);
        }
        return all;
    }
}
