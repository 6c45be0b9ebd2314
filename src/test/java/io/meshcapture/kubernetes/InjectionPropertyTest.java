package io.meshcapture.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
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
            String after = Injecting.text(before, Injecting.IN);
            assertFirst(after);
            assertEquals(after, Injecting.text(after, Injecting.IN), () -> "twice is once:\n" + before);
            assertEquals(before, Injecting.text(after, Injecting.OUT), () -> "taken out:\n" + before);
            String updated = Injecting.text(after, Injecting.in("other:2"));
            assertEquals(Injecting.text(before, Injecting.in("other:2")), updated, () -> "updated:\n" + before);
        }
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
