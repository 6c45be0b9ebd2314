package io.meshcapture.pod;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Services by name, in each of the three ways in which their names can lead to Envoy in a pod. */
abstract class NamesInPodsCases {
    private static final String OURS = "127.66.";

    private final Shop shop = Shop.open();

    @TempDir
    private Path directory;

    /** The plan is more than flags can say, so it goes along as a ConfigMap. */
    private String injected(String pod, String way) throws IOException {
        String plan = """
                version: 1
                envoy: {user: 1337, admin: "127.0.0.1:9901"}
                services:
                  catalog:
                    hosts: [catalog.internal, catalog]
                    ports: {8080: 15001, 80: 15001}
                    instances: ["%s:8080"]
                """.formatted(shop.upstream4);
        Path file = Files.writeString(directory.resolve("plan.yaml"), plan);
        String envoy = Shop.envoyConfig("", "-f", file.toString());
        shop.cluster.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: envoy-by-name}\ndata:\n  envoy.yaml: |\n"
                + envoy.indent(4));
        String manifest = shop.manifest(pod)
                .replace("/programs/envoy.yaml", "/envoy/envoy.yaml")
                .replace("  volumes:\n", "  volumes:\n  - {name: envoy, configMap: {name: envoy-by-name}}\n");
        manifest = manifest.substring(0, manifest.lastIndexOf("}]")) + "}, {name: envoy, mountPath: /envoy}]\n";
        Shop.Terminal injected = Shop.Terminal.run(
                manifest, "inject", "-f", file.toString(), "--hosts-by", way, "--image-pull-policy=Never");
        assertEquals(0, injected.code(), injected.err());
        assertEquals(
                manifest,
                Shop.Terminal.run(injected.out(), "inject", "--remove").out());
        return injected.out();
    }

    @Test
    void hostAliasesAndVariablesLeadToEnvoyAlsoAfterAContainerHasRestarted() throws IOException {
        shop.cluster.apply(injected("by-alias", "aliases,environment"));
        JsonObject pod = shop.cluster.waitUntilReady("by-alias");
        shop.awaitEnvoy("by-alias");
        assertEquals("via envoy\n", shop.call("by-alias", "catalog.internal"));
        assertEquals("directly\n", shop.call("by-alias", shop.upstream4), "by its address, which nobody captures");

        shop.cluster.kill(pod, "app", "SIGKILL");
        shop.cluster.waitFor(
                "by-alias",
                "ready with a restarted app",
                now -> Cluster.isReady(now)
                        && Cluster.container(now, "app").get("restartCount").getAsInt() > 0);
        assertEquals("via envoy\n", shop.call("by-alias", "catalog"));
        assertEquals(
                "via envoy\n",
                shop.inApp(
                        "by-alias",
                        "sh",
                        "-c",
                        "curl -sS --max-time 10 http://$CATALOG_SERVICE_HOST:$CATALOG_SERVICE_PORT/"));
    }

    @Test
    void aHostsFileOfThePodsOwnIsNotEnvoysAndFollowsThePodsAddress() throws IOException {
        shop.cluster.apply(injected("by-file", "file"));
        JsonObject pod = shop.cluster.waitUntilReady("by-file");
        shop.awaitEnvoy("by-file");
        assertEquals("via envoy\n", shop.call("by-file", "catalog.internal"));
        assertEquals(
                "via envoy\n",
                shop.inApp("by-file", "curl", "-6", "-sS", "--max-time", "10", "http://catalog.internal:8080/"),
                "also where only IPv6 is asked for, which hostAliases cannot answer");
        assertTrue(shop.inApp("by-file", "cat", "/etc/hosts").contains(address(pod) + "\tby-file\n"));
        String envoys = shop.cluster
                .kubectl("exec", "by-file", "-c", "envoy", "--", "cat", "/etc/hosts")
                .orFail();
        assertFalse(envoys.contains(OURS), envoys);

        shop.cluster.killSandbox(pod);
        JsonObject again = shop.cluster.waitFor(
                "by-file",
                "ready in a new sandbox",
                now -> Cluster.isReady(now)
                        && Cluster.container(now, "app").get("restartCount").getAsInt() > 0
                        && !address(now).equals(address(pod)));
        shop.awaitEnvoy("by-file");
        assertEquals("via envoy\n", shop.call("by-file", "catalog"));
        String hosts = shop.inApp("by-file", "cat", "/etc/hosts");
        assertTrue(hosts.contains(address(again) + "\tby-file\n"), hosts);
        assertFalse(hosts.contains(address(pod) + "\t"), hosts);
    }

    private static String address(JsonObject pod) {
        JsonObject status = pod.getAsJsonObject("status");
        return status.has("podIP") ? status.get("podIP").getAsString() : "none";
    }
}
