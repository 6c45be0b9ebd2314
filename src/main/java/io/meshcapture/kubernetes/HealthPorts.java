package io.meshcapture.kubernetes;

import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.Ports;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedSet;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.Node;

/**
 * The ports of a pod on which the kubelet asks for its health and Prometheus for its metrics. They come from outside the mesh:
 * inbound capture would hand them to Envoy, which would answer for the application or refuse them.
 */
final class HealthPorts {
    private static final List<String> PROBES = List.of("livenessProbe", "readinessProbe", "startupProbe");
    private static final List<String> HOOKS = List.of("postStart", "preStop");
    private static final List<String> ACTIONS = List.of("httpGet", "tcpSocket", "grpc");

    /** What charts call them. */
    private static final Pattern METRICS = Pattern.compile("(.*-)?metrics(-.*)?|prometheus|prom");

    private final NodeFields fields;
    private final Map<Integer, SequencedSet<String>> ports = new TreeMap<>();
    private final List<String> notes = new ArrayList<>();

    private HealthPorts(NodeFields fields) {
        this.fields = fields;
    }

    /**
     * What was found.
     *
     * @param reasons a sentence for each port that the plan does not except already, in ascending order
     * @param ports all of them, with those of the plan
     * @param notes ports that could not be told
     */
    record Found(List<String> reasons, Ports ports, List<String> notes) {
        public Found {
            reasons = List.copyOf(reasons);
            notes = List.copyOf(notes);
        }
    }

    /** Looks through a workload's containers and annotations, for ports that the plan does not except already. */
    static Found of(Workload workload, Manifest manifest, Ports excepted) {
        HealthPorts found = new HealthPorts(new NodeFields(manifest));
        found.look(workload);
        List<String> reasons = new ArrayList<>();
        List<PortRange> ranges = new ArrayList<>();
        found.ports.forEach((port, why) -> {
            if (!excepted.contains(port)) {
                reasons.add(port + " (" + String.join(" and ", why) + ")");
                ranges.add(new PortRange(port, port));
            }
        });
        return new Found(reasons, excepted.plus(new Ports(ranges)), found.notes);
    }

    private void look(Workload workload) {
        for (Node container : fields.items(workload.spec(), "containers")) {
            lookAt(container);
        }
        for (Node container : fields.items(workload.spec(), "initContainers")) {
            lookAt(container); // only native sidecars have probes
        }
        String annotated = fields.text(workload.pod(), "metadata", "annotations", "prometheus.io/port");
        if (annotated != null) {
            add(annotated, null, "prometheus.io/port");
        }
    }

    private void lookAt(Node container) {
        String name = String.valueOf(fields.text(container, "name"));
        for (String probe : PROBES) {
            lookAt(fields.get(container, probe), container, probe + " of " + name);
        }
        for (String hook : HOOKS) {
            lookAt(fields.path(container, "lifecycle", hook), container, hook + " of " + name);
        }
        for (Node port : fields.items(container, "ports")) {
            String portName = fields.text(port, "name");
            String number = fields.text(port, "containerPort");
            if (portName != null && number != null && METRICS.matcher(portName).matches()) {
                add(number, null, "port " + portName + " of " + name);
            }
        }
    }

    private void lookAt(@Nullable Node probe, Node container, String why) {
        for (String action : ACTIONS) {
            String port = fields.text(probe, action, "port");
            if (port != null) {
                add(port, container, why);
            }
        }
    }

    /** A port by its number, or by its name in the container. */
    private void add(String port, @Nullable Node container, String why) {
        String number = port;
        for (Node one : fields.items(container, "ports")) {
            String named = fields.text(one, "containerPort");
            if (port.equals(fields.text(one, "name")) && named != null) {
                number = named;
            }
        }
        if (number.matches("[1-9][0-9]{0,4}") && Integer.parseInt(number) <= 65535) {
            ports.computeIfAbsent(Integer.parseInt(number), key -> new LinkedHashSet<>())
                    .add(why);
        } else {
            notes.add("port \"" + port + "\" of " + why + " is neither a number nor a port of its container");
        }
    }
}
