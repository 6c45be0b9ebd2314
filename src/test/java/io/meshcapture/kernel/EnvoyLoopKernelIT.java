package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.must;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Await;
import io.meshcapture.lab.Background;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.RealEnvoy;
import io.meshcapture.lab.Run;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The real Envoy looks the names of captured services up: by each way out of the loop its requests reach the instance, by
 * the others they come back to it, and {@code check} and {@code doctor} tell one from the other.
 */
@InNetns
class EnvoyLoopKernelIT {
    private static final String NAME = "payments.upstream.test";

    private static final String PLAN = """
            version: 1
            envoy: {user: 1337, admin: 127.0.0.1:9901}
            hosts-ports: listeners
            services:
              payments: {hosts: %s, ports: {80: 8000}}
            """.formatted(NAME);

    private static final String RESOLVER = """
            typed_dns_resolver_config: { name: any, typed_config: { "@type": \
            type.googleapis.com/envoy.extensions.network.dns_resolver.%s } }""";

    private static final String SERVERS =
            ", resolvers: [ { socket_address: { address: 10.98.0.53, port_value: 53 } } ]";

    private static final String GETADDRINFO = RESOLVER.formatted("getaddrinfo.v3.GetAddrInfoDnsResolverConfig");
    private static final String CARES = RESOLVER.formatted("cares.v3.CaresDnsResolverConfig" + SERVERS);
    private static final String HICKORY = RESOLVER.formatted("hickory.v3.HickoryDnsResolverConfig" + SERVERS);

    private String address = "";

    /** A cluster, and requests to the path of its name are sent to it. */
    private record Way(String name, String endpoint, String resolver) {
        Way(String name, String endpoint) {
            this(name, endpoint, "");
        }

        String route() {
            return "{ match: { prefix: /%s }, route: { cluster: %s } }".formatted(name, name);
        }

        String cluster() {
            return """
                    { name: %s, type: %s, connect_timeout: 1s, dns_lookup_family: V4_ONLY, %s \
                    load_assignment: { cluster_name: %s, endpoints: [ { lb_endpoints: [ { endpoint: { \
                    address: { socket_address: { address: "%s", port_value: 80 } } } } ] } ] } }""".formatted(name, name.equals("address") ? "STATIC" : "STRICT_DNS", resolver, name, endpoint);
        }
    }

    @BeforeEach
    void capture(Lab lab) throws Exception {
        lab.file("/etc/hosts", "127.0.0.1 localhost\n");
        lab.file("/etc/nsswitch.conf", "hosts: files dns\n");
        lab.file("/etc/resolv.conf", "nameserver 10.98.0.53\n");
        Run.command("chmod", "644", "/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf")
                .orFail(); // Envoy is not root
        lab.inSrv(() -> names(lab, "10.98.0.53"));
        must(0, Program.withPlan(PLAN, "apply", "--state-dir", "/run/meshcapture-state"));
        address = Files.readAllLines(Path.of("/etc/hosts")).get(1).split(" ", 2)[0];
    }

    private static Background names(Lab lab, String... arguments) {
        List<String> command = new ArrayList<>(List.of("/usr/bin/python3", "-B", "test-env/upstream/names.py"));
        command.addAll(List.of(arguments));
        Background server = lab.background(command.toArray(String[]::new));
        server.awaitOutput("ready", Duration.ofSeconds(10));
        return server;
    }

    private String configured(Way... ways) {
        return configured("", ways);
    }

    /** With a resolver for all clusters that have none. */
    private String configured(String resolver, Way... ways) {
        return """
                %s
                admin: { address: { socket_address: { address: 127.0.0.1, port_value: 9901 } } }
                static_resources:
                  listeners:
                  - name: payments
                    address: { socket_address: { address: %s, port_value: 80 } }
                    filter_chains: [ { filters: [ { name: http, typed_config: {
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager,
                      stat_prefix: payments,
                      access_log: [ { name: stdout, typed_config: {
                        "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog,
                        log_format: { text_format_source: { inline_string: "%%REQ(:PATH)%% %%UPSTREAM_HOST%%\\n" } } } } ],
                      http_filters: [ { name: router, typed_config: {
                        "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } } ],
                      route_config: { virtual_hosts: [ { name: all, domains: ["*"], routes: [ %s ] } ] } } } ] } ]
                  clusters: [ %s ]
                """.formatted(
                resolver,
                address,
                String.join(", ", List.of(ways).stream().map(Way::route).toList()),
                String.join(", ", List.of(ways).stream().map(Way::cluster).toList()));
    }

    private static String checked() {
        Outcome check = Program.mustStand(Program.check(PLAN));
        return check.out() + check.err();
    }

    private static String doctored() {
        return Program.withPlan(PLAN, "doctor").out().replaceAll("\\s+", " ");
    }

    private static void assertNoLoopIsSeen() {
        for (String said : List.of(checked(), doctored())) {
            assertFalse(said.contains("looks"), said);
        }
    }

    private static void assertSeen(String loop) {
        for (String said : List.of(checked(), doctored())) {
            assertTrue(said.contains(loop), said);
        }
    }

    private static void assertReaches(RealEnvoy envoy, Lab lab, String... paths) throws Exception {
        try (Web _ = lab.inSrv(() -> Web.answering("instance", "10.98.0.7", 80))) {
            for (String path : paths) {
                assertEquals("instance for " + NAME, Web.ask("http://" + NAME + "/" + path));
                assertEquals(List.of("/" + path + " 10.98.0.7:80"), envoy.awaitLog("/" + path + " "));
            }
        }
    }

