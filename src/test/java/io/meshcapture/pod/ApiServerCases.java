package io.meshcapture.pod;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import io.meshcapture.lab.Await;
import io.meshcapture.pod.Cluster.Ending;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What an API server says to what inject writes, and does by what it prints. */
abstract class ApiServerCases {
    private final Shop shop = Shop.open();

    @Test
    void everythingThatInjectWritesIsTakenByTheApiServer() {
        String kinds = Shop.text(Path.of("src/test/resources/io/meshcapture/pod/kinds.yaml"));
        Path plan = Path.of("test-env/kubernetes/example/plan.yaml");
        for (List<String> options : List.of(
                List.<String>of(),
                List.of("--agent"),
                List.of("--host=a.internal", "--hosts-by=aliases,environment"),
                List.of("--host=a.internal", "--hosts-by=file"))) {
            assertTaken(Shop.injected(kinds, options.toArray(String[]::new)), 10);
        }
        Shop.Terminal bySeveral = Shop.Terminal.run(kinds, "inject", "-f", plan.toString());
        assertTaken(bySeveral.out(), 11);
    }

    private void assertTaken(String manifest, int objects) {
        Ending taken = shop.cluster.kubectlReading(manifest, "apply", "--dry-run=server", "-f", "-");
        assertEquals(
                objects,
                taken.orFail()
                        .lines()
                        .filter(line -> line.endsWith("(server dry run)"))
                        .count(),
                taken.out());
    }

    @Test
    void aDeploymentWithTheLabelIsInjectedByThePolicy() {
        shop.cluster.apply(Shop.injected("", "--policy"));
        String labelled =
                shop.manifest("labelled").replace("labels: {app: shop}", "labels: {meshcapture.io/inject: \"true\"}");
        // the API server takes up a new policy within a second or two
        Await.until(
                Duration.ofSeconds(30),
                "the policy to be in force",
                () -> shop.cluster
                        .kubectlReading(
                                labelled,
                                "apply",
                                "--dry-run=server",
                                "-o",
                                "jsonpath={.spec.initContainers[*].name}",
                                "-f",
                                "-")
                        .out()
                        .equals("meshcapture migrate"));
        String spec =
                labelled.substring(labelled.indexOf("spec:\n")).indent(4).replaceFirst("(?m)^    spec:", "    spec:");
        shop.cluster.apply("""
                apiVersion: apps/v1
                kind: Deployment
                metadata: {name: labelled}
                spec:
                  selector: {matchLabels: {app: labelled}}
                  template:
                    metadata: {labels: {app: labelled, meshcapture.io/inject: "true"}}
                """ + spec);
        shop.cluster
                .kubectl("wait", "--for=condition=Available", "deployment/labelled", "--timeout=90s")
                .orFail();
        String name = shop.cluster
                .kubectl("get", "pods", "-l", "app=labelled", "-o", "jsonpath={.items[0].metadata.name}")
                .orFail();
        shop.assertCaptured(name);
        // probes and metrics as inject finds them in a manifest
        String args = "jsonpath={.spec.initContainers[0].args}";
        String byHand = dryRun(Shop.injected(shop.manifest("by-hand")), args);
        assertEquals(
                words(byHand),
                words(shop.cluster.kubectl("get", "pod", name, "-o", args).orFail()));
        String asked = askedInEveryWay(labelled);
        List<Integer> ports = List.of(8080, 8081, 8083, 8085, 8086, 9000, 9102);
        assertEquals(ports, leftAlone(dryRun(Shop.injected(asked), args)));
        assertEquals(ports, leftAlone(dryRun(asked, args)));
        // a port that nobody can know keeps no pod from starting
        String unknown = labelled.replace("    ports: [{name: http, containerPort: 8080}]\n", "")
                .replace("  labels:", "  annotations: {prometheus.io/port: http-metrics}\n  labels:");
        assertFalse(shop.cluster
                .kubectlReading(unknown, "apply", "--dry-run=server", "-o", args, "-f", "-")
                .orFail()
                .contains("http"));
        String onTheNode = labelled.replace("spec:\n", "spec:\n  hostNetwork: true\n");
        Ending refused = shop.cluster.kubectlReading(onTheNode, "apply", "--dry-run=server", "-f", "-");
        assertTrue(
                refused.err()
                        .contains("denied request: it has the label meshcapture.io/inject: \"true\" and hostNetwork"),
                refused.toString());
        // one that is injected already is not injected twice
        String both = Shop.injected(labelled);
        assertEquals(
                "meshcapture migrate",
                shop.cluster
                        .kubectlReading(
                                both,
                                "apply",
                                "--dry-run=server",
                                "-o",
                                "jsonpath={.spec.initContainers[*].name}",
                                "-f",
                                "-")
                        .orFail());
    }

