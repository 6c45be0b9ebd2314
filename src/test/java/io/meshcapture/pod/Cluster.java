package io.meshcapture.pod;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.meshcapture.lab.Await;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** A Kubernetes that is there as long as a pipe to it is open: when this JVM ends, however it ends, it is gone. */
final class Cluster implements AutoCloseable {
    /** As test-env/init-image names it. */
    static final String INIT_IMAGE = "meshcapture-init:0.1.0";

    /** Long enough for a machine on which much else runs. */
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    private final Process process;
    private final String kubectl;
    private final String onTheNode;

    private Cluster(Process process, String kubectl, String onTheNode) {
        this.process = process;
        this.kubectl = kubectl;
        this.onTheNode = onTheNode;
    }

    /** How a command ended. */
    record Ending(int code, String out, String err) {
        String orFail() {
            if (code != 0) {
                throw new AssertionError(this);
            }
            return out;
        }
    }

    static Cluster start() {
        try {
            Process process = new ProcessBuilder(
                            Path.of("test-env/kubernetes/cluster")
                                    .toAbsolutePath()
                                    .toString(),
                            "sh",
                            "-c",
                            "echo \"$KUBECTL $NODE\"; exec cat")
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            // it says one line, and has a bound of its own for how long that takes
            String said = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))
                    .readLine();
            if (said == null) {
                throw new AssertionError("no Kubernetes; test-env/kubernetes/cluster said why and ended with "
                        + process.onExit().join().exitValue());
            }
            List<String> programs = List.of(said.split(" ", 2));
            return new Cluster(process, programs.getFirst(), programs.getLast());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The path of the program that asks it, for others to run. */
    String kubectlProgram() {
        return kubectl;
    }

    Ending kubectl(String... arguments) {
        return run(kubectl, "", arguments);
    }

    /** With something on its standard input. */
    Ending kubectlReading(String input, String... arguments) {
        return run(kubectl, input, arguments);
    }

    /** As a process of the node's. */
    Ending onTheNode(String... command) {
        return run(onTheNode, "", command);
    }

    void apply(String manifest) {
        kubectlReading(manifest, "apply", "-f", "-").orFail();
    }

    JsonObject pod(String name) {
        return new Gson().fromJson(kubectl("get", "pod", name, "-o", "json").orFail(), JsonObject.class);
    }

    /** Waits until a pod is as it should be; shows what it was last. */
    JsonObject waitFor(String pod, String what, Predicate<JsonObject> condition) {
        JsonObject[] last = {new JsonObject()};
        try {
            Await.until(PATIENCE, pod + " to be " + what, () -> {
                last[0] = pod(pod);
                return condition.test(last[0]);
            });
        } catch (AssertionError e) {
            throw new AssertionError(
                    e.getMessage() + "\n" + kubectl("describe", "pod", pod).out(), e);
        }
        return last[0];
    }

    JsonObject waitUntilReady(String pod) {
        return waitFor(pod, "ready", Cluster::isReady);
    }

    static boolean isReady(JsonObject pod) {
        JsonObject status = pod.getAsJsonObject("status");
        if (!status.has("conditions")) {
            return false;
        }
        for (JsonElement condition : status.getAsJsonArray("conditions")) {
            JsonObject one = condition.getAsJsonObject();
            if (one.get("type").getAsString().equals("Ready")) {
                return one.get("status").getAsString().equals("True");
            }
        }
        return false;
    }

    /** The status of one of its containers, of either kind; empty where there is none yet. */
    static JsonObject container(JsonObject pod, String name) {
        JsonObject status = pod.getAsJsonObject("status");
        for (String kind : List.of("initContainerStatuses", "containerStatuses")) {
            if (status.has(kind)) {
                for (JsonElement element : status.getAsJsonArray(kind)) {
                    if (element.getAsJsonObject().get("name").getAsString().equals(name)) {
                        return element.getAsJsonObject();
                    }
                }
            }
        }
        return new JsonObject();
    }

    /** How a container ended, of the last time or the time before; empty while it has not. */
    static JsonObject terminated(JsonObject pod, String name) {
        JsonObject container = container(pod, name);
        for (String when : List.of("state", "lastState")) {
            if (container.has(when) && container.getAsJsonObject(when).has("terminated")) {
                return container.getAsJsonObject(when).getAsJsonObject("terminated");
            }
        }
        return new JsonObject();
    }

    /** What containerd calls a container. */
    static String id(JsonObject pod, String name) {
        return container(pod, name).get("containerID").getAsString().replace("containerd://", "");
    }

    /** Sends a signal to the first process of a container. */
    void kill(JsonObject pod, String container, String signal) {
        containerd("task kill -s " + signal + " " + id(pod, container));
    }

    /** Kills a pod's pause container, and with it its network namespace. */
    void killSandbox(JsonObject pod) {
        String uid = pod.getAsJsonObject("metadata").get("uid").getAsString();
        String sandbox = containerd(
                        "containers ls -q 'labels.\"io.cri-containerd.kind\"==sandbox,labels.\"io.kubernetes.pod.uid\"=="
                                + uid + "'")
                .strip();
        containerd("task kill -s SIGKILL " + sandbox);
    }

    private String containerd(String words) {
        return onTheNode("sh", "-c", "ctr -a /run/containerd.sock -n k8s.io " + words)
                .orFail();
    }

    private static Ending run(String program, String input, String... arguments) {
        List<String> command = new ArrayList<>(List.of(program));
        command.addAll(List.of(arguments));
        try {
            Process process = new ProcessBuilder(command).start();
            CompletableFuture<String> err = CompletableFuture.supplyAsync(() -> text(process.getErrorStream()));
            try (var in = process.getOutputStream()) {
                in.write(input.getBytes(StandardCharsets.UTF_8));
            } catch (IOException e) {
                // it did not read all of it; what it says tells why
            }
            String out = text(process.getInputStream());
            return new Ending(process.onExit().join().exitValue(), out, err.join());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String text(java.io.InputStream stream) {
        try {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        try {
            process.getOutputStream().close();
            if (!process.waitFor(60, TimeUnit.SECONDS)) {
                throw new AssertionError("the cluster did not end; its process is " + process.pid());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
