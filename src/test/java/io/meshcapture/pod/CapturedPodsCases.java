package io.meshcapture.pod;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.meshcapture.lab.Await;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Injected pods run, and are captured, whatever restarts. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class CapturedPodsCases {
    private static final String ENVOY_IS_READY =
            "startupProbe: {exec: {command: [curl, -sf, \"http://127.0.0.1:9901/ready\"]}, periodSeconds: 1, failureThreshold: 60}\n";

    private final Shop shop = Shop.open();

    /** All at once, because most of a pod's start is waiting. */
    @BeforeAll
    void startAll() {
        shop.cluster.apply(Shop.injected(shop.manifest("shop")));
        shop.cluster.apply(Shop.injected(shop.manifest("restarted")));
        shop.cluster.apply(Shop.injected(shop.manifest("own-users").replace("spec:\n", "spec:\n  hostUsers: false\n")));
        shop.cluster.apply(Shop.injected(withEnvoyAsSidecar(shop.manifest("sidecar"))));
        shop.cluster.apply(Shop.injected(shop.manifest("repaired"), "--agent")
                .replace("- agent\n", "- agent\n    - --interval=1s\n"));
        shop.cluster.apply(shop.manifest("later")
                .replace("spec:\n", "spec:\n  hostUsers: false\n")
                .replace("runAsUser: 1337", "runAsUser: 33")); // www-data, in that image
        startResolving();
    }

    private static String withEnvoyAsSidecar(String manifest) {
        int envoy = manifest.indexOf("  - name: envoy");
        String sidecar = manifest.substring(envoy) + "    restartPolicy: Always\n    " + ENVOY_IS_READY;
        return manifest.substring(0, envoy).replace("  containers:\n", sidecar + "  containers:\n");
    }

    /** With a pod's DNS server of its own, and three initContainers that ask it. */
    private void startResolving() {
        String envoy = Shop.envoyConfig(
                "",
                "--envoy-user=1337",
                "--envoy-admin=127.0.0.1:9901",
                "--envoy-dns=15053",
                "--dns-servers=" + shop.upstream4,
                "--to=any");
        shop.cluster.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: envoy-with-dns}\ndata:\n  envoy.yaml: |\n"
                + envoy.indent(4));
        String asks =
                "image: localhost/tools:1, command: [sh, -c, \"getent ahostsv4 shop.upstream.test || echo no answer\"],"
                        + " securityContext: {runAsUser: ";
        String manifest = """
                apiVersion: v1
                kind: Pod
                metadata: {name: resolving}
                spec:
                  automountServiceAccountToken: false
                  terminationGracePeriodSeconds: 1
                  dnsPolicy: None
                  dnsConfig: {nameservers: [%s]}
                  volumes:
                  - {name: envoy, configMap: {name: envoy-with-dns}}
                  initContainers:
                  - {name: early, %s 1000}}
                  - {name: as-envoy, %2$s 1337}}
                  - name: envoy
                    image: localhost/tools:1
                    command: ["envoy", "-c", "/envoy/envoy.yaml", "--concurrency", "1", "--disable-hot-restart"]
                    restartPolicy: Always
                    %3$s\
                    securityContext: {runAsUser: 1337}
                    volumeMounts: [{name: envoy, mountPath: /envoy}]
                  - {name: late, %2$s 1000}}
                  containers:
                  - {name: app, image: localhost/tools:1, command: [sleep, infinity], securityContext: {runAsUser: 1000}}
                """.formatted(shop.upstream4, asks, ENVOY_IS_READY);
        shop.cluster.apply(Shop.injected(manifest, "--envoy-dns=15053", "--dns-servers=" + shop.upstream4));
    }

    @Test
    void anInjectedPodIsCapturedItsProbesAreAnsweredAndItsInitContainersRunInOrder() {
        JsonObject pod = shop.cluster.waitUntilReady("shop");

        assertEquals(
                "directly\n",
                shop.cluster.kubectl("logs", "shop", "-c", "migrate").orFail());
        JsonObject first = Cluster.terminated(pod, "meshcapture");
        String second = Cluster.terminated(pod, "migrate").get("startedAt").getAsString();
        assertTrue(first.get("finishedAt").getAsString().compareTo(second) <= 0, pod.toString());
        shop.assertCaptured("shop");
        assertEquals(
                "captured: default\ncaptured: inbound connections\ndone: 1 service and inbound connections captured, IPv6 captured too\n",
                shop.cluster
                        .kubectl("logs", "shop", "-c", "meshcapture")
                        .orFail()
                        .replaceAll("(?m)^meshcapture: note: .*\n", ""));
    }

    @Test
    void whenTheSandboxIsRecreatedTheRulesAreBackAndWhenAContainerRestartsTheyStay() {
        JsonObject pod = shop.cluster.waitUntilReady("restarted");
        shop.assertCaptured("restarted");

        assertEquals(0, Cluster.container(pod, "app").get("restartCount").getAsInt());
        shop.cluster.kill(pod, "app", "SIGKILL");
        shop.cluster.waitFor(
                "restarted",
                "ready with a restarted app",
                now -> Cluster.isReady(now)
                        && Cluster.container(now, "app").get("restartCount").getAsInt() > 0);
        assertEquals(
                0,
                Cluster.container(shop.cluster.pod("restarted"), "meshcapture")
                        .get("restartCount")
                        .getAsInt());
        shop.assertCaptured("restarted");

        String before = Cluster.terminated(shop.cluster.pod("restarted"), "meshcapture")
                .get("containerID")
                .getAsString();
        shop.cluster.killSandbox(pod);
        shop.cluster.waitFor(
                "restarted",
                "ready in a new sandbox",
                now -> Cluster.isReady(now)
                        && Cluster.terminated(now, "meshcapture").has("containerID")
                        && !Cluster.terminated(now, "meshcapture")
                                .get("containerID")
                                .getAsString()
                                .equals(before));
        shop.assertCaptured("restarted");
    }

    @Test
    void aPodWithUsersOfItsOwnIsCaptured() {
        shop.cluster.waitUntilReady("own-users");
        String map = shop.cluster
                .kubectl("exec", "own-users", "-c", "app", "--", "cat", "/proc/self/uid_map")
                .orFail();
        assertTrue(!map.strip().endsWith("4294967295"), map);
        shop.assertCaptured("own-users");
    }

    @Test
    void envoyAsANativeSidecarIsUpBeforeTheApplicationAndCaptureBeforeEnvoy() {
        shop.cluster.waitUntilReady("sidecar");
        shop.assertCaptured("sidecar");
        assertEquals(
                "meshcapture migrate envoy",
                shop.cluster
                        .kubectl("get", "pod", "sidecar", "-o", "jsonpath={.spec.initContainers[*].name}")
                        .orFail());
    }

    @Test
    void aNativeSidecarCapturesBeforeTheOthersRepairsWhatIsTakenAwayAndEndsWithoutLosingAConnection() {
        JsonObject pod = shop.cluster.waitUntilReady("repaired");
        shop.assertCaptured("repaired");
        String started = Cluster.container(pod, "meshcapture")
                .getAsJsonObject("state")
                .getAsJsonObject("running")
                .get("startedAt")
                .getAsString();
        String next = Cluster.terminated(pod, "migrate").get("startedAt").getAsString();
        assertTrue(started.compareTo(next) <= 0, pod.toString());

        String program = "/opt/meshcapture/bin/meshcapture";
        shop.cluster
                .kubectl("exec", "repaired", "-c", "meshcapture", "--", program, "rollback", "--all", "--drain", "0")
                .orFail();
        Await.until(
                Duration.ofSeconds(30),
                "the agent to have repaired it",
                () -> shop.cluster
                                .kubectl("logs", "repaired", "-c", "meshcapture")
                                .orFail()
                                .split("captured: default", -1)
                                .length
                        == 3);
        shop.assertCaptured("repaired");

        shop.cluster.kill(shop.cluster.pod("repaired"), "meshcapture", "SIGTERM");
        JsonObject ended = Cluster.terminated(
                shop.cluster.waitFor(
                        "repaired",
                        "ready with a restarted agent",
                        now -> Cluster.isReady(now)
                                && Cluster.container(now, "meshcapture")
                                                .get("restartCount")
                                                .getAsInt()
                                        == 1),
                "meshcapture");
        assertEquals(0, ended.get("exitCode").getAsInt(), ended.toString());
        assertEquals(
                0,
                Cluster.container(shop.cluster.pod("repaired"), "app")
                        .get("restartCount")
                        .getAsInt());
        shop.assertCaptured("repaired");
    }

    /** By the names of its own users, of which the node and the image know nothing, and with a user namespace of its own. */
    @Test
    void aPodThatRunsAlreadyIsCapturedFromItsNode() {
        JsonObject pod = shop.cluster.waitUntilReady("later");
        assertEquals("directly\n", shop.call("later", shop.upstream4));
        String id = Cluster.id(pod, "app");
        String pid = shop.cluster
                .onTheNode(
                        "sh",
                        "-c",
                        "ctr -a /run/containerd.sock -n k8s.io task ls | sed -n 's/^" + id + " *\\([0-9]*\\).*/\\1/p'")
                .orFail()
                .strip();
        String manifest = Shop.text(Path.of("test-env/kubernetes/example/from-the-node.yaml"));
        shop.cluster.apply(manifest.replace("nodeName: NODE", "nodeName: node")
                .replace("--netns, PID", "--netns, \"" + pid + "\"")
                .replace("--envoy-user, envoy", "--envoy-user, www-data"));
        JsonObject ended = Cluster.terminated(
                shop.cluster.waitFor(
                        "capture-from-the-node",
                        "ended",
                        now -> Cluster.terminated(now, "meshcapture").has("exitCode")),
                "meshcapture");
        assertEquals(0, ended.get("exitCode").getAsInt(), ended.toString());
        shop.assertCaptured("later");
    }

    /** DNS is captured too, and who asks before Envoy is up is refused at once instead of being answered past it. */
    @Test
    void anInitContainerThatNeedsNamesAsksAsEnvoysUserOrAfterEnvoy() {
        shop.cluster.waitUntilReady("resolving");
        String answer = "10.98.0.7 ";
        assertEquals("no answer\n", said("early"));
        assertTrue(said("as-envoy").startsWith(answer), said("as-envoy"));
        assertTrue(said("late").startsWith(answer), said("late"));
        String counted =
                shop.inApp("resolving", "curl", "-sS", "http://127.0.0.1:9901/stats?filter=downstream_rx_queries");
        assertTrue(counted.matches("(?s).*dns_filter\\.dns\\.downstream_rx_queries: [1-9].*"), counted);
    }

    private String said(String container) {
        return shop.cluster.kubectl("logs", "resolving", "-c", container).orFail();
    }
}
