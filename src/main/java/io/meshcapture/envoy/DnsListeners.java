package io.meshcapture.envoy;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Port;
import java.util.ArrayList;
import java.util.List;

/** Envoy's listeners for captured DNS. */
final class DnsListeners {

    private static final Port DNS = new Port(53);

    private DnsListeners() {}

    /** @param servers which Envoy asks; none: it goes by the resolv.conf that it finds when it starts */
    static List<Message> of(Port port, boolean ipv6, List<Address> servers) {
        List<Message> resolvers =
                servers.stream().map(server -> Sockets.tcp(server, DNS)).toList();
        Message cares = new Message();
        if (!servers.isEmpty()) {
            cares.because("By name, as of when this was written. Print it again when they change.")
                    .with("resolvers", resolvers);
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
        Message filter = Message.extension(
                "envoy.filters.udp.dns_filter",
                "filters.udp.dns_filter.v3.DnsFilterConfig",
                new Message()
                        .with("stat_prefix", "dns")
                        .with("server_config", table)
                        .with("client_config", client));
        List<Message> filters = List.of(filter.anchored("dns_filter"));
        List<Message> found = new ArrayList<>();
        found.add(udp("dns", Sockets.LOOPBACK_IPV4, port, filters));
        if (ipv6) {
            found.add(udp("dns_ipv6", Sockets.LOOPBACK_IPV6, port, filters));
        }
        if (!servers.isEmpty()) {
            found.add(tcp(port, ipv6, servers.size()));
        }
        return found;
    }

    private static Message udp(String name, Address address, Port port, List<Message> filters) {
        return new Message()
                .with("name", name)
                .with("stat_prefix", name)
                .because(name.equals("dns") ? """
                        On loopback and not on all addresses: answers would come from an address that nobody asked.""" : "")
                .with("address", Sockets.udp(address, port))
                .with("listener_filters", filters);
    }

    /** The filter takes no TCP, which clients use for long answers. */
    private static Message tcp(Port port, boolean ipv6, int servers) {
        Message listener = new Message()
                .because("DNS over TCP, for long answers: the filter takes UDP only, so it is passed on as it is.")
                .with("name", "dns_tcp")
                .with("stat_prefix", "dns_tcp")
                .with("address", Sockets.tcp(Sockets.LOOPBACK_IPV4, port));
        if (ipv6) {
            Message address = Sockets.tcp(Sockets.LOOPBACK_IPV6, port);
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
                        .with("max_connect_attempts", servers)
                        .with("access_log", AccessLog.tcp("DNS")));
        return listener.with("filter_chains", List.of(new Message().with("filters", List.of(proxy))));
    }
}
