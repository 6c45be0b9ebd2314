package io.meshcapture.pod;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Await;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code scripts/demo pod} tells, on the cluster of the tests: it fails by itself where one of its statements is not true. */
abstract class PodStoryCases {
    private final Shop shop = Shop.open();

    @Test
    void theStoryIsTrue(@TempDir Path directory) throws IOException {
        shop.cluster.kubectl("create", "namespace", "story").orFail();
        Await.until(
                Duration.ofSeconds(30),
                "the namespace's account",
                () -> shop.cluster
                                .kubectl("-n", "story", "get", "serviceaccount", "default")
                                .code()
                        == 0);
        Path kubectl = Files.writeString(
                directory.resolve("kubectl"),
                "#!/bin/sh\nexec " + shop.cluster.kubectlProgram() + " -n story \"$@\"\n");
        Files.setPosixFilePermissions(kubectl, PosixFilePermissions.fromString("rwx------"));
        ProcessBuilder story = new ProcessBuilder("test-env/demo/pod").redirectErrorStream(true);
        story.environment().put("KUBECTL", kubectl.toString());
        Process process = story.start();
        String told = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.onExit().join().exitValue(), told);
        assertTrue(told.contains("\nvia envoy\n") && told.endsWith("docs/kubernetes.md.\n"), told);
    }
}