    private void assertLoops(RealEnvoy envoy, String path) {
        Web.ask("-m1", "http://" + NAME + "/" + path);
        Await.until(
                Duration.ofSeconds(10),
                "the request to come round again and again",
                () -> envoy.log().stream()
                                .filter(("/" + path + " " + address + ":80")::equals)
                                .count()
                        > 20);
    }

    @Test
    void a_final_dot_and_addresses_lead_out_of_the_circle_and_the_bare_name_and_hickory_do_not(Lab lab)
            throws Exception {
        RealEnvoy envoy = RealEnvoy.started(
                lab,
                Identity.ENVOY,
                configured(
                        new Way("address", "10.98.0.7"),
                        new Way("dotted", NAME + "."),
                        new Way("libc-dotted", NAME + ".", GETADDRINFO + ","),
                        new Way("bare", NAME),
                        new Way("libc", NAME, GETADDRINFO + ","),
                        new Way("hickory", NAME + ".", HICKORY + ",")));
        assertReaches(envoy, lab, "address", "dotted", "libc-dotted");
        assertLoops(envoy, "bare");
        assertLoops(envoy, "libc");
        assertLoops(envoy, "hickory");
        for (String said : List.of(checked(), doctored())) {
            for (String looping : List.of("bare", "libc", "hickory")) {
                assertTrue(said.contains("Envoy's cluster " + looping + " looks " + NAME), said);
            }
            assertFalse(said.contains("dotted looks") || said.contains("address looks"), said);
            assertTrue(said.contains("write it as \"" + NAME + ".\", with a dot at the end"), said);
            assertTrue(said.contains("its resolver envoy.network.dns_resolver.hickory reads that file"), said);
        }
    }

    @Test
    void a_forward_proxy_that_looks_captured_names_up_is_told(Lab lab) {
        String type = "\"@type\": type.googleapis.com/envoy.extensions.";
        String cache = "dns_cache_config: { name: cache, dns_lookup_family: V4_ONLY } }";
        String forwarding = configured(new Way("any", "10.98.0.7"))
                .replace(
                        "http_filters: [",
                        "http_filters: [ { name: forward, typed_config: { " + type
                                + "filters.http.dynamic_forward_proxy.v3.FilterConfig, " + cache + " },")
                .replaceAll(
                        "(?s)clusters: \\[.*",
                        "clusters: [ { name: any, connect_timeout: 1s, lb_policy: CLUSTER_PROVIDED, cluster_type: {"
                                + " name: forward, typed_config: { " + type
                                + "clusters.dynamic_forward_proxy.v3.ClusterConfig, " + cache + " } } ]\n");
        RealEnvoy envoy = RealEnvoy.started(lab, Identity.ENVOY, forwarding);
        assertLoops(envoy, "any");
        assertSeen(
                "Envoy's cluster any looks up whatever name a request is for, and " + NAME + " leads to Envoy itself");
    }

    @Test
    void a_resolver_of_all_clusters_decides_for_those_that_have_none(Lab lab) throws Exception {
        Way usual = new Way("usual", NAME + ".");
        RealEnvoy hickory = RealEnvoy.started(
                lab, Identity.ENVOY, configured(HICKORY, usual, new Way("own", NAME + ".", CARES + ",")));
        assertReaches(hickory, lab, "own");
        assertLoops(hickory, "usual");
        assertSeen("Envoy's cluster usual looks " + NAME + ". up, which the hosts file sends to Envoy itself");
        assertFalse(checked().contains("cluster own looks"), checked());
        hickory.kill();
        String before =
                "dns_resolution_config: { resolvers: [ { socket_address: { address: 10.98.0.53, port_value: 53 } } ] }";
        RealEnvoy cares = RealEnvoy.started(lab, Identity.ENVOY, configured(before, usual, new Way("bare", NAME)));
        assertReaches(cares, lab, "usual");
        assertLoops(cares, "bare");
        assertSeen("Envoy's cluster bare looks " + NAME + " up, which the hosts file sends to Envoy itself");
        assertFalse(checked().contains("cluster usual looks"), checked());
    }

    @Test
    void an_nsswitch_or_a_hosts_file_of_envoys_own_leads_out_of_it_too(Lab lab) throws Exception {
        String bare = configured(new Way("bare", NAME));
        RealEnvoy dns = RealEnvoy.startedSeeing(lab, Identity.ENVOY, bare, "/etc/nsswitch.conf", "hosts: dns\n");
        assertReaches(dns, lab, "bare");
        assertNoLoopIsSeen();
        dns.kill();
        RealEnvoy clean = RealEnvoy.startedSeeing(lab, Identity.ENVOY, bare, "/etc/hosts", "127.0.0.1 localhost\n");
        assertReaches(clean, lab, "bare");
        assertNoLoopIsSeen();
        clean.kill();
        String copied = Files.readString(Path.of("/etc/hosts"));
        RealEnvoy copy = RealEnvoy.startedSeeing(lab, Identity.ENVOY, bare, "/etc/hosts", copied);
        assertLoops(copy, "bare");
        assertSeen("Envoy's cluster bare looks " + NAME + " up");
    }

    @Test
    void a_name_server_of_this_host_that_answers_out_of_the_file_makes_the_final_dot_useless(Lab lab) {
        lab.file("/etc/resolv.conf", "nameserver 127.0.0.53\n");
        Run.command("chmod", "644", "/etc/resolv.conf").orFail();
        Dnsmasq.started(lab, List.of("127.0.0.53"));
        RealEnvoy envoy = RealEnvoy.started(lab, Identity.ENVOY, configured(new Way("dotted", NAME + ".")));
        assertLoops(envoy, "dotted");
        assertSeen("systemd-resolved: ReadEtcHosts=no");
    }
}
