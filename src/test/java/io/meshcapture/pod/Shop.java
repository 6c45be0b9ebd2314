package io.meshcapture.pod;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import io.meshcapture.cli.Main;
import io.meshcapture.lab.Await;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A cluster on which a pod runs that others call, and the manifest of one that calls it: a service that nobody modified, with
 * a real Envoy beside it. One for all classes of tests, because it takes a quarter of a minute to start; it ends with this JVM.
 */
final class Shop {
    static final Path FILES = Path.of("test-env/kubernetes/shop").toAbsolutePath();
    private static final List<String> PLAN =
            List.of("inject", "--envoy-user=1337", "--envoy-inbound=15006", "--image-pull-policy=Never");

    /** The catalog's second container, a DNS server. */
    private static final String NAMES = """
              - name: names
                image: localhost/tools:1
                command: ["python3", "/programs/names.py", "0.0.0.0"]
                volumeMounts: [{name: programs, mountPath: /programs}]
            """;

    private static final class Lazily {
        static final Shop OPEN = new Shop(Cluster.start());
    }

    final Cluster cluster;
    final String upstream4;
    final String upstream6;

    static Shop open() {
        return Lazily.OPEN;
    }

    private Shop(Cluster cluster) {
        this.cluster = cluster;
        cluster.kubectl(
                        "create",
                        "configmap",
                        "programs",
                        "--from-file=" + FILES.resolve("upstream.py"),
                        "--from-file=test-env/upstream/names.py",
                        "--from-literal=envoy.yaml=" + envoyConfig())
                .orFail();
        cluster.apply(text(FILES.resolve("catalog.yaml")) + NAMES);
        List<String> addresses = new ArrayList<>();
        for (JsonElement address :
                cluster.waitUntilReady("catalog").getAsJsonObject("status").getAsJsonArray("podIPs")) {
            addresses.add(address.getAsJsonObject().get("ip").getAsString());
        }
        assertTrue(addresses.size() == 2 && addresses.getLast().contains(":"), "both families: " + addresses);
        upstream4 = addresses.getFirst();
        upstream6 = "[" + addresses.getLast() + "]";
    }

    /** For the Envoy beside the application: what is printed for what is injected. */
    static String envoyConfig() {
        return envoyConfig("", "--envoy-user=1337", "--envoy-admin=127.0.0.1:9901", "--to=any");
    }

    /** Likewise, for another plan. */
    static String envoyConfig(String plan, String... options) {
        List<String> arguments = new ArrayList<>(List.of("envoy-config"));
        arguments.addAll(List.of(options));
        Terminal printed = Terminal.run(plan, arguments.toArray(String[]::new));
        assertEquals(0, printed.code(), printed.err());
        return printed.out();
    }

    static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The manifest of the pod that calls, under another name. */
    String manifest(String name) {
        return text(FILES.resolve("shop.yaml"))
                .replace("name: shop", "name: " + name)
                .replace("UPSTREAM", upstream4);
    }

    /** What meshcapture printed and answered, with that on standard input. */
    record Terminal(int code, String out, String err) {
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

    /** What inject makes of a manifest, with these options more; captures every address unless they name a host. */
    static String injected(String manifest, String... more) {
        List<String> arguments = new ArrayList<>(PLAN);
        if (Stream.of(more).noneMatch(option -> option.startsWith("--host="))) {
            arguments.add("--to=any");
        }
        arguments.addAll(List.of(more));
        Terminal done = Terminal.run(manifest, arguments.toArray(String[]::new));
        assertEquals(0, done.code(), done.err());
        return done.out();
    }

    String call(String pod, String address) {
        return inApp(pod, "curl", "-sS", "--max-time", "10", "http://" + address + ":8080/");
    }

    /** What a command says in the application's container. */
    String inApp(String pod, String... command) {
        List<String> arguments = new ArrayList<>(List.of("exec", pod, "-c", "app", "--"));
        arguments.addAll(List.of(command));
        return cluster.kubectl(arguments.toArray(String[]::new)).orFail();
    }

    void awaitEnvoy(String pod) {
        Await.until(
                Duration.ofSeconds(30),
                "Envoy of " + pod,
                () -> cluster.kubectl("exec", pod, "-c", "app", "--", "curl", "-sf", "http://127.0.0.1:9901/ready")
                                .code()
                        == 0);
    }

    void assertCaptured(String pod) {
        awaitEnvoy(pod);
        assertEquals("via envoy\n", call(pod, upstream4));
        assertEquals("via envoy\n", call(pod, upstream6));
    }
}
