package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.util.Durations;
import io.envoyproxy.controlplane.cache.v3.SimpleCache;
import io.envoyproxy.controlplane.cache.v3.Snapshot;
import io.envoyproxy.controlplane.server.V3DiscoveryServer;
import io.envoyproxy.envoy.config.cluster.v3.Cluster;
import io.envoyproxy.envoy.config.core.v3.Address;
import io.envoyproxy.envoy.config.core.v3.AggregatedConfigSource;
import io.envoyproxy.envoy.config.core.v3.ApiVersion;
import io.envoyproxy.envoy.config.core.v3.ConfigSource;
import io.envoyproxy.envoy.config.core.v3.SocketAddress;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.config.endpoint.v3.Endpoint;
import io.envoyproxy.envoy.config.endpoint.v3.LbEndpoint;
import io.envoyproxy.envoy.config.endpoint.v3.LocalityLbEndpoints;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.okhttp.OkHttpServerBuilder;
import io.meshcapture.lab.Await;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.RealEnvoy;
import io.meshcapture.lab.Verdict.Direct;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The real Envoy has its listeners and clusters from files that it watches, or its clusters from a control plane. */
@InNetns
class EnvoyDeliveryKernelIT {
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final String ONE = """
            version: 1
            envoy: {user: 1337, admin: 127.0.0.1:9901}
            services:
              any: {}
            """;
    private static final String TWO = ONE.replace("  any: {}\n", "  any: {outbound: 15002}\n");
    private static final String BY_NAME = """
            version: 1
            envoy: {user: 1337, admin: 127.0.0.1:9901}
            services:
              any: {}
              payments: {hosts: [payments.internal], instances: ["10.99.0.1:8080"]}
            """;

    private static String printed(String plan, String... options) {
        return Program.must(0, Program.withPlan(plan, "envoy-config", options)).out();
    }

    @Test
    void files_are_followed_when_they_are_written_again(Lab lab) throws Exception {
        Path listeners = Path.of("/run/lds.yaml");
        Path clusters = Path.of("/run/cds.yaml");
        String[] files = {"--listeners", listeners.toString(), "--clusters", clusters.toString()};
        lab.server(9000);
        RealEnvoy envoy = RealEnvoy.started(lab, Identity.ENVOY, printed(ONE, files));
        Program.apply(ONE, "--wait-envoy", "10s");
        assertEquals(new Direct("10.99.0.1:9000"), lab.caller().connect("10.99.0.1:9000"));
        assertTrue(envoy.awaitLog("asked for 10.99.0.1:9000").getFirst().contains("127.0.0.1:15001"));

        printed(TWO, files);
        Program.apply(TWO, "--wait-envoy", "10s");
        assertEquals(new Direct("[fd99::1]:9000"), lab.caller().connect("[fd99::1]:9000"));
        assertTrue(envoy.awaitLog("asked for [fd99::1]:9000").getFirst().contains("[::1]:15002"));
        assertTrue(Files.readString(listeners).contains("15002"));
    }

    @Test
    void clusters_alone_may_come_from_a_file(Lab lab) throws Exception {
        try (Web _ = lab.inSrv(() -> Web.answering("here", "10.99.0.1", 8080));
                Web _ = lab.inSrv(() -> Web.answering("there", "10.99.0.1", 8081))) {
            RealEnvoy.started(lab, Identity.ENVOY, printed(BY_NAME, "--clusters", "/run/cds.yaml"));
            assertEquals("here for payments.internal", egress());
            printed(BY_NAME.replace("8080", "8081"), "--clusters", "/run/cds.yaml");
            Await.until(LIMIT, EnvoyDeliveryKernelIT::egress, () -> egress().equals("there for payments.internal"));
        }
    }

    private static String egress() {
        return Web.ask("-H", "Host: payments.internal", "http://127.0.0.1:8000/");
    }

    @Test
    void control_plane_tells_clusters_and_endpoints_while_listeners_are_static(Lab lab) throws Exception {
        SimpleCache<String> cache = new SimpleCache<>(_ -> "all");
        cache.setSnapshot("all", snapshot("1", 8080));
        Server controlPlane = OkHttpServerBuilder.forPort(18000, InsecureServerCredentials.create())
                .addService(new V3DiscoveryServer(cache).getAggregatedDiscoveryServiceImpl())
                .build()
                .start();
        try (Web _ = lab.inSrv(() -> Web.answering("here", "10.99.0.1", 8080));
                Web _ = lab.inSrv(() -> Web.answering("there", "10.99.0.1", 8081))) {
            String bootstrap = printed(BY_NAME, "--xds", "127.0.0.1:18000");
            assertTrue(!bootstrap.contains("name: payments\n      type:"), bootstrap);
            RealEnvoy.started(lab, Identity.ENVOY, bootstrap);
            Await.until(LIMIT, EnvoyDeliveryKernelIT::egress, () -> egress().equals("here for payments.internal"));
            cache.setSnapshot("all", snapshot("2", 8081));
            Await.until(LIMIT, EnvoyDeliveryKernelIT::egress, () -> egress().equals("there for payments.internal"));
        } finally {
            controlPlane.shutdownNow().awaitTermination();
        }
    }

    /** What is captured by address needs no control plane. */
    @Test
    void without_its_control_plane_envoy_serves_what_it_knows(Lab lab) {
        lab.server(9000);
        RealEnvoy envoy = RealEnvoy.starting(lab, Identity.ENVOY, printed(BY_NAME, "--xds", "127.0.0.1:18000"));
        Program.apply(ONE, "--wait-envoy", "20s");
        assertEquals(new Direct("10.99.0.1:9000"), lab.caller().connect("10.99.0.1:9000"));
        envoy.awaitLog("asked for 10.99.0.1:9000, went to 10.99.0.1:9000");
    }

    private static Snapshot snapshot(String version, int port) {
        SocketAddress socket = SocketAddress.newBuilder()
                .setAddress("10.99.0.1")
                .setPortValue(port)
                .build();
        Endpoint endpoint = Endpoint.newBuilder()
                .setAddress(Address.newBuilder().setSocketAddress(socket))
                .build();
        ClusterLoadAssignment assignment = ClusterLoadAssignment.newBuilder()
                .setClusterName("payments")
                .addEndpoints(LocalityLbEndpoints.newBuilder()
                        .addLbEndpoints(LbEndpoint.newBuilder().setEndpoint(endpoint)))
                .build();
        ConfigSource ads = ConfigSource.newBuilder()
                .setAds(AggregatedConfigSource.getDefaultInstance())
                .setResourceApiVersion(ApiVersion.V3)
                .build();
        Cluster cluster = Cluster.newBuilder()
                .setName("payments")
                .setType(Cluster.DiscoveryType.EDS)
                .setConnectTimeout(Durations.fromSeconds(2))
                .setEdsClusterConfig(Cluster.EdsClusterConfig.newBuilder().setEdsConfig(ads))
                .build();
        return Snapshot.create(List.of(cluster), List.of(assignment), List.of(), List.of(), List.of(), version);
    }
}
