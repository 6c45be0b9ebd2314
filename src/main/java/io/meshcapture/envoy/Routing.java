package io.meshcapture.envoy;

import io.meshcapture.envoy.FilterChains.ClientAddress;
import io.meshcapture.envoy.NamedService.Upstream;
import io.meshcapture.plan.HostName;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Zone;
import java.util.ArrayList;
import java.util.List;

/** Which services and zones are told by name or address, and where they are sent. */
final class Routing {

    private final Plan plan;
    private final List<NamedService> services;
    private final FilterChains chains;
    private final Said said;
    private final List<Message> byHost = new ArrayList<>();

    Routing(Plan plan, List<NamedService> services, FilterChains chains, Said said) {
        this.plan = plan;
        this.services = services;
        this.chains = chains;
        this.said = said;
        for (NamedService service : services) {
            List<String> domains = new ArrayList<>();
            for (HostName name : service.names()) {
                domains.add(name.value());
                domains.add(name.value() + ":*");
            }
            String name = service.service().name().value();
            byHost.add(chains.virtualHost(
                            name,
                            domains,
                            service.http().cluster(),
                            !service.http().elsewhere().isEmpty())
                    .anchored("host_" + name));
        }
    }

    /** The virtual hosts of all services that are called by name. */
    List<Message> byHost() {
        return byHost;
    }

    /** For connections that were redirected from the address of a service that is called by name. */
    List<Message> byAddress(List<NamedService> some) {
        List<Message> found = new ArrayList<>();
        for (NamedService service : some) {
            if (service.address() != null) {
                found.addAll(byAddress(
                        service,
                        List.of(new Network(
                                service.address(), service.address().family().bits()))));
            }
        }
        return found;
    }

    /** @param addresses where they come to, or empty for anywhere */
    List<Message> byAddress(NamedService service, List<Network> addresses) {
        String name = service.service().name().value();
        String prefix = "named_" + name;
        String words = "service " + name;
        Upstream http = service.http();
        Message all = chains.virtualHost(
                "everything", List.of("*"), http.cluster(), !http.elsewhere().isEmpty());
        Message manager = chains.manager(prefix, List.of(all), ClientAddress.LEFT_ALONE, words);
        String nameless =
                service.tcp() == null ? FilterChains.NO_ENDPOINT : service.tcp().cluster();
        return List.of(
                chains.http(prefix + "_http", "", chains.httpMatch(addresses), manager),
                chains.tcp(
                        prefix + "_tls",
                        match(addresses, "tls"),
                        prefix,
                        service.tls().cluster(),
                        words),
                chains.tcp(prefix + "_tcp", match(addresses, "raw_buffer"), prefix, nameless, words));
    }

    /** TLS to a name that the plan knows, whatever address was asked for. */
    List<Message> bySni(String prefix) {
        List<Message> found = new ArrayList<>();
        for (NamedService service : services) {
            String name = service.service().name().value();
            Message match = new Message()
                    .with(
                            "server_names",
                            service.names().stream().map(HostName::value).toList())
                    .with("transport_protocol", "tls");
            found.add(chains.tcp(
                    "named_" + name + "_sni", match, prefix, service.tls().cluster(), "service " + name));
        }
        return found;
    }

    /** What is meant for another datacentre. */
    List<Message> byZone(String prefix, String words) {
        List<Message> found = new ArrayList<>();
        for (Zone zone : plan.zones()) {
            if (zone.networks().isEmpty()) {
                continue;
            }
            String cluster = Clusters.frontProxyName(zone);
            List<Message> hosts = new ArrayList<>(byHost);
            hosts.add(chains.everythingElse(cluster));
            String name = "zone_" + zone.name();
            Message match = chains.httpMatch(zone.networks());
            Message manager = chains.manager(prefix, hosts, ClientAddress.LEFT_ALONE, words);
            found.add(chains.http(name + "_http", said.once("""
                    The other zone's front proxy routes by Host and, without opening TLS, by SNI. What carries neither goes on
                    to its original destination, as without Envoy."""), match, manager));
            found.add(chains.tcp(name + "_tls", match(zone.networks(), "tls"), prefix, cluster, words));
        }
        return found;
    }

    private static Message match(List<Network> addresses, String transport) {
        return new Message().withAny("prefix_ranges", Sockets.ranges(addresses)).with("transport_protocol", transport);
    }
}