    @Test
    void aPolicyGivesPodsHostAliasesAndASidecarToo() {
        String label = "meshcapture.io/inject: \"true\"";
        String policy = Shop.injected("", "--policy", "--agent", "--host=catalog.internal")
                .replace(label, "by-name: \"true\"")
                .replace("name: meshcapture-inject", "name: by-name")
                .replace("policyName: meshcapture-inject", "policyName: by-name");
        shop.cluster.apply(policy);
        String labelled = shop.manifest("by-policy").replace("labels: {app: shop}", "labels: {by-name: \"true\"}");
        Await.until(
                Duration.ofSeconds(30),
                "the policy to be in force",
                () -> shop.cluster
                        .kubectlReading(
                                labelled,
                                "apply",
                                "--dry-run=server",
                                "-o",
                                "jsonpath={.spec.initContainers[0].restartPolicy} {.spec.hostAliases[0].hostnames[0]}"
                                        + " {.spec.initContainers[0].startupProbe.exec.command[1]}",
                                "-f",
                                "-")
                        .out()
                        .equals("Always catalog.internal check"));
    }

    @Test
    void aPlanOfSeveralServicesComesFromAConfigMapByKustomizeToo() {
        shop.cluster
                .kubectl(
                        "apply",
                        "-k",
                        Path.of("test-env/kubernetes/example").toAbsolutePath().toString())
                .orFail();
        shop.cluster
                .kubectl("wait", "--for=condition=Available", "deployment/shop", "--timeout=90s")
                .orFail();
        String said = shop.cluster
                .kubectl("logs", "deployment/shop", "-c", "meshcapture")
                .orFail();
        assertTrue(said.contains("captured: orders, rest\n"), said);
        // what the example's patch has written by hand is what inject writes
        Ending built = shop.cluster.kubectl(
                "kustomize",
                Path.of("test-env/kubernetes/example").toAbsolutePath().toString());
        String configMap = built.orFail().replaceFirst("(?s).*\n  name: (meshcapture-plan-[a-z0-9]+)\n.*", "$1");
        Shop.Terminal again = Shop.Terminal.run(
                built.out(), "inject", "-f", "test-env/kubernetes/example/plan.yaml", "--config-map", configMap);
        assertEquals(built.out(), again.out());
        assertTrue(again.err().contains("Deployment/shop: injected already\n"), again.err());
    }

    @Test
    void podSecurityBelowPrivilegedRefusesItAndSaysWhy() {
        for (String level : List.of("baseline", "restricted")) {
            shop.cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + level
                    + ", labels: {pod-security.kubernetes.io/enforce: " + level + "}}}");
            Ending refused =
                    shop.cluster.kubectlReading(Shop.injected(shop.manifest("shop")), "apply", "-n", level, "-f", "-");
            assertEquals(1, refused.code());
            assertTrue(
                    refused.err().contains("violates PodSecurity \"" + level + ":latest\"")
                            && refused.err().contains("container \"meshcapture\" must not include \"NET_ADMIN\""),
                    refused.err());
        }
    }

    /** A pod that the kubelet asks by number and by name, by probes of all kinds and by hooks, one port twice, and Prometheus too. */
    private static String askedInEveryWay(String pod) {
        return pod.replaceFirst("    readinessProbe:", """
                            livenessProbe: {tcpSocket: {port: 8081}}
                            startupProbe: {grpc: {port: 9000}}
                            lifecycle:
                              postStart: {httpGet: {port: 8081}}
                              preStop: {httpGet: {port: bye}}
                            readinessProbe:\
                        """)
                .replace("{name: http, containerPort: 8080}", """
                        {name: http, containerPort: 8080}, {name: bye, containerPort: 8083}, \
                        {name: app-metrics, containerPort: 8085}""")
                .replace("  labels:", "  annotations: {prometheus.io/port: \"9102\"}\n  labels:")
                .replace("  containers:\n", """
                          - name: sidecar
                            image: localhost/tools:1
                            restartPolicy: Always
                            readinessProbe: {httpGet: {port: 8086}}
                          containers:
                        """);
    }

    private String dryRun(String manifest, String what) {
        return shop.cluster
                .kubectlReading(manifest, "apply", "--dry-run=server", "-o", what, "-f", "-")
                .orFail();
    }

    /** The ports that arguments leave alone when connections arrive. */
    private static List<Integer> leftAlone(String arguments) {
        return Stream.of(arguments
                        .replaceAll(".*--inbound-except=([0-9,-]+)\".*", "$1")
                        .split(","))
                .map(range -> range.split("-"))
                .flatMapToInt(ends ->
                        IntStream.rangeClosed(Integer.parseInt(ends[0]), Integer.parseInt(ends[ends.length - 1])))
                .boxed()
                .sorted()
                .toList();
    }

    /** The arguments, whatever their order. */
    private static Set<String> words(String json) {
        return Set.copyOf(new Gson().<List<String>>fromJson(json, List.class));
    }
}
