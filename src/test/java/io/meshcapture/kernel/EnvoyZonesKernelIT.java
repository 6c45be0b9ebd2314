package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Await;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.RealEnvoy;
import io.meshcapture.lab.Verdict.Direct;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Two zones, two real Envoys: the one beside the application, and the front proxy of the other datacentre. */
@InNetns
class EnvoyZonesKernelIT {
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final String PLAN = """
            version: 1
            envoy: {user: 1337, admin: 127.0.0.1:9901}
            services:
              any: {}
              payments: {hosts: [payments.internal], instances: ["10.99.0.1:8080"]}
            zones:
              east: {networks: [10.50.0.0/16, "fd50::/16"], services: [payments], front-proxy: "10.99.0.1:10000"}
            """;

    /** What is captured: names are not, here. */
    private static final String CAPTURED = """
            version: 1
            envoy: {user: 1337, admin: 127.0.0.1:9901}
            services: {any: {}}
            """;

    /** Routes HTTP by Host, and TLS by SNI to a server that is not there. */
    private static final String FRONT_PROXY = """
            static_resources:
              listeners:
                - name: front
                  address: { socket_address: { address: 10.99.0.1, port_value: 10000 } }
                  listener_filters:
                    - name: tls
                      typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector }
                  filter_chains:
                    - filter_chain_match: { server_names: [payments.internal] }
                      filters:
                        - name: tcp
                          typed_config:
                            "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                            stat_prefix: tls
                            cluster: there
                            access_log: &log
                              - name: stdout
                                typed_config:
                                  "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
                                  log_format: { text_format_source: { inline_string:
                                    "front proxy: SNI %REQUESTED_SERVER_NAME%, Host %REQ(:AUTHORITY)%\\n" } }
                    - filters:
                        - name: http
                          typed_config:
                            "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                            stat_prefix: front
                            access_log: *log
                            http_filters:
                              - name: router
                                typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
                            route_config:
                              virtual_hosts:
                                - { name: payments, domains: [payments.internal, "payments.internal:*"],
                                    routes: [ { match: { prefix: / }, route: { cluster: there } } ] }
              clusters:
                - name: there
                  type: STATIC
                  connect_timeout: 1s
                  load_assignment: { cluster_name: there, endpoints: [ { lb_endpoints: [ { endpoint: {
                    address: { socket_address: { address: 10.99.0.1, port_value: 8081 } } } } ] } ] }
            """;

    private RealEnvoy frontProxy;
    private RealEnvoy envoy;

    @BeforeEach
    void startBothEnvoys(Lab lab) {
        frontProxy = lab.inSrv(() -> RealEnvoy.started(lab, Identity.ENVOY, FRONT_PROXY));
        envoy = RealEnvoy.started(
                lab,
                Identity.ENVOY,
                Program.must(0, Program.withPlan(PLAN, "envoy-config")).out());
    }

    private static String byName() {
        return Web.ask("-H", "Host: payments.internal", "http://127.0.0.1:8000/");
    }

    @Test
    void calls_go_to_the_other_zone_while_no_instance_here_is_well_and_come_back(Lab lab) throws Exception {
        try (Web _ = lab.inSrv(() -> Web.answering("there", "10.99.0.1", 8081))) {
            try (Web _ = lab.inSrv(() -> Web.answering("here", "10.99.0.1", 8080))) {
                Await.until(LIMIT, EnvoyZonesKernelIT::byName, () -> byName().equals("here for payments.internal"));
            }
            // the local instance is gone: not one request is lost
            for (int i = 0; i < 20; i++) {
                assertEquals("there for payments.internal", byName());
            }
            try (Web _ = lab.inSrv(() -> Web.answering("here", "10.99.0.1", 8080))) {
                Await.until(LIMIT, EnvoyZonesKernelIT::byName, () -> byName().equals("here for payments.internal"));
            }
        }
    }

    @Test
    void what_is_meant_for_the_zones_networks_goes_to_its_front_proxy_by_host_or_sni(Lab lab) throws Exception {
        try (Web _ = lab.inSrv(() -> Web.answering("there", "10.99.0.1", 8081))) {
            Program.apply(CAPTURED, "--wait-envoy", "10s");
            String[] to = {"--connect-to", "::10.50.1.1:"};
            assertEquals("there for payments.internal:8443", Web.ask(to[0], to[1], "http://payments.internal:8443/"));
            envoy.awaitLog("asked for 10.50.1.1:8443, went to 10.99.0.1:10000 (HTTP/1.1 GET payments.internal:8443/");
            Web.ask("--insecure", to[0], to[1], "https://payments.internal/");
            envoy.awaitLog("asked for 10.50.1.1:443, went to 10.99.0.1:10000 (TCP, TLS name payments.internal,");
            frontProxy.awaitLog("front proxy: SNI payments.internal, Host -");
        }
    }

    @Test
    void what_carries_no_name_goes_on_to_its_original_destination_and_that_is_said(Lab lab) {
        lab.server(9000);
        Program.apply(CAPTURED, "--wait-envoy", "10s");
        for (String destination : new String[] {"10.50.1.1:9000", "[fd50::1]:9000"}) {
            assertEquals(new Direct(destination), lab.caller().connect(destination));
            envoy.awaitLog("asked for " + destination + ", went to " + destination + " (TCP");
        }
        Outcome printed = Program.withPlan(PLAN, "envoy-config");
        assertTrue(
                printed.err()
                        .contains(
                                "zone east: its front proxy routes HTTP by Host and TLS by SNI; what carries no name goes on to"
                                        + " its original destination in the zone's networks, as without Envoy"),
                printed::err);
        assertTrue(
                printed.err()
                        .contains(
                                "service payments: what is neither HTTP nor TLS carries no name by which a front proxy could"
                                        + " route it, so it has no instance in zone east to fall back to"),
                printed::err);
    }
}
