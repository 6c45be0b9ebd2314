package io.meshcapture.pod;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.meshcapture.lab.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Injected pods run, and are captured, whatever restarts. */
final class CapturedPodsIT {
    private final Shop shop = Shop.open();

    @Test
    void anInjectedPodIsCapturedItsProbesAreAnsweredAndItsInitContainersRunInOrder() {
        shop.cluster.apply(Shop.injected(shop.manifest("shop")));
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
        shop.cluster.apply(Shop.injected(shop.manifest("restarted")));
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
        String manifest = shop.manifest("own-users").replace("spec:\n", "spec:\n  hostUsers: false\n");
        shop.cluster.apply(Shop.injected(manifest));
        shop.cluster.waitUntilReady("own-users");
        String map = shop.cluster
                .kubectl("exec", "own-users", "-c", "app", "--", "cat", "/proc/self/uid_map")
                .orFail();
        assertTrue(!map.strip().endsWith("4294967295"), map);
        shop.assertCaptured("own-users");
    }

    @Test
    void envoyAsANativeSidecarIsUpBeforeTheApplicationAndCaptureBeforeEnvoy() {
        String manifest = shop.manifest("sidecar");
        int envoy = manifest.indexOf("  - name: envoy");
        String sidecar = manifest.substring(envoy)
                + "    restartPolicy: Always\n    startupProbe: {exec: {command: [curl, -sf, \"http://127.0.0.1:9901/ready\"]}, periodSeconds: 1}\n";
        String without = manifest.substring(0, envoy).replace("  containers:\n", sidecar + "  containers:\n");
        shop.cluster.apply(Shop.injected(without));
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
        String manifest = Shop.injected(shop.manifest("repaired"), "--agent")
                .replace("- agent\n", "- agent\n    - --interval=1s\n");
        shop.cluster.apply(manifest);
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

    @Test
    void aPodThatRunsAlreadyIsCapturedFromItsNode() throws IOException {
        shop.cluster.apply(shop.manifest("later"));
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
        String manifest = Files.readString(Path.of("test-env/kubernetes/example/from-the-node.yaml"));
        shop.cluster.apply(manifest.replace("--netns, PID", "--netns, \"" + pid + "\""));
        JsonObject ended = Cluster.terminated(
                shop.cluster.waitFor(
                        "capture-from-the-node",
                        "ended",
                        now -> Cluster.terminated(now, "meshcapture").has("exitCode")),
                "meshcapture");
        assertEquals(0, ended.get("exitCode").getAsInt(), ended.toString());
        shop.assertCaptured("later");
    }
}
