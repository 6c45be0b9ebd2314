package io.meshcapture.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.failure.Failure;
import io.meshcapture.kubernetes.PodNames.Way;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Services by name, in manifests. */
class NamesInManifestsTest {
    private static final PlanMap PLAN = PlanMap.named("plan");

    private static final String POD = """
            apiVersion: v1
            kind: Pod
            metadata: {name: shop}
            spec:
              containers:
              - name: app
                image: app
              - name: envoy
                image: envoy
                securityContext: {runAsUser: 1337}
            """;

    private static String in(String pod, Way... ways) {
        return Injecting.text(pod, Injecting.in("i", PLAN, ways));
    }

    private static String refused(String pod, Way... ways) {
        return String.valueOf(
                assertThrows(Failure.Conflict.class, () -> in(pod, ways)).getMessage());
    }

    @Test
    void host_aliases_have_one_entry_a_service() {
        assertTrue(in(POD, Way.ALIASES).contains("""
                  hostAliases:
                  - ip: "127.66.1.2"
                    hostnames:
                    - orders
                    - orders.internal
                  - ip: "127.66.3.4"
                    hostnames:
                    - payments.internal
                  containers:
                """), in(POD, Way.ALIASES));
        assertTrue(in(POD, Way.ALIASES).contains("    - --hosts-file=none\n"));
    }

    @Test
    void variables_and_the_hosts_file_are_for_every_container_but_envoys_and_ours() {
        String injected = in(POD, Way.ENVIRONMENT, Way.FILE);
        assertTrue(injected.contains("""
                  - name: app
                    env:
                    - name: ORDERS_SERVICE_HOST
                      value: "127.66.1.2"
                    - name: ORDERS_SERVICE_PORT
                      value: "80"
                    - name: PAYMENTS_SERVICE_HOST
                      value: "127.66.3.4"
                    - name: PAYMENTS_SERVICE_PORT
                      value: "80"
                    volumeMounts:
                    - name: meshcapture-hosts
                      mountPath: /etc/hosts
                      subPath: hosts
                      readOnly: true
                    image: app
                """), injected);
        assertTrue(injected.endsWith(POD.substring(POD.indexOf("  - name: envoy"))), injected);
        assertTrue(injected.contains("    - --hosts-file=/run/meshcapture-hosts/hosts\n"), injected);
    }

    @Test
    void where_no_container_can_be_told_for_envoys_that_is_said() {
        String pod = POD.replace("1337", "1338");
        List<String> notes =
                Injecting.outcome(pod, Injecting.in("i", PLAN, Way.FILE)).notes();
        assertEquals(1, notes.size());
        assertTrue(notes.getFirst().startsWith("Pod/shop: no container has Envoy's runAsUser, "), notes.toString());
        String ofThePod = pod.replace("  containers:", "  securityContext: {runAsUser: 1337}\n  containers:");
        assertEquals(
                List.of(),
                Injecting.outcome(ofThePod, Injecting.in("i", PLAN, Way.FILE)).notes());
    }

    @Test
    void what_others_wrote_beside_ours_stays_when_ours_is_taken_out() {
        String pod = POD.replace("    image: app\n", """
                    env:
                    # theirs
                    - {name: BILLING_SERVICE_HOST, value: 10.0.0.1}
                    - name: ORDERS_SERVICE_PORT_NAME
                      value: http
                    image: app
                """)
                .replace("  containers:", "  hostAliases: [{ip: 192.0.2.1, hostnames: [other]}]\n  containers:");
        String injected = in(pod, Way.ALIASES, Way.ENVIRONMENT);
        assertTrue(injected.contains("BILLING") && injected.contains("\"ip\": \"127.66.1.2\""), injected);
        assertEquals(pod, Injecting.text(injected, Injecting.OUT));
        assertEquals(
                List.of("Pod/shop injected already"),
                Injecting.changes(injected, Injecting.in("i", PLAN, Way.ALIASES, Way.ENVIRONMENT)));
    }

    @Test
    void names_that_lead_elsewhere_already_need_a_decision() {
        String elsewhere = "  hostAliases: [{ip: 192.0.2.1, hostnames: [b, orders]}]\n  containers:";
        assertTrue(refused(POD.replace("  containers:", elsewhere), Way.ALIASES)
                .startsWith("Pod/shop: hostAliases lead \"orders\" elsewhere; "));
        String variable = "    image: app\n    env: [{name: ORDERS_SERVICE_HOST, value: 10.0.0.1}]\n";
        assertTrue(refused(POD.replace("    image: app\n", variable), Way.ENVIRONMENT)
                .startsWith("Pod/shop: container app has ORDERS_SERVICE_HOST already; "));
        String mount = "    image: app\n    volumeMounts: [{name: v, mountPath: /etc/hosts, subPath: h}]\n";
        assertTrue(refused(POD.replace("    image: app\n", mount), Way.FILE)
                .startsWith("Pod/shop: container app mounts an /etc/hosts of its own; "));
    }

    @Test
    void json_whose_keys_a_tool_has_sorted_stays_json_when_ours_is_taken_out() {
        String json = """
                {"kind": "Pod", "spec": {"containers": [{"name": "app", "volumeMounts": [{"name": "meshcapture-hosts"}]}], \
                "hostAliases": [{"ip": "127.66.1.2"}], "initContainers": [{"name": "meshcapture"}], \
                "volumes": [{"name": "meshcapture-hosts"}]}}
                """;
        assertEquals(
                "{\"kind\": \"Pod\", \"spec\": {\"containers\": [{\"name\": \"app\"}]}}\n",
                Injecting.text(json, Injecting.OUT));
    }

    @Test
    void a_list_that_envoys_container_shares_by_an_alias_is_not_changed() {
        String shared = """
                kind: Pod
                spec:
                  containers:
                  - {name: app, volumeMounts: &m [{name: data, mountPath: /data}]}
                  - {name: envoy, volumeMounts: *m, securityContext: {runAsUser: 1337}}
                """;
        Injection.Request byFile = Injecting.in("a", PlanMap.named("plan"), PodNames.Way.FILE);
        assertThrows(Failure.Conflict.class, () -> Injecting.text(shared, byFile), "Envoy would call itself");
    }
}
