package io.meshcapture.pod;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.meshcapture.cli.Main;
import io.meshcapture.lab.Await;
import io.meshcapture.pod.Cluster.Ending;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What inject writes, on a real Kubernetes, with the real init image and a real Envoy. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class KubernetesIT {
    private static final String[] PLAN = {
        "inject", "--envoy-user=1337", "--to=any", "--envoy-inbound=15006", "--image-pull-policy=Never"
    };

    private final Cluster cluster = Cluster.start();
    private String upstream4 = "";
    private String upstream6 = "";

    @BeforeAll
    void startWhatThePodsCall() {
        String resources = "src/test/resources/io/meshcapture/pod/";
        cluster.kubectl(
                        "create",
                        "configmap",
                        "programs",
                        "--from-file=" + Path.of(resources + "upstream.py").toAbsolutePath(),
                        "--from-file=" + Path.of("test-env/envoy/outbound.yaml").toAbsolutePath())
                .orFail();
        cluster.apply("""
                apiVersion: v1
                kind: Pod
                metadata: {name: upstream}
                spec:
                  volumes: [{name: programs, configMap: {name: programs}}]
                  containers:
                  - name: upstream
                    image: localhost/tools:1
                    command: [python3, /programs/upstream.py]
                    readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
                    volumeMounts: [{name: programs, mountPath: /programs}]
                """);
        for (JsonElement address :
                cluster.waitUntilReady("upstream").getAsJsonObject("status").getAsJsonArray("podIPs")) {
            String ip = address.getAsJsonObject().get("ip").getAsString();
            if (ip.contains(":")) {
                upstream6 = "[" + ip + "]";
            } else {
                upstream4 = ip;
            }
        }
        assertTrue(!upstream4.isEmpty() && !upstream6.isEmpty(), "pods have both families");
    }

    @AfterAll
    void endTheCluster() {
        cluster.close();
    }

    private static String resource(String name) {
        try (var stream = KubernetesIT.class.getResourceAsStream(name)) {
            return new String(Objects.requireNonNull(stream, name).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private String shop(String name) {
        return resource("shop.yaml").replace("name: shop", "name: " + name).replace("UPSTREAM", upstream4);
    }

    /** What meshcapture printed and answered, with that on standard input. */
    private record Terminal(int code, String out, String err) {
        static Terminal run(String input, String... arguments) {
            StringWriter out = new StringWriter();
            StringWriter err = new StringWriter();
            int code = Main.run(
                    new PrintWriter(out),
                    new PrintWriter(err),
                    new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
                    Map.of(),
                    arguments);
            return new Terminal(code, out.toString(), err.toString());
        }
    }

    private static String injected(String manifest, String... more) {
        List<String> arguments = new ArrayList<>(List.of(PLAN));
        arguments.addAll(List.of(more));
        Terminal done = Terminal.run(manifest, arguments.toArray(String[]::new));
        assertEquals(0, done.code(), done.err());
        return done.out();
    }

    /** The arguments, whatever their order. */
    private static Set<String> words(String json) {
        return Set.copyOf(new Gson().<List<String>>fromJson(json, List.class));
    }

    private String call(String pod, String address) {
        return cluster.kubectl(
                        "exec",
                        pod,
                        "-c",
                        "app",
                        "--",
                        "curl",
                        "-sS",
                        "--max-time",
                        "10",
                        "http://" + address + ":8080/")
                .orFail();
    }

    private void assertCaptured(String pod) {
        Await.until(
                Duration.ofSeconds(30),
                "Envoy of " + pod,
                () -> cluster.kubectl("exec", pod, "-c", "app", "--", "curl", "-sf", "http://127.0.0.1:9901/ready")
                                .code()
                        == 0);
        assertEquals("via envoy\n", call(pod, upstream4));
        assertEquals("via envoy\n", call(pod, upstream6));
    }

    @Test
    void everythingThatInjectWritesIsTakenByTheApiServer() {
        String kinds = injected(resource("kinds.yaml"));
        Ending taken = cluster.kubectlReading(kinds, "apply", "--dry-run=server", "-f", "-");
        assertEquals(
                7,
                taken.orFail()
                        .lines()
                        .filter(line -> line.endsWith("(server dry run)"))
                        .count(),
                taken.out());
    }

    @Test
    void anInjectedPodIsCapturedItsProbesAreAnsweredAndItsInitContainersRunInOrder() {
        cluster.apply(injected(shop("shop")));
        JsonObject pod = cluster.waitUntilReady("shop");

        assertEquals(
                "directly\n", cluster.kubectl("logs", "shop", "-c", "migrate").orFail());
        JsonObject first = Cluster.terminated(pod, "meshcapture");
        String second = Cluster.terminated(pod, "migrate").get("startedAt").getAsString();
        assertTrue(first.get("finishedAt").getAsString().compareTo(second) <= 0, pod.toString());
        assertCaptured("shop");
        assertEquals(
                "captured: default\ncaptured: inbound connections\ndone: 1 service and inbound connections captured, IPv6 captured too\n",
                cluster.kubectl("logs", "shop", "-c", "meshcapture")
                        .orFail()
                        .replaceAll("(?m)^meshcapture: note: .*\n", ""));
    }

    @Test
    void aDeploymentWithTheLabelIsInjectedByThePolicy() {
        cluster.apply(injected("", "--policy"));
        String names = "jsonpath={.spec.initContainers[*].name}";
        String labelled = shop("labelled").replace("labels: {app: shop}", "labels: {meshcapture.io/inject: \"true\"}");
        // the API server takes up a new policy within a second or two
        Await.until(
                Duration.ofSeconds(30),
                "the policy to be in force",
                () -> cluster.kubectlReading(
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
        cluster.apply("""
                apiVersion: apps/v1
                kind: Deployment
                metadata: {name: labelled}
                spec:
                  selector: {matchLabels: {app: labelled}}
                  template:
                    metadata: {labels: {app: labelled, meshcapture.io/inject: "true"}}
                """ + spec);
        cluster.kubectl("wait", "--for=condition=Available", "deployment/labelled", "--timeout=90s")
                .orFail();
        String name = cluster.kubectl("get", "pods", "-l", "app=labelled", "-o", "jsonpath={.items[0].metadata.name}")
                .orFail();
        assertCaptured(name);
        // probes and metrics as inject finds them in a manifest
        String args = "jsonpath={.spec.initContainers[0].args}";
        String byHand = cluster.kubectlReading(
                        injected(shop("by-hand")), "apply", "--dry-run=server", "-o", args, "-f", "-")
                .orFail();
        assertEquals(
                words(byHand),
                words(cluster.kubectl("get", "pod", name, "-o", args).orFail()));
        String onTheNode = labelled.replace("spec:\n", "spec:\n  hostNetwork: true\n");
        assertEquals(
                "migrate",
                cluster.kubectlReading(onTheNode, "apply", "--dry-run=server", "-o", names, "-f", "-")
                        .orFail(),
                "one that would capture its node");
        // one that is injected already is not injected twice
        String both = injected(labelled);
        assertEquals(
                "meshcapture migrate",
                cluster.kubectlReading(
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
    void whenTheSandboxIsRecreatedTheRulesAreBackAndWhenAContainerRestartsTheyStay() {
        cluster.apply(injected(shop("restarted")));
        JsonObject pod = cluster.waitUntilReady("restarted");
        assertCaptured("restarted");

        assertEquals(0, Cluster.container(pod, "app").get("restartCount").getAsInt());
        kill(pod, "app");
        cluster.waitFor(
                "restarted",
                "ready with a restarted app",
                now -> Cluster.isReady(now)
                        && Cluster.container(now, "app").get("restartCount").getAsInt() > 0);
        assertEquals(
                0,
                Cluster.container(cluster.pod("restarted"), "meshcapture")
                        .get("restartCount")
                        .getAsInt());
        assertCaptured("restarted");

        String before = Cluster.terminated(cluster.pod("restarted"), "meshcapture")
                .get("containerID")
                .getAsString();
        String uid = pod.getAsJsonObject("metadata").get("uid").getAsString();
        String containerd = "ctr -a /run/containerd.sock -n k8s.io ";
        String killed = cluster.onTheNode(
                        "sh",
                        "-c",
                        "for task in $(" + containerd
                                + "containers ls -q 'labels.\"io.cri-containerd.kind\"==sandbox,labels.\"io.kubernetes.pod.uid\"=="
                                + uid + "'); do " + containerd + "task kill -s SIGKILL $task && echo $task; done")
                .orFail();
        assertEquals(1, killed.lines().count(), killed);
        cluster.waitFor(
                "restarted",
                "ready in a new sandbox",
                now -> Cluster.isReady(now)
                        && Cluster.terminated(now, "meshcapture").has("containerID")
                        && !Cluster.terminated(now, "meshcapture")
                                .get("containerID")
                                .getAsString()
                                .equals(before));
        assertCaptured("restarted");
    }

    private void kill(JsonObject pod, String container) {
        String id = Cluster.container(pod, container)
                .get("containerID")
                .getAsString()
                .replace("containerd://", "");
        cluster.onTheNode("ctr", "-a", "/run/containerd.sock", "-n", "k8s.io", "task", "kill", "-s", "SIGKILL", id);
    }

    @Test
    void aPodWithUsersOfItsOwnIsCaptured() {
        String manifest = shop("own-users").replace("spec:\n", "spec:\n  hostUsers: false\n");
        cluster.apply(injected(manifest));
        cluster.waitUntilReady("own-users");
        String map = cluster.kubectl("exec", "own-users", "-c", "app", "--", "cat", "/proc/self/uid_map")
                .orFail();
        assertTrue(!map.strip().endsWith("4294967295"), map);
        assertCaptured("own-users");
    }

    @Test
    void envoyAsANativeSidecarIsUpBeforeTheApplicationAndCaptureBeforeEnvoy() {
        String manifest = shop("sidecar");
        int envoy = manifest.indexOf("  - name: envoy");
        String sidecar = manifest.substring(envoy)
                + "    restartPolicy: Always\n    startupProbe: {exec: {command: [curl, -sf, \"http://127.0.0.1:9901/ready\"]}, periodSeconds: 1}\n";
        String without = manifest.substring(0, envoy).replace("  containers:\n", sidecar + "  containers:\n");
        cluster.apply(injected(without));
        cluster.waitUntilReady("sidecar");
        assertCaptured("sidecar");
        assertEquals(
                "meshcapture migrate envoy",
                cluster.kubectl("get", "pod", "sidecar", "-o", "jsonpath={.spec.initContainers[*].name}")
                        .orFail());
    }

    @Test
    void whyCaptureFailedStandsInTheTerminationMessage() {
        assertEnds("wrong", injected(shop("wrong")).replace("--envoy-user=1337", "\"--envoy-user=13 37\""), 2, """
                user "13 37" is neither a name nor an id; --envoy-user; write a name such as envoy or a number such as 1337
                """);
        assertEnds("incapable", injected(shop("incapable")).replace("add: [\"NET_ADMIN\"]", "add: []"), 4, """
                the privilege CAP_NET_ADMIN is missing; netfilter can neither be read nor changed without it; run it with sudo, \
                or in a container add the capability NET_ADMIN
                """);
    }

    private void assertEnds(String pod, String manifest, int code, String message) {
        cluster.apply(manifest);
        JsonObject ended = Cluster.terminated(
                cluster.waitFor(
                        pod,
                        "ended",
                        now -> Cluster.terminated(now, "meshcapture").has("exitCode")),
                "meshcapture");
        assertEquals(message, ended.get("message").getAsString());
        assertEquals(code, ended.get("exitCode").getAsInt());
        cluster.kubectl("delete", "pod", pod, "--now", "--wait=false").orFail();
    }

    /** By itself, and not by way of capture, which does not use it here. */
    @Test
    void bothFlavoursOfIptablesRunInTheImageAndTheLegacyOneNeedsOneCapabilityMore() {
        String container = """
                  - name: %s
                    image: %s
                    imagePullPolicy: Never
                    command: [%s]
                    securityContext:
                      readOnlyRootFilesystem: true
                      allowPrivilegeEscalation: false
                      capabilities: {drop: [ALL], add: [%s]}
                """;
        StringBuilder pod = new StringBuilder(
                "apiVersion: v1\nkind: Pod\nmetadata: {name: tables}\nspec:\n  restartPolicy: Never\n  containers:\n");
        List<String> names = new ArrayList<>();
        for (String family : List.of("iptables", "ip6tables")) {
            for (String what : List.of("", "-save", "-restore")) {
                for (String flavour : List.of("-nft", "-legacy")) {
                    String program = family + flavour + what;
                    String command = "/usr/sbin/" + program + (what.isEmpty() ? ", -t, nat, -S" : "");
                    String enough = flavour.equals("-nft") ? "NET_ADMIN" : "NET_ADMIN, NET_RAW";
                    pod.append(container.formatted(program, Cluster.INIT_IMAGE, command, enough));
                    names.add(program);
                }
            }
            String tooLittle = family + "-legacy-without";
            pod.append(container.formatted(
                    tooLittle, Cluster.INIT_IMAGE, "/usr/sbin/" + family + "-legacy, -t, nat, -S", "NET_ADMIN"));
            names.add(tooLittle);
        }
        cluster.apply(pod.toString());
        JsonObject ended = cluster.waitFor(
                "tables",
                "ended",
                now -> names.stream()
                        .allMatch(name -> Cluster.terminated(now, name).has("exitCode")));
        for (String name : names) {
            int code = Cluster.terminated(ended, name).get("exitCode").getAsInt();
            String said = cluster.kubectl("logs", "tables", "-c", name).out();
            boolean works = code == 0;
            assertEquals(!name.endsWith("-without"), works, name + " ended with " + code + ": " + said);
        }
    }

    @Test
    void aPlanOfSeveralServicesComesFromAConfigMapByKustomizeToo() {
        cluster.kubectl(
                        "apply",
                        "-k",
                        Path.of("test-env/kubernetes/example").toAbsolutePath().toString())
                .orFail();
        cluster.kubectl("wait", "--for=condition=Available", "deployment/shop", "--timeout=90s")
                .orFail();
        String said =
                cluster.kubectl("logs", "deployment/shop", "-c", "meshcapture").orFail();
        assertTrue(said.startsWith("captured: orders, rest\n"), said);
        // what the example's patch has written by hand is what inject writes
        Ending built = cluster.kubectl(
                "kustomize",
                Path.of("test-env/kubernetes/example").toAbsolutePath().toString());
        String configMap = built.orFail().replaceFirst("(?s).*\n  name: (meshcapture-plan-[a-z0-9]+)\n.*", "$1");
        Terminal again = Terminal.run(
                built.out(), "inject", "-f", "test-env/kubernetes/example/plan.yaml", "--config-map", configMap);
        assertEquals(built.out(), again.out());
        assertTrue(again.err().contains("Deployment/shop: injected already\n"), again.err());
    }

    @Test
    void aPodThatRunsAlreadyIsCapturedFromItsNode() throws IOException {
        cluster.apply(shop("later"));
        JsonObject pod = cluster.waitUntilReady("later");
        assertEquals("directly\n", call("later", upstream4));
        String id =
                Cluster.container(pod, "app").get("containerID").getAsString().replace("containerd://", "");
        String pid = cluster.onTheNode(
                        "sh",
                        "-c",
                        "ctr -a /run/containerd.sock -n k8s.io task ls | sed -n 's/^" + id + " *\\([0-9]*\\).*/\\1/p'")
                .orFail()
                .strip();
        String manifest = Files.readString(Path.of("test-env/kubernetes/example/from-the-node.yaml"));
        cluster.apply(manifest.replace("--netns, PID", "--netns, \"" + pid + "\""));
        JsonObject ended = Cluster.terminated(
                cluster.waitFor(
                        "capture-from-the-node",
                        "ended",
                        now -> Cluster.terminated(now, "meshcapture").has("exitCode")),
                "meshcapture");
        assertEquals(0, ended.get("exitCode").getAsInt(), ended.toString());
        assertCaptured("later");
    }

    @Test
    void podSecurityBelowPrivilegedRefusesItAndSaysWhy() {
        for (String level : List.of("baseline", "restricted")) {
            cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + level
                    + ", labels: {pod-security.kubernetes.io/enforce: " + level + "}}}");
            Ending refused = cluster.kubectlReading(injected(shop("shop")), "apply", "-n", level, "-f", "-");
            assertEquals(1, refused.code());
            assertTrue(
                    refused.err().contains("violates PodSecurity \"" + level + ":latest\"")
                            && refused.err().contains("container \"meshcapture\" must not include \"NET_ADMIN\""),
                    refused.err());
        }
    }

    @Test
    void theImageHoldsNoShellNoPackageManagerAndSaysWhatIsInIt() {
        String containerd = "ctr -a /run/containerd.sock -n k8s.io ";
        String image = "docker.io/library/" + Cluster.INIT_IMAGE;
        String listing = cluster.onTheNode(
                        "sh",
                        "-c",
                        "mkdir /run/look && " + containerd + "images mount " + image
                                + " /run/look >/dev/null && cd /run/look"
                                + " && find . -type f -perm /111 ! -name '*.so*' && cat opt/meshcapture/doc/*bom.json")
                .orFail();
        List<String> programs = listing.lines()
                .filter(line -> line.startsWith("./"))
                .map(line -> line.replaceAll(".*/", ""))
                .sorted()
                .toList();
        assertEquals(
                List.of("java", "jexec", "jspawnhelper", "meshcapture", "xtables-legacy-multi", "xtables-nft-multi"),
                programs.stream().filter(name -> !name.startsWith("ld-linux")).toList());
        assertTrue(listing.contains("\"purl\":\"pkg:deb/debian/libnftables1@"), listing);
        assertTrue(listing.contains("pkg:maven/com.github.jnr/jnr-ffi@"), listing);
    }
}
