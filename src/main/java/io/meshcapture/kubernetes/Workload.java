package io.meshcapture.kubernetes;

import io.meshcapture.plan.BadValue;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;

/**
 * A place in a manifest that describes pods.
 *
 * @param kind as the manifest says it
 * @param name likewise; its generateName where it has no other
 * @param object the whole of it
 * @param pod of a pod or of a template for pods: what has {@code metadata} and {@code spec}
 * @param spec its specification
 */
record Workload(String kind, String name, Node object, Node pod, MappingNode spec) {

    /** Where each kind of workload has its pod. */
    private static final Map<String, List<String>> TEMPLATES = Map.of(
            "Pod", List.of(),
            "PodTemplate", List.of("template"),
            "Deployment", List.of("spec", "template"),
            "StatefulSet", List.of("spec", "template"),
            "DaemonSet", List.of("spec", "template"),
            "ReplicaSet", List.of("spec", "template"),
            "ReplicationController", List.of("spec", "template"),
            "Job", List.of("spec", "template"),
            "CronJob", List.of("spec", "jobTemplate", "spec", "template"));

    /**
     * What a document holds.
     *
     * @param workloads in the order of the document
     * @param others other objects, as {@code KIND/NAME}, or that it is no object of Kubernetes
     */
    record Found(List<Workload> workloads, List<String> others) {
        public Found {
            workloads = List.copyOf(workloads);
            others = List.copyOf(others);
        }
    }

    static Found in(Manifest manifest, Node document) {
        List<Workload> workloads = new ArrayList<>();
        List<String> others = new ArrayList<>();
        add(document, new NodeFields(manifest), new HashSet<>(), workloads, others);
        return new Found(workloads, others);
    }

    private static void add(
            Node object, NodeFields fields, Set<Node> seen, List<Workload> workloads, List<String> others) {
        if (NodeFields.isNull(object) || !seen.add(object)) {
            return; // nothing between two separators, or an alias of what was there
        }
        String kind = fields.text(object, "kind");
        if (kind == null) {
            others.add("a document without kind");
            return;
        }
        List<Node> items = fields.items(object, "items");
        if (kind.endsWith("List") && !items.isEmpty()) {
            items.forEach(item -> add(item, fields, seen, workloads, others));
            return;
        }
        String name = name(object, fields);
        List<String> template = TEMPLATES.get(kind);
        Node pod = template == null ? null : fields.path(object, template.toArray(String[]::new));
        if (pod != null && fields.get(pod, "spec") instanceof MappingNode spec) {
            workloads.add(new Workload(kind, name, object, pod, spec));
        } else {
            others.add(BadValue.printable(kind) + "/" + name + (template == null ? "" : " without a pod's spec"));
        }
    }

    private static String name(Node object, NodeFields fields) {
        @Nullable String name = fields.text(object, "metadata", "name");
        @Nullable String generated = name == null ? fields.text(object, "metadata", "generateName") : name;
        return generated == null ? "without-a-name" : BadValue.printable(generated);
    }

    /** For people: {@code Deployment/orders}. */
    @Override
    public String toString() {
        return kind + "/" + name;
    }
}
