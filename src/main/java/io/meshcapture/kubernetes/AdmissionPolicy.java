package io.meshcapture.kubernetes;

import io.meshcapture.plan.Ports;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * A MutatingAdmissionPolicy and its binding, by which the API server itself adds the container to pods that carry the label
 * {@code meshcapture.io/inject: "true"} ({@code admissionregistration.k8s.io/v1}, Kubernetes 1.36).
 *
 * <p>Its patch is a JSONPatch, because the other kind, ApplyConfiguration, adds at the end of the list, after initContainers
 * that should be captured already, and may not set capabilities.
 */
public final class AdmissionPolicy {
    /** Fields that are maps and no objects with a type of their own. */
    private static final Set<String> MAPS = Set.of("requests", "limits");

    private static final List<String> PROBES = List.of("livenessProbe", "readinessProbe", "startupProbe");
    private static final List<String> ACTIONS = List.of("httpGet", "tcpSocket", "grpc");
    private static final List<String> HOOKS = List.of("postStart", "preStop");

    /** CEL's types know no others for them. */
    private static final List<String> ACTIONS_OF_HOOKS = List.of("httpGet", "tcpSocket");

    private static final String CONTAINER = "Object.spec.initContainers";
    private static final String COMPUTED = "@inbound-except@";

    private static final String LABELLED_PODS = """
              matchConstraints:
                resourceRules:
                - apiGroups: [""]
                  apiVersions: ["v1"]
                  operations: ["CREATE"]
                  resources: ["pods"]
                objectSelector:
                  matchLabels:
                    %s: "true"
            """.formatted(PodChecks.INJECT);

    private static final String INJECTED =
            "has(object.spec.initContainers) && object.spec.initContainers.exists(c, c.name == '"
                    + CaptureContainer.NAME + "')";

    private AdmissionPolicy() {}

    /**
     * The manifest.
     *
     * @param name of the policy and of its binding
     * @param inbound whether connections that arrive are captured, so that ports of probes and metrics have to be excepted
     * @param excepted the inbound ports that the plan excepts
     */
    public static String text(String name, CaptureContainer container, boolean inbound, Ports excepted) {
        // the flag with the ports is written by the API server, which sees the pod
        CaptureContainer patched = inbound ? container.with(withoutExcept(container)) : container;
        Value.Fields fields = patched.container(new HealthPorts.Found(List.of(), excepted, List.of()), false);
        String value = cel(fields, CONTAINER, 10)
                .replace(
                        ValueWriter.quoted(COMPUTED) + "]",
                        "] + (variables.except.size() == 0 ? [] : [\"--inbound-except=\" + variables.except.join(\",\")])")
                .replace(", ] +", "] +");
        return """
                # Pods with the label %1$s: "true" get the initContainer that captures, from the API server itself.
                # One that would start uncaptured all the same is not let in. By meshcapture inject --policy; Kubernetes 1.36 or later.
                apiVersion: admissionregistration.k8s.io/v1
                kind: MutatingAdmissionPolicy
                metadata:
                  name: %2$s
                spec:
                  # a pod that should be captured and cannot be is not let in uncaptured
                  failurePolicy: Fail
                  reinvocationPolicy: IfNeeded
                %7$s  matchConditions:
                  - name: not-injected-yet
                    expression: "!(%8$s)"
                  # it would capture its whole node
                  - name: not-on-the-nodes-network
                    expression: "!has(object.spec.hostNetwork) || !object.spec.hostNetwork"
                %4$s  mutations:
                  - patchType: JSONPatch
                    jsonPatch:
                      expression: >-
                        (has(object.spec.initContainers) ? [] :
                          [JSONPatch{op: "add", path: "/spec/initContainers", value: []}]) +
                        [JSONPatch{op: "add", path: "/spec/initContainers/0", value: %5$s}]%6$s
                ---
                apiVersion: admissionregistration.k8s.io/v1
                kind: MutatingAdmissionPolicyBinding
                metadata:
                  name: %2$s
                spec:
                  policyName: %2$s
                ---
                apiVersion: admissionregistration.k8s.io/v1
                kind: ValidatingAdmissionPolicy
                metadata:
                  name: %2$s
                spec:
                  failurePolicy: Fail
                %7$s  validations:
                  - expression: "%8$s"
                    messageExpression: >-
                      has(object.spec.hostNetwork) && object.spec.hostNetwork
                      ? 'it has the label %1$s: "true" and hostNetwork, so that every process of its node would be captured; take one of them out'
                      : 'it has the label %1$s: "true" and no initContainer %3$s, so it would not be captured; is the MutatingAdmissionPolicy %2$s there?'
                ---
                apiVersion: admissionregistration.k8s.io/v1
                kind: ValidatingAdmissionPolicyBinding
                metadata:
                  name: %2$s
                spec:
                  policyName: %2$s
                  validationActions: [Deny]
                """.formatted(
                        PodChecks.INJECT,
                        name,
                        CaptureContainer.NAME,
                        inbound ? variables(excepted) : "",
                        value,
                        additions("volumes", container.volumes())
                                + additions("hostAliases", PodLists.aliases(container.names())),
                        LABELLED_PODS,
                        INJECTED);
    }

