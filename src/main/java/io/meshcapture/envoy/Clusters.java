package io.meshcapture.envoy;

import io.meshcapture.envoy.NamedService.Upstream;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Zone;
import java.util.ArrayList;
import java.util.List;

/** Where Envoy sends what it took. */
final class Clusters {

    /** Of what arrives for this host. */
    static final String THIS_HOST = "this_host";

    static final String NAME_SERVERS = "name_servers";
    static final String CONTROL_PLANE = "control_plane";

    /** Header names as they were written; Envoy would make them lower case. */
    static final Message PRESERVE_CASE = new Message()
            .with(
                    "stateful_formatter",
                    Message.extension(
                            "envoy.http.stateful_header_formatters.preserve_case",
                            "http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig",
                            new Message().with("forward_reason_phrase", true)))
            .anchored("preserve_case");

    private static final Port DNS = new Port(53);
    private static final String OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    /** More than a process may have open: Envoy's own limit is 1024 connections of all clients of a cluster together. */
    private static final int UNLIMITED = 1_000_000;

    private final EnvoyHost host;
    private final Said said;
    private final Message asTheClient;
    private final Message unlimited;

    Clusters(EnvoyHost host, Said said) {
        this.host = host;
        this.said = said;
        Message http = new Message().with("header_key_format", PRESERVE_CASE).with("enable_trailers", true);
        this.asTheClient = new Message()
                .with(
                        OPTIONS,
                        new Message()
                                .with("@type", "type.googleapis.com/" + OPTIONS)
                                .with(
                                        "common_http_protocol_options",
                                        new Message().with("idle_timeout", "0s").inline())
                                .with(
                                        "use_downstream_protocol_config",
                                        new Message()
                                                .with("http_protocol_options", http)
                                                .with("http2_protocol_options", new Message())))
                .anchored("as_the_client");
        Message threshold = new Message()
                .with("max_connections", UNLIMITED)
                .with("max_pending_requests", UNLIMITED)
                .with("max_requests", UNLIMITED);
        this.unlimited = new Message().with("thresholds", List.of(threshold)).anchored("unlimited");
    }

    static String originalDestination(String listener) {
        return listener.equals(OutboundListener.SHARED)
                ? "original_destination"
                : "original_destination_" + listener.substring(OutboundListener.SHARED.length() + 1);
    }

    Message noEndpoint() {
        return new Message()
                .because(said.once("No endpoints: who is sent here is disconnected."))
                .with("name", FilterChains.NO_ENDPOINT)
                .with("type", "STATIC")
                .with(
                        "load_assignment",
                        new Message()
                                .with("cluster_name", FilterChains.NO_ENDPOINT)
                                .inline());
    }

    /** Of a listener for what is captured on its way out. */
    Message originalDestination(OutboundListener listener) {
        return originalDestinationCluster(
                originalDestination(listener.name()),
                said.once(
                        "To where the client wanted to go. A cluster for each listener, so that its upstream side is counted"
                                + " apart too."));
    }

    private Message originalDestinationCluster(String name, String why) {
        return common(new Message().because(why).with("name", name).with("type", "ORIGINAL_DST"))
                .with("lb_policy", "CLUSTER_PROVIDED")
                .because(said.once("""
                        As without Envoy: a server's connection is one client's alone, which matters where a server knows its
                        client by the connection."""))
                .with("connection_pool_per_downstream_connection", true);
    }

    Message thisHost() {
        Message bind = new Message()
                .with(
                        "source_address",
                        new Message()
                                .with("address", "127.0.0.6")
                                .with("port_value", 0)
                                .inline());
        if (host.ipv6()) {
            Message ipv6 = new Message().with("address", "::1").with("port_value", 0);
            bind.with(
                    "extra_source_addresses",
                    List.of(new Message().with("address", ipv6).inline()));
        }
        return originalDestinationCluster(THIS_HOST, "To the application, which listens on this host.")
                .because("From a loopback address: from the host's own, this connection would be inbound once more.")
                .with("upstream_bind_config", bind);
    }

    Message nameServers(List<Address> servers) {
        List<HostPort> instances = servers.stream()
                .map(server -> new HostPort(server.toString(), DNS))
                .toList();
        return new Message()
                .with("name", NAME_SERVERS)
                .with("type", "STATIC")
                .with("connect_timeout", "2s")
                .with("circuit_breakers", unlimited)
                .with("load_assignment", assignment(NAME_SERVERS, List.of(instances)));
    }

