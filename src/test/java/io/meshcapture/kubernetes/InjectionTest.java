package io.meshcapture.kubernetes;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Ports;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class InjectionTest {
    private static final String POD = """
            apiVersion: v1
            kind: Pod
            metadata: {name: shop}
            spec:
              containers:
              - {name: app, image: app}
            """;

    private static String refused(Class<? extends Failure> kind, String manifest) {
        return String.valueOf(
                assertThrows(kind, () -> Injecting.text(manifest, Injecting.IN)).getMessage());
    }

    @Test
    void windows_line_breaks_stay_and_are_used_for_what_is_new() {
        String crlf = POD.replace("\n", "\r\n");
        String injected = Injecting.text(crlf, Injecting.IN);
        assertEquals(injected.chars().filter(c -> c == '\n').count(), injected.split("\r\n", -1).length - 1);
        assertTrue(injected.contains("initContainers:\r\n  - name: meshcapture\r\n"), injected);
        assertEquals(crlf, Injecting.text(injected, Injecting.OUT));
    }

    @ParameterizedTest
    @ValueSource(strings = {"\uFEFF", "# 🚀 ünï\n", "%YAML 1.1\n---\n", "\n\n", "--- # first\n"})
    void what_stands_before_a_document_does_not_move_its_places(String before) {
        String injected = Injecting.text(before + POD, Injecting.IN);
        assertEquals(before + Injecting.text(POD, Injecting.IN), injected);
        assertEquals(before + POD, Injecting.text(injected, Injecting.OUT));
    }

    @Test
    void a_file_that_ends_without_a_line_break_keeps_doing_so() {
        String pod = POD.stripTrailing();
        assertEquals(Injecting.text(POD, Injecting.IN).stripTrailing(), Injecting.text(pod, Injecting.IN));
        String last =
                "kind: Pod\nspec:\n  containers: [{name: app}]\n  initContainers:\n  - {name: a}\n  - name: meshcapture";
        assertEquals(
                "kind: Pod\nspec:\n  containers: [{name: app}]\n  initContainers:\n  - {name: a}\n",
                Injecting.text(last, Injecting.OUT));
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", "[ ]", "null", "~", ""})
    void a_list_that_is_empty_is_filled(String empty) {
        String pod = POD.replace("  containers:", "  initContainers: %s # none yet\n  containers:".formatted(empty));
        String injected = Injecting.text(pod, Injecting.IN);
        assertTrue(injected.contains("# none yet\n"), injected);
        assertEquals(List.of("Pod/shop injected already"), Injecting.changes(injected, Injecting.IN));
        if (empty.startsWith("[")) {
            assertEquals(pod, Injecting.text(injected, Injecting.OUT));
        }
    }

    @Test
    void what_a_person_or_a_tool_wrote_otherwise_but_means_the_same_is_left_as_it_is() {
        String injected = Injecting.text(POD, Injecting.IN)
                .replaceAll("\\n +#.*", "")
                .replace("runAsUser: 0", "\"runAsUser\":   0 # root")
                .replace("cpu: \"10m\"", "swapped")
                .replace("memory: \"64Mi\"", "cpu: 10m")
                .replace("swapped", "memory: 64Mi");
        assertEquals(injected, Injecting.text(injected, Injecting.IN));
        assertEquals(POD, Injecting.text(injected, Injecting.OUT));
    }

    @Test
    void one_that_is_not_the_first_any_more_is_updated_where_it_is() {
        String pod = POD.replace(
                "  containers:",
                "  initContainers:\n  - name: first\n  - name: meshcapture\n    image: old\n  containers:");
        Injection.Outcome outcome = Injecting.outcome(pod, Injecting.IN);
        assertEquals("not the first one", outcome.changes().getFirst().because());
        String injected = new String(outcome.content(), StandardCharsets.UTF_8);
        assertTrue(injected.contains("  - name: first\n  - name: meshcapture\n    # by"), injected);
    }

    @Test
    void what_a_merge_key_brings_is_read_and_not_overridden() {
        String merged = """
                kind: Pod
                x-base: &base {initContainers: [{name: migrate}]}
                spec:
                  <<: *base
                  containers: []
                """;
        assertEquals(
                "initContainers comes from elsewhere by a merge key (<<); pod.yaml:2:32; write it out where it is used",
                refused(Failure.Invalid.class, merged));
    }

    @Test
    void a_list_that_is_shared_with_something_else_by_an_alias_is_not_changed() {
        String shared = "kind: Pod\nspec:\n  containers: &c\n  - {name: app}\n  initContainers: *c\n";
        String message = refused(Failure.Conflict.class, shared);
        assertTrue(
                message.startsWith(
                        "the manifest cannot be changed without changing more than was asked for; pod.yaml "),
                message);
        assertTrue(message.contains("nothing was written"), message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"*one", "{<<: *one, restartPolicy: Never}"})
    void what_a_pod_that_is_left_alone_would_get_by_an_alias_is_not_written(String second) {
        String shared = """
                kind: List
                items:
                - kind: Pod
                  spec: &one
                    containers: []
                - kind: Pod
                  metadata: {labels: {meshcapture.io/inject: "false"}}
                  spec: %s
                """.formatted(second);
        String message = refused(Failure.Conflict.class, shared);
        assertTrue(message.contains("would say something else; nothing was written"), message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"kind: Pod\nspec:\n  ? containers\n  : []\n", "kind: Pod\rspec:\r  containers: []\r"})
    void what_leaves_no_place_is_told_without_the_places_of_a_text_that_nobody_sees(String text) {
        String message = refused(Failure.Conflict.class, text);
        assertTrue(message.contains("pod.yaml would not be YAML any more; nothing was written"), message);
    }

    @Test
    void two_pods_that_share_a_list_and_need_different_ports_are_refused() {
        String shared = """
                kind: List
                items:
                - {kind: Pod, metadata: {name: a}, spec: {initContainers: &i [], containers: [{name: c, livenessProbe: {grpc: {port: 1}}}]}}
                - {kind: Pod, metadata: {name: b}, spec: {initContainers: *i, containers: [{name: c, livenessProbe: {grpc: {port: 2}}}]}}
                """;
        String message = refused(Failure.Conflict.class, shared);
        assertTrue(message.startsWith("Pod/b shares its initContainers with another by an alias"), message);
    }

    @Test
    void a_key_that_stands_twice_is_refused_where_it_matters_and_let_be_where_not() {
        assertEquals(
                "key \"containers\" stands twice; pod.yaml:7:3; remove one of them",
                refused(Failure.Invalid.class, POD + "  containers: []\n"));
        String elsewhere = POD + "  dnsConfig: {a: 1, a: 2}\n";
        assertEquals(elsewhere, Injecting.text(Injecting.text(elsewhere, Injecting.IN), Injecting.OUT));
    }

    @Test
    void lists_that_are_none_are_refused_with_their_place() {
        assertEquals(
                "containers is not a list; pod.yaml:6:5; write a dash before each container",
                refused(Failure.Invalid.class, POD.replace("  - {name: app, image: app}", "    name: app")));
        assertEquals(
                "initContainers is not a list; pod.yaml:7:19; write a list, or leave it out",
                refused(Failure.Invalid.class, POD + "  initContainers: {name: a}\n"));
    }

    @Test
    void a_pod_on_its_nodes_network_is_refused_unless_allowed() {
        String pod = POD + "  hostNetwork: yes\n";
        assertEquals(
                "Pod/shop has hostNetwork, so every process of its node would be captured; pod.yaml; leave hostNetwork out,"
                        + " give the pod the label meshcapture.io/inject: \"false\", or insist with --allow-host-network",
                refused(Failure.Conflict.class, pod));
        var allowed = new Injection.Request(Injecting.container("i"), Ports.NONE, true, false);
        assertTrue(Injecting.text(pod, allowed).contains("    - --allow-host-network\n"));
        refused(Failure.Conflict.class, pod.replace("yes", "Y")); // the API server takes that for true too
        String quoted = POD + "  hostNetwork: \"false\"\n";
        assertEquals(List.of("Pod/shop injected"), Injecting.changes(quoted, Injecting.IN));
    }

    @Test
    void a_pod_that_another_mesh_captures_is_refused_unless_allowed() {
        String pod = POD + "  initContainers: [{name: istio-init}]\n";
        assertTrue(refused(Failure.Conflict.class, pod)
                .startsWith("Pod/shop is captured by Istio already, by its initContainer \"istio-init\"; "));
        var allowed = new Injection.Request(Injecting.container("i"), Ports.NONE, false, true);
        assertEquals(List.of("Pod/shop injected"), Injecting.changes(pod, allowed));
    }

    @Test
    void a_container_of_our_name_is_refused_since_the_api_server_would_refuse_the_pod() {
        String pod = POD.replace("name: app", "name: meshcapture");
        assertEquals(
                "Pod/shop has a container named \"meshcapture\"; the API server takes no two of one name in a pod, and by this"
                        + " one the initContainer is known; pod.yaml; give that container another name",
                refused(Failure.Conflict.class, pod));
    }

    @Test
    void a_probes_port_by_a_name_that_nobody_has_is_told() {
        String pod = POD.replace("image: app", "image: app, livenessProbe: {httpGet: {port: health}}");
        assertEquals(
                List.of(
                        "Pod/shop: port \"health\" of livenessProbe of app is neither a number nor a port of its container"),
                Injecting.outcome(pod, Injecting.IN).notes());
    }

    @Test
    void without_inbound_capture_no_ports_are_excepted() {
        String pod = POD.replace("image: app", "image: app, livenessProbe: {httpGet: {port: 8080}}");
        var outbound = new Injection.Request(Injecting.container("i"), null, false, false);
        assertTrue(!Injecting.text(pod, outbound).contains("8080 ("));
    }

    @Test
    void a_config_map_is_mounted_and_unmounted() {
        var container = new CaptureContainer(
                "i", "Never", ports -> List.of(), PlanMap.named("the-plan"), PodNames.NONE, false, false, false);
        var request = new Injection.Request(container, null, false, false);
        String injected = Injecting.text(POD, request);
        assertTrue(injected.contains("""
                  volumes:
                  - name: meshcapture-plan
                    configMap:
                      name: the-plan
                """), injected);
        assertTrue(injected.contains("mountPath: /etc/meshcapture"), injected);
        assertTrue(injected.contains("imagePullPolicy: Never"), injected);
        assertEquals(injected, Injecting.text(injected, request));
        assertEquals(POD, Injecting.text(injected, Injecting.OUT));
        assertEquals(Injecting.text(POD, Injecting.IN), Injecting.text(injected, Injecting.IN), "flags instead");
    }

    @ParameterizedTest
    @ValueSource(strings = {"spec:\n\tcontainers: []", "a: [", "{{ .Values.pod }}", "a: b: c", "\"\u0001\""})
    void what_is_not_yaml_is_refused_with_its_place(String text) {
        String message = refused(Failure.Invalid.class, "kind: Pod\n" + text);
        assertTrue(message.startsWith("the manifest is not YAML: "), message);
        assertTrue(message.contains("; pod.yaml"), message);
        assertTrue(!text.contains("{{") || message.contains("helm template"), message);
        assertTrue(
                !text.contains("\t") || message.endsWith(": a tab indents; pod.yaml:3:1; indent with spaces"), message);
    }

    @Test
    void what_is_not_utf8_is_refused() {
        byte[] utf16 = POD.getBytes(StandardCharsets.UTF_16);
        assertEquals(
                "the manifest is not UTF-8; pod.yaml; save it as UTF-8",
                assertThrows(Failure.Invalid.class, () -> Injection.run("pod.yaml", utf16, Injecting.IN))
                        .getMessage());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "\n", "# nothing\n", "---\n---\n", "just: text\n", "- 1\n", "kind: Pod\n", "kind: [Pod]\n"})
    void what_has_no_pods_passes_through(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        assertArrayEquals(bytes, Injection.run("pod.yaml", bytes, Injecting.IN).content());
    }

    @Test
    void ten_megabytes_take_seconds_and_aliases_are_not_written_out() {
        String foreign = "---\nkind: ConfigMap\ndata:\n  key: |\n" + "    ten megabytes of it\n".repeat(50);
        String many = POD + foreign.repeat(10_000_000 / foreign.length());
        String injected = Injecting.text(many, Injecting.IN);
        assertEquals(Injecting.text(POD, Injecting.IN) + many.substring(POD.length()), injected);
        StringBuilder bomb = new StringBuilder(POD + "  a0: &a0 [x]\n");
        for (int i = 1; i < 40; i++) {
            bomb.append("  a%d: &a%d [*a%d, *a%d, *a%d]\n".formatted(i, i, i - 1, i - 1, i - 1));
        }
        assertEquals(List.of("Pod/shop injected"), Injecting.changes(bomb.toString(), Injecting.IN));
    }
}
