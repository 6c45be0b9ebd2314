package io.meshcapture.pod;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** The init image in pods: what it needs, and how it fails. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class InitImageCases {
    private final Shop shop = Shop.open();

    /** All at once, because most of a pod's start is waiting. */
    @BeforeAll
    void startAll() {
        shop.cluster.apply(
                Shop.injected(shop.manifest("wrong")).replace("--envoy-user=1337", "\"--envoy-user=13 37\""));
        shop.cluster.apply(Shop.injected(shop.manifest("incapable")).replace("add: [\"NET_ADMIN\"]", "add: []"));
        shop.cluster.apply(
                Shop.injected(shop.manifest("on-the-node")).replace("spec:\n", "spec:\n  hostNetwork: true\n"));
        shop.cluster.apply(Shop.injected(shop.manifest("not-root"))
                .replace("runAsUser: 0", "runAsUser: 65532")
                .replace("runAsGroup: 0", "runAsGroup: 65532")
                .replace("runAsNonRoot: false", "runAsNonRoot: true")
                .replace("    args:\n    - apply\n", """
                            env:
                            - {name: MESHCAPTURE_EXCEPT, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
                            args:
                            - apply
                            - -v
                        """));
        shop.cluster.apply(Shop.injected(shop.manifest("legacy"), "--backend=iptables-legacy"));
    }

    @Test
    void whyCaptureFailedStandsInTheTerminationMessage() {
        assertEnds("wrong", 2, """
                user "13 37" is neither a name nor an id; --envoy-user; write a name such as envoy or a number such as 1337
                """);
        assertEnds("incapable", 4, """
                the privilege CAP_NET_ADMIN is missing; netfilter can neither be read nor changed without it; run it with sudo, \
                or in a container add the capability NET_ADMIN
                """);
    }

    /** The node of the tests has a network namespace that is not the machine's first, as one of kind has. */
    @Test
    void aPodOnItsNodesNetworkIsRefusedAlsoWhereTheNodeIsAContainerItself() {
        assertEnds("on-the-node", 7, """
                this container shares the node's network namespace; every process of the node would be affected; leave \
                hostNetwork out, name another namespace with --netns, or insist with --allow-host-network
                """);
    }

    /** It is told the address of its node, by what Kubernetes calls the downward API. */
    @Test
    void anotherUserThanRootCapturesTooAndTheEnvironmentSaysWhatThePodAloneKnows() {
        String node = shop.cluster
                .waitUntilReady("not-root")
                .getAsJsonObject("status")
                .get("hostIP")
                .getAsString();
        shop.assertCaptured("not-root");
        String said =
                shop.cluster.kubectl("logs", "not-root", "-c", "meshcapture").orFail();
        assertTrue(said.contains(".except = " + node + " (MESHCAPTURE_EXCEPT)\n"), said);
    }

    /** The manifest says it all: what the container needs besides is in it. */
    @Test
    void aPodIsCapturedByIptablesLegacy() {
        shop.cluster.waitUntilReady("legacy");
        shop.assertCaptured("legacy");
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
        shop.cluster.apply(pod.toString());
        JsonObject ended = shop.cluster.waitFor(
                "tables",
                "ended",
                now -> names.stream()
                        .allMatch(name -> Cluster.terminated(now, name).has("exitCode")));
        for (String name : names) {
            int code = Cluster.terminated(ended, name).get("exitCode").getAsInt();
            String said = shop.cluster.kubectl("logs", "tables", "-c", name).out();
            boolean works = code == 0;
            assertEquals(!name.endsWith("-without"), works, name + " ended with " + code + ": " + said);
        }
    }

    /** Of one user of the node's, so that the node of the tests goes on; and taken back. */
    @Test
    void whereItIsAllowedTheNodesOwnNetworkIsCaptured() {
        Shop.Terminal injected = Shop.Terminal.run(
                shop.manifest("allowed").replace("spec:\n", "spec:\n  restartPolicy: Never\n  hostNetwork: true\n"),
                "inject",
                "--envoy-user=1337",
                "--from-user=4711",
                "--to=any",
                "--allow-host-network",
                "--image-pull-policy=Never");
        String captures = injected.out();
        String ours =
                captures.substring(captures.indexOf("  - name: meshcapture\n"), captures.indexOf("  - name: migrate"));
        String takesBack = ours.replace("name: meshcapture\n", "name: takes-back\n")
                .replaceFirst(
                        "(?s)    args:\n.*?    terminationMessagePolicy",
                        "    args: [rollback, --all, --allow-host-network]\n    terminationMessagePolicy");
        String pod = captures.substring(0, captures.indexOf("  - name: migrate")) + takesBack
                + "  containers:\n  - {name: app, image: localhost/tools:1, command: [\"true\"]}\n";
        shop.cluster.apply(pod);
        shop.cluster.waitFor(
                "allowed", "ended", now -> Cluster.terminated(now, "app").has("exitCode"));
        String said =
                shop.cluster.kubectl("logs", "allowed", "-c", "meshcapture").orFail();
        assertTrue(said.contains("captured: default\n"), said);
        String taken =
                shop.cluster.kubectl("logs", "allowed", "-c", "takes-back").orFail();
        assertTrue(taken.contains("released: default\n"), taken);
    }

    private void assertEnds(String pod, int code, String message) {
        JsonObject ended = Cluster.terminated(
                shop.cluster.waitFor(
                        pod,
                        "ended",
                        now -> Cluster.terminated(now, "meshcapture").has("exitCode")),
                "meshcapture");
        assertEquals(message, ended.get("message").getAsString());
        assertEquals(code, ended.get("exitCode").getAsInt());
        String described = shop.cluster.kubectl("describe", "pod", pod).orFail().replaceAll("\\s+", " ");
        assertTrue(described.contains("Message: " + message.strip() + " Exit Code: " + code), described);
        shop.cluster.kubectl("delete", "pod", pod, "--now", "--wait=false").orFail();
    }
}
