package io.meshcapture.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Stories of manifests: {@code before.yaml} becomes {@code after.yaml}, which stays as it is when it is injected again, and
 * becomes {@code before.yaml} when it is taken out. {@code -Dgolden=write} writes the second.
 */
class InjectionStoriesTest {
    private static final Path STORIES = Path.of("src/test/resources/io/meshcapture/kubernetes/injection");

    static Stream<String> stories() throws IOException {
        try (Stream<Path> stories = Files.list(STORIES)) {
            return stories.map(story -> story.getFileName().toString()).sorted().toList().stream();
        }
    }

    @Test
    void there_are_stories() throws IOException {
        assertTrue(stories().count() >= 6);
    }

    @ParameterizedTest
    @MethodSource("stories")
    void story(String name) throws IOException {
        String before = Files.readString(STORIES.resolve(name).resolve("before.yaml"));
        Path expected = STORIES.resolve(name).resolve("after.yaml");
        String after = Injecting.text(before, Injecting.IN);
        if ("write".equals(System.getProperty("golden"))) {
            Files.writeString(expected, after);
            fail("written; look at the difference");
        }
        assertEquals(Files.readString(expected), after);
        assertEquals(after, Injecting.text(after, Injecting.IN), "twice is once");
        assertEquals(before, Injecting.text(after, Injecting.OUT), "taken out");
        String newer = Injecting.text(after, Injecting.in("meshcapture-init:0.2.0"));
        assertEquals(Injecting.text(before, Injecting.in("meshcapture-init:0.2.0")), newer, "updated");
        assertEquals(before, Injecting.text(before, Injecting.OUT), "nothing to take out");
    }

    @Test
    void what_becomes_of_each_workload_is_told() throws IOException {
        String before = Files.readString(
                STORIES.resolve("every-kind-that-has-pods-is-found-and-others-pass-through/before.yaml"));
        List<String> workloads =
                List.of("StatefulSet/set", "DaemonSet/daemon", "Job/job-", "CronJob/cron", "Pod/listed");
        String after = Injecting.text(before, Injecting.IN);

        assertEquals(each(workloads, "injected"), Injecting.changes(before, Injecting.IN));
        assertEquals(each(workloads, "injected already"), Injecting.changes(after, Injecting.IN));
        assertEquals(each(workloads, "updated"), Injecting.changes(after, Injecting.in("other")));
        assertEquals(each(workloads, "removed"), Injecting.changes(after, Injecting.OUT));
        assertEquals(each(workloads, "not injected"), Injecting.changes(before, Injecting.OUT));
        assertEquals(
                List.of("Service/not-me", "ConfigMap/listed-too", "Rocket/unknown"),
                Injecting.outcome(before, Injecting.IN).others());
    }

    private static List<String> each(List<String> workloads, String action) {
        return workloads.stream().map(workload -> workload + " " + action).toList();
    }
}
