package io.meshcapture.pod;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What inject writes, run by {@code podman kube play}: all in one run of Podman, which takes seconds to set up. */
final class PodmanIT {
    /** By it Podman keeps initContainers that have ended, so that they can be asked. */
    private static final String KEPT = "  annotations: {io.podman.annotations.init.container.type: always}\n";

    private static final String UPSTREAM = "10.78.0.9";

    /** And Podman copies the hosts file of its host into containers, unless it is told not to. */
    @Test
    void aPodIsCapturedAndOneThatCannotBeDoesNotRun() throws Exception {
        String programs = "---\n"
                + new Gson()
                        .toJson(Map.of(
                                "apiVersion",
                                "v1",
                                "kind",
                                "ConfigMap",
                                "metadata",
                                Map.of("name", "programs"),
                                "data",
                                Map.of(
                                        "upstream.py",
                                        Shop.text(Shop.FILES.resolve("upstream.py")),
                                        "envoy.yaml",
                                        Shop.envoyConfig())))
                + "\n---\n";
        String shop = Shop.text(Shop.FILES.resolve("shop.yaml"))
                .replace("  name: shop\n", "  name: shop\n" + KEPT)
                .replace("UPSTREAM", UPSTREAM);
        String wrong = Shop.injected(shop.replace("name: shop", "name: wrong"))
                .replace("--envoy-user=1337", "\"--envoy-user=13 37\"");
        String said = podman("""
                podman network create --ipv6 --subnet 10.78.0.0/24 --subnet fd00:78::/64 pods >/dev/null
                play() { podman kube play --network pods "$@" - >/run/played 2>&1; }
                play --ip %s <<'END_OF_FILE' || cat /run/played
                %s
                END_OF_FILE
                play <<'END_OF_FILE' || cat /run/played
                %s
                END_OF_FILE
                six=$(podman exec catalog-catalog ip -6 -brief address show dev eth0 scope global)
                six=${six##* f} six=f${six%%%%/*}
                for try in $(seq 100); do ! podman exec shop-envoy curl -sf -o /dev/null http://127.0.0.1:9901/ready || break; sleep 0.1; done
                podman inspect --format '{{.State.ExitCode}}' shop-meshcapture
                podman logs shop-meshcapture 2>/dev/null
                podman logs shop-migrate
                for address in %s "[$six]"; do podman exec shop-app curl -sS --max-time 10 "http://$address:8080/"; done
                play <<'END_OF_FILE' && echo "wrong was played"
                %s
                END_OF_FILE
                podman inspect --format '{{.State.ExitCode}}' wrong-meshcapture
                podman logs wrong-meshcapture 2>&1
                podman inspect --format '{{.State.Status}}' wrong-migrate wrong-app
                mkdir /run/upper /run/work
                mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work /etc
                echo '127.66.7.91 orders # meshcapture svc=orders v=1 k=5d40d1d9' >/etc/hosts
                copy() { CONTAINERS_CONF_OVERRIDE=$1 podman run --rm --network none localhost/tools:1 grep orders /etc/hosts; }
                copy /dev/null
                printf '[containers]\\nbase_hosts_file = "none"\\n' >/run/none.conf
                copy /run/none.conf || echo "no captured name"
                """.formatted(
                        UPSTREAM,
                        programs + Shop.text(Shop.FILES.resolve("catalog.yaml")),
                        programs + Shop.injected(shop),
                        UPSTREAM,
                        programs + wrong));
        assertEquals("""
                0
                captured: default
                captured: inbound connections
                done: 1 service and inbound connections captured, IPv6 captured too
                directly
                via envoy
                via envoy
                2
                meshcapture: user "13 37" is neither a name nor an id; --envoy-user; write a name such as envoy or a number such as 1337
                created
                created
                127.66.7.91	orders
                no captured name
                """, said);
    }

    private static String podman(String script) throws IOException {
        Process process = new ProcessBuilder(
                        Path.of("test-env/podman").toAbsolutePath().toString(), "sh", "-s")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (var in = process.getOutputStream()) {
            in.write(script.getBytes(StandardCharsets.UTF_8));
        }
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int status = process.onExit().join().exitValue();
        assertTrue(status == 0, () -> "it ended with " + status + " and said: " + said);
        return said;
    }
}
