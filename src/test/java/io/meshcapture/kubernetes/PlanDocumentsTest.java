package io.meshcapture.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.failure.Failure;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The plan that goes along as a ConfigMap. */
class PlanDocumentsTest {
    private static final String POD = "kind: Pod\nmetadata: {name: shop}\nspec:\n  containers:\n  - {name: app}\n";

    private static String in(String manifest, String plan) {
        return Injecting.text(manifest, Injecting.in("i", PlanMap.of(plan)));
    }

    @Test
    void it_stands_behind_the_pods_once_for_each_namespace_and_has_a_name_of_its_content() {
        String several = POD + "---\n" + POD + "---\n" + POD.replace("{name", "{namespace: other, name")
                + "---\nkind: Service\nmetadata: {namespace: third}\n";
        String injected = in(several, "version: 1\n");
        assertTrue(injected.endsWith("""
                metadata: {namespace: third}
                ---
                # the plan of these pods, by meshcapture inject
                apiVersion: v1
                kind: ConfigMap
                metadata:
                  name: meshcapture-plan-1a6ddd35
                  labels:
                    meshcapture.io/plan: injected
                immutable: true
                data:
                  plan.yaml: |-
                    version: 1
                ---
                # the plan of these pods, by meshcapture inject
                apiVersion: v1
                kind: ConfigMap
                metadata:
                  name: meshcapture-plan-1a6ddd35
                  namespace: "other"
                  labels:
                    meshcapture.io/plan: injected
                immutable: true
                data:
                  plan.yaml: |-
                    version: 1
                """), injected);
        assertEquals(several, Injecting.text(injected, Injecting.OUT));
        assertEquals(
                List.of(
                        "flags cannot say this plan, so it goes along behind the pods, as ConfigMap/meshcapture-plan-1a6ddd35"),
                Injecting.outcome(several, Injecting.in("i", PlanMap.of("version: 1\n")))
                        .notes());
        assertEquals(in(several, "version: 2\n"), in(injected, "version: 2\n"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "version: 1\n\n  # indented\n\n\nenvoy: {}\n",
                "# ünï 🚀\r\nversion: 1\r\n",
                " leading: blank\n",
                "\nleading: line\n",
                "tab:\there\n",
                "trailing: blank \n",
                "\uFEFFversion: 1",
                "# control \u0007\n",
                "--- # first\nversion: 1\n...\n"
            })
    void every_plan_comes_back_from_it(String plan) {
        String injected = in(POD, plan);
        List<String> plans = new ArrayList<>();
        Manifest manifest = Manifest.read("pod.yaml", injected);
        NodeFields fields = new NodeFields(manifest);
        manifest.forEachDocument(document -> plans.add(fields.text(document, "data", "plan.yaml")));
        assertEquals(plan.replace("\r\n", "\n").stripTrailing(), plans.getLast());
        assertEquals(POD, Injecting.text(injected, Injecting.OUT));
        assertEquals(injected, in(injected, plan));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\n", "\n# the end\n", "\n\n---\n", "\n...\n", "\n---\nkind: Service\n# end"})
    void however_a_file_ends_it_does_so_again(String end) {
        String manifest = POD.stripTrailing() + end;
        for (String text : List.of(manifest, manifest.replace("\n", "\r\n"))) {
            String injected = in(text, "version: 1\n");
            assertEquals(text, Injecting.text(injected, Injecting.OUT));
            assertEquals(in(text, "version: 2\n"), in(injected, "version: 2\n"));
        }
    }

    @Test
    void what_somebody_put_behind_it_stays() {
        String injected = in(POD, "version: 1\n") + "---\nkind: Service\n";
        assertEquals(POD + "---\nkind: Service\n", Injecting.text(injected, Injecting.OUT));
    }

    @Test
    void json_has_no_place_for_it_and_without_pods_there_is_no_need() {
        String json = "{\"kind\": \"Pod\", \"spec\": {\"containers\": [{\"name\": \"app\"}]}}";
        Failure refused = assertThrows(Failure.Invalid.class, () -> in(json, "version: 1\n"));
        assertTrue(String.valueOf(refused.getMessage()).contains("--config-map"), refused.getMessage());
        assertEquals("kind: Service\n", in("kind: Service\n", "version: 1\n"));
        String no = POD.replace("{name: shop}", "{name: shop, labels: {meshcapture.io/inject: \"false\"}}");
        assertEquals(no, in(no, "version: 1\n"));
    }
}
