package io.meshcapture.kubernetes;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.Node;

/** Pods that are not captured, or not without a person's decision. */
final class PodChecks {
    /** Says for a single pod what the namespace or the command line says for all; a label or an annotation. */
    static final String INJECT = "meshcapture.io/inject";

    /** The initContainers by which other meshes capture or check their capture. */
    private static final Map<String, String> OTHER_MESHES = Map.of(
            "istio-init", "Istio",
            "istio-validation", "Istio",
            "linkerd-init", "Linkerd",
            "linkerd-network-validator", "Linkerd",
            "kuma-init", "Kuma",
            "kuma-validation", "Kuma",
            "consul-connect-inject-init", "Consul",
            "osm-init", "Open Service Mesh",
            "proxyinit", "AWS App Mesh");

    private PodChecks() {}

    /** Why a pod is left alone, or null. */
    static @Nullable String reasonToLeaveAlone(Workload workload, NodeFields fields) {
        for (String place : List.of("labels", "annotations")) {
            if ("false".equals(fields.text(workload.pod(), "metadata", place, INJECT))) {
                return INJECT + " is false";
            }
        }
        String system = fields.text(workload.spec(), "os", "name");
        String selected = fields.text(workload.spec(), "nodeSelector", "kubernetes.io/os");
        return "windows".equals(system) || "windows".equals(selected) ? "it runs on Windows" : null;
    }

    /** Whether the pod is on its node's network, which has to be allowed. */
    static boolean requireOwnNetwork(Workload workload, NodeFields fields, boolean allowed, String file) {
        boolean hostNetwork = fields.isTrue(workload.spec(), "hostNetwork");
        if (hostNetwork && !allowed) {
            throw new Failure.Conflict(
                    workload + " has hostNetwork, so every process of its node would be captured",
                    BadValue.printable(file),
                    "leave hostNetwork out, give the pod the label " + INJECT
                            + ": \"false\", or insist with --allow-host-network");
        }
        return hostNetwork;
    }

    static void requireNoOtherMesh(Workload workload, NodeFields fields, boolean allowed, String file) {
        for (Node container : fields.items(workload.spec(), "initContainers")) {
            String name = fields.text(container, "name");
            String mesh = name == null ? null : OTHER_MESHES.get(name);
            if (name != null && mesh != null && !allowed) {
                throw new Failure.Conflict(
                        workload + " is captured by " + mesh + " already, by its initContainer " + BadValue.quote(name),
                        "two captures of one pod decide about the same connections; " + BadValue.printable(file),
                        "take it out of that mesh, give the pod the label " + INJECT
                                + ": \"false\", or insist with --allow-other-mesh");
            }
        }
    }
}
