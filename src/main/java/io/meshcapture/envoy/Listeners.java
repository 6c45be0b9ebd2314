package io.meshcapture.envoy;

import io.meshcapture.envoy.FilterChains.ClientAddress;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import java.util.ArrayList;
import java.util.List;

/** Envoy's listeners for the connections that the plan sends to it. */
final class Listeners {

    private static final Network LOOPBACK_IPV4 = new Network(Address.LOOPBACK_IPV4, 8);
    private static final Network LOOPBACK_IPV6 = new Network(Address.LOOPBACK_IPV6, 128);

    private final Plan plan;
    private final EnvoyHost host;
    private final Said said;
    private final FilterChains chains;
    private final Routing routing;

    private final Message originalDestination = Message.extension(
                    "envoy.filters.listener.original_dst", "filters.listener.original_dst.v3.OriginalDst")
            .anchored("original_dst");
    private final Message tls = Message.extension(
                    "envoy.filters.listener.tls_inspector", "filters.listener.tls_inspector.v3.TlsInspector")
            .anchored("tls_inspector");
    private final Message http = Message.extension(
                    "envoy.filters.listener.http_inspector", "filters.listener.http_inspector.v3.HttpInspector")
            .anchored("http_inspector");

    Listeners(Plan plan, EnvoyHost host, Said said, FilterChains chains, Routing routing) {
        this.plan = plan;
        this.host = host;
        this.said = said;
        this.chains = chains;
        this.routing = routing;
        Message serverSpeaksFirst = serverSpeaksFirst();
        tls.with("filter_disabled", serverSpeaksFirst);
        http.with("filter_disabled", serverSpeaksFirst);
    }

    /** Whether IPv6 comes to Envoy. */
    static boolean servesIpv6(Plan plan, EnvoyHost host) {
        return host.ipv6() && (plan.ipv6() == Choices.Ipv6.AUTO || plan.ipv6() == Choices.Ipv6.CAPTURE);
    }

    private boolean servesIpv6() {
        return servesIpv6(plan, host);
    }

    /** By name for everybody who asks for it, and for what leaves this host. */
    Message outbound(OutboundListener listener) {
        boolean forwards = !plan.interfaces().outbound().isEmpty();
        List<Message> all = new ArrayList<>();
        if (!listener.isEgress()) {
            all.add(chains.notCaptured(listener.port(), forwards ? List.of() : loopback()));
        }
        all.addAll(routing.byAddress(listener.named()));
        String prefix = listener.name();
        String words = listener.servicesInWords();
        Message result = start(prefix, listener.port(), forwards && !listener.isEgress())
                .with("listener_filters", filters(true));
        if (listener.isEgress()) {
            Message manager = chains.manager(prefix, routing.byHost(), ClientAddress.LEFT_ALONE, "by name");
            return result.withAny("filter_chains", all)
                    .because("Asked by name, such as with \"Host: payments\" or as an HTTP proxy; other names get 404.")
                    .with(
                            "default_filter_chain",
                            new Message()
                                    .with("name", "by_host")
                                    .with(
                                            "filters",
                                            List.of(FilterChains.filter(manager.with("strip_any_host_port", true)))));
        }
        String cluster = Clusters.originalDestination(prefix);
        all.addAll(routing.byZone(prefix, words));
        all.addAll(routing.bySni(prefix));
        List<Message> hosts = new ArrayList<>(routing.byHost());
        hosts.add(chains.everythingElse(cluster));
        all.add(chains.http(
                "http",
                "",
                chains.httpMatch(List.of()),
                chains.manager(prefix, hosts, ClientAddress.LEFT_ALONE, words)));
        return result.with("filter_chains", all)
                .because(said.once("TLS and everything that is not HTTP."))
                .with("default_filter_chain", chains.anythingElse(prefix, cluster, words));
    }

    /** For what arrives for this host. */
    Message inbound(Port port, Choices.InboundMode mode) {
        Message result = start("inbound", port, true);
        if (mode == Choices.InboundMode.TPROXY) {
            result.because(
                            "With mode: tproxy nothing is translated, and Envoy takes connections to addresses that it does not"
                                    + " listen on: it needs CAP_NET_ADMIN.")
                    .with("transparent", true);
        }
        Message manager = chains.manager(
                "inbound", List.of(chains.everythingElse(Clusters.THIS_HOST)), ClientAddress.TOLD, "inbound");
        return result.with("listener_filters", filters(true))
                .with(
                        "filter_chains",
                        List.of(
                                chains.notCaptured(port, List.of()),
                                chains.http("http", "", chains.httpMatch(List.of()), manager)))
                .with("default_filter_chain", chains.anythingElse("inbound", Clusters.THIS_HOST, "inbound"));
    }

    /** For one port of a service that is called by name, on the service's own address. */
    Message named(NamedService service, Address address, Port port) {
        String name = "named_" + service.service().name() + "_" + port;
        return new Message()
                .with("name", name)
                .with("stat_prefix", name)
                .with("address", Sockets.tcp(address, port))
                .with("listener_filters_timeout", "0.5s")
                .with("continue_on_listener_filters_timeout", true)
                .with("listener_filters", filters(false))
                .with("filter_chains", routing.byAddress(service, List.of()));
    }

    private Message start(String name, Port port, boolean arrives) {
        Message result = new Message().with("name", name).with("stat_prefix", name);
        if (arrives) {
            result.because(said.once("""
                            What arrives on an interface is redirected to that interface's address and not to loopback.""")).with("address", Sockets.tcp(Sockets.ANY_IPV4, port));
        } else {
            result.because(said.once(
                            "A redirect of what leaves this host leads to loopback, for each family to its own."))
                    .with("address", Sockets.tcp(Address.LOOPBACK_IPV4, port));
        }
        if (servesIpv6()) {
            Message ipv6 = Sockets.tcp(arrives ? Sockets.ANY_IPV6 : Address.LOOPBACK_IPV6, port);
            result.with(
                    "additional_addresses",
                    List.of(new Message().with("address", ipv6).inline()));
        }
        return result.because(said.once("""
                        Where the server speaks first, the client waits: after half a second Envoy looks no longer and passes
                        the connection on."""))
                .with("listener_filters_timeout", "0.5s")
                .with("continue_on_listener_filters_timeout", true);
    }

    /** First where the client wanted to go, asked of the kernel; then what it speaks. */
    private List<Message> filters(boolean captured) {
        return captured ? List.of(originalDestination, tls, http) : List.of(tls, http);
    }

    /** Ports of protocols in which the server speaks first (IANA): FTP, SSH, SMTP, POP3, IMAP, MySQL. */
    private static Message serverSpeaksFirst() {
        List<Message> rules = new ArrayList<>();
        for (int port : new int[] {21, 22, 25, 110, 143, 587, 3306}) {
            Message range = new Message().with("start", port).with("end", port + 1);
            rules.add(new Message().with("destination_port_range", range).inline());
        }
        return new Message()
                .because("On these ports the server speaks first: FTP, SSH, mail, MySQL.")
                .with("or_match", new Message().with("rules", rules))
                .anchored("server_speaks_first");
    }

    private List<Network> loopback() {
        return servesIpv6() ? List.of(LOOPBACK_IPV4, LOOPBACK_IPV6) : List.of(LOOPBACK_IPV4);
    }
}
