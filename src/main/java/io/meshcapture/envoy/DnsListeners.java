package io.meshcapture.envoy;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Port;
import java.util.ArrayList;
import java.util.List;

/**
 * Envoy's listeners for captured DNS.
 *
 * @param port of all of them
 * @param ipv6 whether IPv6 comes to Envoy
 * @param arrives whether queries of guests of this host come too
 * @param servers which Envoy asks; none: it goes by the resolv.conf that it finds when it starts
 */
record DnsListeners(Port port, boolean ipv6, boolean arrives, List<Address> servers) {

    private static final Port DNS = new Port(53);

    List<Message> all() {
        List<Message> filters = List.of(filter());
        List<Message> found = new ArrayList<>();
        found.add(udp("dns", ipv4Address(), filters));
        if (ipv6) {
            found.add(udp("dns_ipv6", ipv6Address(), filters));
        }
        if (!servers.isEmpty()) {
            found.add(tcp());
        }
        return found;
    }

    private Address ipv4Address() {
        return arrives ? Sockets.ANY_IPV4 : Address.LOOPBACK_IPV4;
    }

    private Address ipv6Address() {
        return arrives ? Sockets.ANY_IPV6 : Address.LOOPBACK_IPV6;
    }

    private Message filter() {
        Message cares = new Message();
        if (!servers.isEmpty()) {
            cares.because("By name, as of when this was written. Print it again when they change.")
                    .with(
                            "resolvers",
                            servers.stream()
                                    .map(server -> Sockets.tcp(server, DNS))
                                    .toList());
        }
        cares.with(
                "dns_resolver_options",
                new Message().with("no_default_search_domain", true).inline());
        Message client = new Message()
                .with("resolver_timeout", "5s")
                .with("max_pending_lookups", 65536)
                .with(
                        "typed_dns_resolver_config",
                        Message.extension(
                                "envoy.network.dns_resolver.cares",
                                "network.dns_resolver.cares.v3.CaresDnsResolverConfig",
                                cares));
        Message table = new Message().because("""
                        Names that Envoy answers for itself would stand here, for instance
                          virtual_domains: [{ name: payments.mesh, endpoint: { address_list: { address: [10.96.0.1] } } }]
                        Everything else is asked of the servers below.""").with("inline_dns_table", new Message());
        return Message.extension(
                        "envoy.filters.udp.dns_filter",
                        "filters.udp.dns_filter.v3.DnsFilterConfig",
                        new Message()
                                .with("stat_prefix", "dns")
                                .with("server_config", table)
                                .with("client_config", client))
                .anchored("dns_filter");
    }

    private Message udp(String name, Address address, List<Message> filters) {
        String why = arrives
                ? "Queries of guests are redirected to the address of the interface that they come in by."
                : "Not on all addresses: nobody else is to be answered.";
        return new Message()
                .with("name", name)
                .with("stat_prefix", name)
                .because(name.equals("dns") ? why : "")
                .with("address", Sockets.udp(address, port))
                .with("listener_filters", filters);
    }

    /** The filter takes no TCP, which clients use for long answers. */
    private Message tcp() {
        Message listener = new Message()
                .because("DNS over TCP, for long answers: the filter takes UDP only, so it is passed on as it is.")
                .with("name", "dns_tcp")
                .with("stat_prefix", "dns_tcp")
                .with("address", Sockets.tcp(ipv4Address(), port));
        if (ipv6) {
            Message address = Sockets.tcp(ipv6Address(), port);
            listener.with(
                    "additional_addresses",
                    List.of(new Message().with("address", address).inline()));
        }
        Message proxy = Message.extension(
                "envoy.filters.network.tcp_proxy",
                "filters.network.tcp_proxy.v3.TcpProxy",
                new Message()
                        .with("stat_prefix", "dns_tcp")
                        .with("cluster", Clusters.NAME_SERVERS)
                        .because("Each server is tried before the client hears of it, as resolvers do.")
                        .with("max_connect_attempts", servers.size())
                        .with("access_log", AccessLog.tcp("DNS")));
        return listener.with("filter_chains", List.of(new Message().with("filters", List.of(proxy))));
    }
}