    /** Of services that are called by name. */
    Message service(Upstream upstream) {
        List<List<HostPort>> priorities = new ArrayList<>();
        priorities.add(upstream.instances());
        for (Zone zone : upstream.elsewhere()) {
            priorities.add(List.of(zone.frontProxy()));
        }
        Message cluster = new Message().with("name", upstream.cluster());
        boolean byDns = priorities.stream().flatMap(List::stream).anyMatch(instance -> !instance.isAddress());
        resolve(cluster, byDns);
        common(cluster);
        cluster.because(byDns ? said.once("""
                                A name that ends in a dot is asked of DNS and never looked up in the hosts file, which sends
                                captured names to Envoy itself.""") : "")
                .with("load_assignment", assignment(upstream.cluster(), priorities));
        if (priorities.size() > 1) {
            failOver(cluster);
        }
        return cluster;
    }

    private void resolve(Message cluster, boolean byDns) {
        cluster.with("type", byDns ? "STRICT_DNS" : "STATIC");
        if (byDns) {
            cluster.with("dns_lookup_family", host.ipv6() ? "ALL" : "V4_ONLY");
        }
    }

    /** Priority 0 is this datacentre; the front proxies of others get what it cannot take. */
    private void failOver(Message cluster) {
        Message check = new Message()
                .with("timeout", "1s")
                .with("interval", "1s")
                .with("no_traffic_interval", "5s")
                .with("unhealthy_threshold", 1)
                .with("healthy_threshold", 1)
                .with("tcp_health_check", new Message());
        cluster.because(said.once("""
                        Instances that cannot be connected to, or answer with errors only, get nothing; where that is all of
                        them, the front proxies of other zones, which are the next priorities, get it."""))
                .with("health_checks", List.of(check))
                .with(
                        "outlier_detection",
                        new Message()
                                .with("interval", "1s")
                                .with("base_ejection_time", "5s")
                                .with("max_ejection_percent", 100)
                                .with("split_external_local_origin_errors", true)
                                .with("consecutive_local_origin_failure", 1));
    }

    /** Of a zone, whatever the service. */
    Message frontProxy(Zone zone) {
        String name = frontProxyName(zone);
        Message cluster = new Message().with("name", name);
        resolve(cluster, !zone.frontProxy().isAddress());
        return common(cluster).with("load_assignment", assignment(name, List.of(List.of(zone.frontProxy()))));
    }

    static String frontProxyName(Zone zone) {
        return "front_proxy_" + zone.name();
    }

    /** Which speaks gRPC, and so HTTP/2. */
    Message controlPlane(HostPort address) {
        Message cluster = new Message().with("name", CONTROL_PLANE);
        resolve(cluster, !address.isAddress());
        Message http2 = new Message()
                .because("A control plane that is gone without a word is noticed.")
                .with(
                        "connection_keepalive",
                        new Message()
                                .with("interval", "30s")
                                .with("timeout", "5s")
                                .inline());
        Message options = new Message()
                .with("@type", "type.googleapis.com/" + OPTIONS)
                .with("explicit_http_config", new Message().with("http2_protocol_options", http2));
        return cluster.with("connect_timeout", "5s")
                .with("typed_extension_protocol_options", new Message().with(OPTIONS, options))
                .with("load_assignment", assignment(CONTROL_PLANE, List.of(List.of(address))));
    }

    private Message common(Message cluster) {
        return cluster.with("connect_timeout", "10s")
                .because(said.once("Upstream speaks what the client speaks: HTTP/1.1, or HTTP/2 for gRPC without TLS."))
                .with("typed_extension_protocol_options", asTheClient)
                .because(said.once("Envoy would refuse the 1025th connection of all clients together."))
                .with("circuit_breakers", unlimited);
    }

    private static Message assignment(String cluster, List<List<HostPort>> priorities) {
        List<Message> localities = new ArrayList<>();
        for (int priority = 0; priority < priorities.size(); priority++) {
            List<Message> endpoints = priorities.get(priority).stream()
                    .map(instance -> new Message()
                            .with("endpoint", new Message().with("address", Sockets.upstream(instance)))
                            .inline())
                    .toList();
            Message locality = new Message();
            if (priority > 0) {
                locality.with("priority", priority);
            }
            localities.add(locality.with("lb_endpoints", endpoints));
        }
        return new Message().with("cluster_name", cluster).with("endpoints", localities);
    }
}
