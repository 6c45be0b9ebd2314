package io.meshcapture.envoy;

import io.meshcapture.plan.Network;
import io.meshcapture.plan.Port;
import java.util.List;

/** What Envoy does with a connection once a listener has seen what it is. */
final class FilterChains {

    /** Of a cluster without endpoints: whoever is sent there is disconnected. */
    static final String NO_ENDPOINT = "no_endpoint";

    private static final List<String> HTTP_WITHOUT_TLS = List.of("http/1.0", "http/1.1", "h2c");

    /** To which protocols a connection of HTTP/1.1 may turn: also those of kubectl and docker. */
    private static final List<String> UPGRADES = List.of("websocket", "spdy/3.1", "tcp", "CONNECT");

    private final Said said;
    private final boolean clustersComeLater;

    private final List<Message> router = List.of(Message.extension(
                    "envoy.filters.http.router",
                    "filters.http.router.v3.Router",
                    new Message().with("suppress_envoy_headers", true))
            .anchored("router"));

    private final Message elsewhere = elsewhere();

    /**
     * @param said what was said in the file
     * @param clustersComeLater whether a route may name a cluster that is not there yet
     */
    FilterChains(Said said, boolean clustersComeLater) {
        this.said = said;
        this.clustersComeLater = clustersComeLater;
    }

    /**
     * For those who connect to the listener itself and were not captured.
     *
     * @param addresses its own addresses, or empty for any
     */
    Message notCaptured(Port listener, List<Network> addresses) {
        Message match = new Message()
                .with("destination_port", listener.number())
                .withAny("prefix_ranges", Sockets.ranges(addresses));
        return chain("not_captured", said.once("""
                        Whoever connects to the listener itself has no original destination: sent there, he would come back
                        to the listener again and again."""), match, tcpProxy("not_captured", NO_ENDPOINT, List.of()));
    }

    Message http(String name, String why, Message match, Message manager) {
        return chain(name, why, match, filter(manager));
    }

    static Message filter(Message manager) {
        return filter("http_connection_manager", "HttpConnectionManager", manager);
    }

    /** Matches HTTP that is not in TLS, besides what else a match asks for. */
    Message httpMatch(List<Network> destinations) {
        return new Message()
                .withAny("prefix_ranges", Sockets.ranges(destinations))
                .because(said.once("Without raw_buffer TLS clients that offer http/1.1 by ALPN would come here too."))
                .with("transport_protocol", "raw_buffer")
                .with("application_protocols", HTTP_WITHOUT_TLS);
    }

    Message tcp(String name, Message match, String statPrefix, String cluster, String service) {
        return chain(name, "", match, tcpProxy(statPrefix, cluster, AccessLog.tcp(service)));
    }

    /** For what no other chain matches. */
    Message anythingElse(String statPrefix, String cluster, String service) {
        return new Message()
                .with("name", "tcp")
                .with("filters", List.of(tcpProxy(statPrefix, cluster, AccessLog.tcp(service))));
    }

    private static Message chain(String name, String why, Message match, Message filter) {
        return new Message()
                .because(why)
                .with("name", name)
                .with("filter_chain_match", match)
                .with("filters", List.of(filter));
    }

    private Message tcpProxy(String statPrefix, String cluster, List<Message> log) {
        Message proxy = new Message().with("stat_prefix", statPrefix).with("cluster", cluster);
        if (!cluster.equals(NO_ENDPOINT)) {
            proxy.because(said.once("How long a silent connection may last is left to its two ends."))
                    .with("idle_timeout", "0s");
        }
        return filter("tcp_proxy", "TcpProxy", proxy.withAny("access_log", log));
    }

    private static Message filter(String name, String type, Message configuration) {
        return Message.extension(
                "envoy.filters.network." + name, "filters.network." + name + ".v3." + type, configuration);
    }

    /** Whether the client's address is told to the upstream. */
    enum ClientAddress {
        /** In x-forwarded-for. */
        TOLD,
        LEFT_ALONE
    }

    /** An HTTP connection manager that changes as little as it can. */
    Message manager(String statPrefix, List<Message> virtualHosts, ClientAddress client, String service) {
        Message manager = new Message().with("stat_prefix", statPrefix);
        if (client == ClientAddress.TOLD) {
            manager.because(said.once(
                            "The application sees connections of Envoy; who called stands in x-forwarded-for."))
                    .with("use_remote_address", true);
        }
        manager.because(said.once("""
                        A proxy says so (RFC 9110 section 7.6.3). Servers may act on it, nginx for instance does not compress
                        then; take it out if that matters."""))
                .with("via", "envoy")
                .with("server_header_transformation", "PASS_THROUGH")
                .with("generate_request_id", false)
                .because(said.once("""
                        What a client may do without Envoy: HTTP/1.0, names of headers as it writes them, trailers, other
                        protocols after an upgrade, and CONNECT to a proxy."""))
                .with(
                        "http_protocol_options",
                        new Message()
                                .with("accept_http_10", true)
                                .with("default_host_for_http_10", "none.invalid")
                                .with("header_key_format", Clusters.PRESERVE_CASE)
                                .with("enable_trailers", true))
                .with(
                        "upgrade_configs",
                        UPGRADES.stream().map(FilterChains::upgrade).toList())
                .because(
                        said.once("The ends decide how long they wait, not Envoy (5 minutes, and 1 hour, by default)."))
                .with("stream_idle_timeout", "0s")
                .with(
                        "common_http_protocol_options",
                        new Message().with("idle_timeout", "0s").inline())
                .with("access_log", AccessLog.http(service))
                .with("http_filters", router);
        Message routes = new Message().with("name", statPrefix);
        if (clustersComeLater) {
            routes.because(said.once("Clusters may come later than the routes to them."))
                    .with("validate_clusters", false);
        }
        return manager.with("route_config", routes.with("virtual_hosts", virtualHosts));
    }

    private static Message upgrade(String type) {
        return new Message().with("upgrade_type", type).inline();
    }

    /** One that takes every Host that no other takes. */
    Message everythingElse(String cluster) {
        return virtualHost("everything_else", List.of("*"), cluster, false);
    }

    /** @param failsOver whether another instance may be asked where one could not be reached */
    Message virtualHost(String name, List<String> domains, String cluster, boolean failsOver) {
        return new Message()
                .with("name", name)
                .with("domains", domains)
                .with(
                        "routes",
                        List.of(
                                route(new Message().with("connect_matcher", new Message()), cluster, failsOver),
                                route(new Message().with("prefix", "/"), cluster, failsOver)));
    }

    private Message route(Message match, String cluster, boolean failsOver) {
        Message action = new Message()
                .with("cluster", cluster)
                .because(said.once("Envoy would end every request after 15 seconds."))
                .with("timeout", "0s");
        if (failsOver) {
            action.because(said.once("What could not be sent at all is sent elsewhere, whatever the method."))
                    .with("retry_policy", elsewhere);
        }
        return new Message().with("match", match.inline()).with("route", action);
    }

    private static Message elsewhere() {
        List<Message> previous = List.of(Message.extension(
                "envoy.retry_host_predicates.previous_hosts", "retry.host.previous_hosts.v3.PreviousHostsPredicate"));
        Message priority = Message.extension(
                "envoy.retry_priorities.previous_priorities",
                "retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                new Message().with("update_frequency", 1));
        return new Message()
                .with("retry_on", "connect-failure,refused-stream")
                .with("num_retries", 3)
                .with("retry_priority", priority)
                .with("retry_host_predicate", previous)
                .with("host_selection_retry_max_attempts", 3)
                .anchored("elsewhere");
    }
}