    private static CaptureContainer.Arguments withoutExcept(CaptureContainer container) {
        return ports -> {
            List<String> words = new ArrayList<>(container.arguments().excepting(Ports.NONE));
            words.removeIf(word -> word.startsWith("--inbound-except="));
            words.add(COMPUTED);
            return words;
        };
    }

    /** Appends to a list of the pod. */
    private static String additions(String list, List<Value> items) {
        if (items.isEmpty()) {
            return "";
        }
        StringBuilder added = new StringBuilder(" +\n        (has(object.spec." + list
                + ") ? [] : [JSONPatch{op: \"add\", path: \"/spec/" + list + "\", value: []}])");
        items.forEach(
                item -> added.append(" +\n        [JSONPatch{op: \"add\", path: \"/spec/" + list + "/-\", value: ")
                        .append(cel(item, "Object.spec." + list, 10))
                        .append("}]"));
        return added.toString();
    }

    /** The ports of probes and metrics, as HealthPorts finds them in a manifest. */
    private static String variables(Ports excepted) {
        List<String> lists = new ArrayList<>();
        excepted.ranges().forEach(range -> lists.add("[" + ValueWriter.quoted(range.toString()) + "]"));
        for (String probe : PROBES) {
            ACTIONS.forEach(action -> lists.add(ports("has(c.%s)".formatted(probe), "c." + probe + "." + action)));
        }
        for (String hook : HOOKS) {
            String there = "has(c.lifecycle) && has(c.lifecycle.%s)".formatted(hook);
            ACTIONS_OF_HOOKS.forEach(action -> lists.add(ports(there, "c.lifecycle." + hook + "." + action)));
        }
        lists.add(
                "variables.containers.filter(c, has(c.ports)).map(c, c.ports.filter(p, has(p.name) &&"
                        + " p.name.matches('^((.*-)?metrics(-.*)?|prometheus|prom)$')).map(p, string(p.containerPort)).join(\",\"))");
        lists.add("(has(object.metadata.annotations) && 'prometheus.io/port' in object.metadata.annotations ?"
                + " [object.metadata.annotations['prometheus.io/port']] : [])"
                + ".filter(port, port.matches('^[1-9][0-9]{0,4}$') && int(port) < 65536)");
        return """
                  # the kubelet and Prometheus are not in the mesh: ports of probes and metrics are not captured
                  variables:
                  - name: containers
                    expression: "object.spec.containers + (has(object.spec.initContainers) ? object.spec.initContainers : [])"
                  - name: ports
                    expression: >-
                      %s
                  # each once
                  - name: except
                    expression: "variables.ports.transformList(i, port, port != '' && variables.ports.indexOf(port) == i, port)"
                """.formatted(String.join(" +\n      ", lists));
    }

    /** Of each container the port that something in it asks, by its number or by its name in the container. */
    private static String ports(String there, String action) {
        return ("variables.containers.filter(c, %s && has(%s)).map(c, type(%2$s.port) == int ? string(%2$s.port) :"
                        + " (has(c.ports) ? c.ports : []).filter(p, has(p.name) && p.name == string(%2$s.port))"
                        + ".map(p, string(p.containerPort)).join(\",\"))")
                .formatted(there, action);
    }

    /** A value as CEL writes objects of a type: {@code Object.spec.initContainers{name: "a"}}. */
    private static String cel(Value value, String type, int indentation) {
        return switch (value) {
            case Value.Text text -> ValueWriter.quoted(text.text());
            case Value.Literal literal -> literal.text();
            case Value.Items items ->
                "["
                        + String.join(
                                ", ",
                                items.items().stream()
                                        .map(item -> cel(item, type, indentation))
                                        .toList()) + "]";
            case Value.Fields fields -> {
                boolean map = MAPS.contains(type.substring(type.lastIndexOf('.') + 1));
                String start = "\n" + " ".repeat(indentation + 2);
                List<String> members = fields.fields().stream()
                        .map(field -> (map ? ValueWriter.quoted(field.key()) : field.key())
                                + ": "
                                + cel(field.value(), type + "." + field.key(), indentation + 2))
                        .toList();
                boolean leaf = fields.fields().stream().noneMatch(field -> field.value() instanceof Value.Fields);
                yield (map ? "" : type) + "{"
                        + (leaf ? String.join(", ", members) : start + String.join("," + start, members)) + "}";
            }
        };
    }
}
