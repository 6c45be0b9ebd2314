package io.meshcapture.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.kubernetes.PodNames.Way;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.yaml.snakeyaml.nodes.Node;

/** Random manifests, in styles that nobody would mix: what goes in comes out again, and first in the list meanwhile. */
class InjectionPropertyTest {
    private static final int MANIFESTS = 400;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void injecting_and_taking_out_restores_every_byte(long seed) {
        Random random = new Random(seed);
        for (int i = 0; i < MANIFESTS; i++) {
            String before = new RandomManifest(random).text();
            assertComesAndGoes(before, Injecting.IN, Injecting.in("other:2"));
        }
    }

    @ParameterizedTest
    @MethodSource("ways")
    void so_do_names_and_plans(List<Way> ways) {
        Way[] all = ways.toArray(Way[]::new);
        Injection.Request old = Injecting.in("a", PlanMap.of("version: 1\n\n# old\n"), all);
        Injection.Request next = Injecting.in("b", PlanMap.of("version: 1\nenvoy: {user: 1}\n"), all);
        Injection.Request none = Injecting.in("b", PlanMap.named("elsewhere"));
        Random random = new Random(4);
        for (int i = 0; i < MANIFESTS / 4; i++) {
            String before = new RandomManifest(random).text();
            assertComesAndGoes(before, old, next);
            String changed = Injecting.text(Injecting.text(before, old), none);
            assertEquals(Injecting.text(before, none), changed, () -> "by address again:\n" + before);
        }
    }

    static Stream<List<Way>> ways() {
        return Stream.of(
                List.of(Way.ALIASES), List.of(Way.ENVIRONMENT), List.of(Way.FILE), List.of(Way.FILE, Way.ENVIRONMENT));
    }

    private static void assertComesAndGoes(String before, Injection.Request request, Injection.Request other) {
        String after = Injecting.text(before, request);
        assertFirst(after);
        assertEquals(after, Injecting.text(after, request), () -> "twice is once:\n" + before);
        assertEquals(before, Injecting.text(after, Injecting.OUT), () -> "taken out:\n" + before);
        assertEquals(Injecting.text(before, other), Injecting.text(after, other), () -> "updated:\n" + before);
    }

    private static void assertFirst(String text) {
        Manifest manifest = Manifest.read("pod.yaml", text);
        NodeFields fields = new NodeFields(manifest);
        List<Workload> workloads = new ArrayList<>();
        manifest.forEachDocument(
                document -> workloads.addAll(Workload.in(manifest, document).workloads()));
        assertTrue(!workloads.isEmpty(), text);
        for (Workload workload : workloads) {
            List<Node> containers = fields.items(workload.spec(), "initContainers");
            assertTrue(!containers.isEmpty(), text);
            assertEquals("meshcapture", fields.text(containers.getFirst(), "name"), text);
        }
    }
}
