package io.meshcapture.kubernetes;

import io.meshcapture.failure.Failure;
import io.meshcapture.kubernetes.PodNames.Way;
import io.meshcapture.plan.BadValue;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.ScalarNode;

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

    /** A pod's containers of all kinds share one space of names. */
    static void requireNameFree(Workload workload, NodeFields fields, String file) {
        for (Node container : fields.items(workload.spec(), "containers")) {
            if (CaptureContainer.NAME.equals(fields.text(container, "name"))) {
                throw new Failure.Conflict(
                        workload + " has a container named " + BadValue.quote(CaptureContainer.NAME),
                        "the API server takes no two of one name in a pod, and by this one the initContainer is known; "
                                + BadValue.printable(file),
                        "give that container another name");
            }
        }
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

    /** Nobody else decides already where captured names lead. */
    static void requireNamesFree(Workload workload, NodeFields fields, PodNames names, String file) {
        Set<String> hosts = new HashSet<>();
        Set<String> variables = new HashSet<>();
        names.services().forEach(service -> {
            hosts.addAll(service.names());
            variables.addAll(service.variables().keySet());
        });
        for (OwnItems list : PodLists.of(workload, fields)) {
            for (Node item : fields.items(list.parent(), list.key())) {
                if (!list.ours().test(item)) {
                    requireFree(workload, fields, names, list, item, hosts, variables, file);
                }
            }
        }
    }

    private static void requireFree(
            Workload workload,
            NodeFields fields,
            PodNames names,
            OwnItems list,
            Node item,
            Set<String> hosts,
            Set<String> variables,
            String file) {
        String container = fields.text(list.parent(), "name");
        String name = String.valueOf(fields.text(item, "name"));
        for (Node alias : fields.items(item, "hostnames")) {
            String host = String.valueOf(alias instanceof ScalarNode scalar ? scalar.getValue() : null);
            if (hosts.contains(host)) {
                throw taken(workload, "hostAliases lead " + BadValue.quote(host) + " elsewhere", file);
            }
        }
        if (list.key().equals("env") && names.areLedBy(Way.ENVIRONMENT) && variables.contains(name)) {
            throw taken(workload, "container " + container + " has " + BadValue.printable(name) + " already", file);
        }
        if (names.areLedBy(Way.FILE) && "/etc/hosts".equals(fields.text(item, "mountPath"))) {
            throw taken(workload, "container " + container + " mounts an /etc/hosts of its own", file);
        }
    }

    private static Failure.Conflict taken(Workload workload, String what, String file) {
        return new Failure.Conflict(
                workload + ": " + what,
                "the plan captures by name, and names lead one way; " + BadValue.printable(file),
                "take it out of the manifest, or the name out of the plan, or choose another way with --hosts-by");
    }
}
