package io.meshcapture.kubernetes;

import io.meshcapture.kubernetes.PodNames.Way;
import io.meshcapture.kubernetes.Value.Field;
import io.meshcapture.kubernetes.Value.Fields;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;

/** The lists of a pod that can hold items of ours, and what of ours belongs in them. */
final class PodLists {
    static final String INIT = "initContainers";
    private static final String VOLUMES = "volumes";
    private static final String ALIASES = "hostAliases";
    private static final String ENV = "env";
    private static final String MOUNTS = "volumeMounts";

    /** How all addresses begin that names lead to. */
    private static final String ADDRESSES = "127.66.";

    private static final String HOST = "_SERVICE_HOST";
    private static final String PORT = "_SERVICE_PORT";

    private final Workload workload;
    private final NodeFields fields;
    private final List<OwnItems> lists = new ArrayList<>();

    private PodLists(Workload workload, NodeFields fields) {
        this.workload = workload;
        this.fields = fields;
        MappingNode spec = workload.spec();
        add(spec, INIT, "containers", named(CaptureContainer.NAME));
        add(spec, VOLUMES, "containers", named(CaptureContainer.PLAN).or(named(CaptureContainer.HOSTS)));
        add(
                spec,
                ALIASES,
                "containers",
                alias -> String.valueOf(fields.text(alias, "ip")).startsWith(ADDRESSES));
        for (MappingNode container : containers(workload, fields)) {
            add(container, ENV, "image", ownVariables(container));
            add(container, MOUNTS, "image", named(CaptureContainer.HOSTS));
        }
    }

    /** All of a workload's pod, wanting nothing. */
    static List<OwnItems> of(Workload workload, NodeFields fields) {
        return new PodLists(workload, fields).lists;
    }

    /** Likewise, with what should stand in them. */
    static List<OwnItems> wanting(
            Workload workload,
            NodeFields fields,
            CaptureContainer container,
            HealthPorts.Found health,
            boolean hostNetwork) {
        PodLists pod = new PodLists(workload, fields);
        return pod.lists.stream()
                .map(list -> list.wanting(pod.wanted(list, container, health, hostNetwork)))
                .toList();
    }

    private List<Value> wanted(
            OwnItems list, CaptureContainer container, HealthPorts.Found health, boolean hostNetwork) {
        PodNames names = container.names();
        return switch (list.key()) {
            case INIT -> List.of(container.container(health, hostNetwork));
            case VOLUMES -> container.volumes();
            case ALIASES -> aliases(names);
            case ENV ->
                names.areLedBy(Way.ENVIRONMENT) && !isEnvoy(list.parent(), names) ? variables(names) : List.of();
            case MOUNTS ->
                names.areLedBy(Way.FILE) && !isEnvoy(list.parent(), names)
                        ? List.of(Fields.of(
                                Field.of("name", CaptureContainer.HOSTS),
                                Field.of("mountPath", "/etc/hosts"),
                                Field.of("subPath", "hosts"),
                                Field.literal("readOnly", true)))
                        : List.of();
            default -> throw new IllegalStateException(list.key());
        };
    }

    static List<Value> aliases(PodNames names) {
        return names.areLedBy(Way.ALIASES)
                ? names.services().stream()
                        .<Value>map(service -> Fields.of(
                                Field.of("ip", service.address()),
                                Field.of("hostnames", Value.Items.of(service.names()))))
                        .toList()
                : List.of();
    }

    private static List<Value> variables(PodNames names) {
        List<Value> variables = new ArrayList<>();
        names.services()
                .forEach(service -> service.variables()
                        .forEach((name, value) ->
                                variables.add(Fields.of(Field.of("name", name), Field.of("value", value)))));
        return variables;
    }

    private void add(MappingNode parent, String key, String sibling, Predicate<Node> ours) {
        lists.add(new OwnItems(parent, key, sibling, ours, List.of()));
    }

    private Predicate<Node> named(String name) {
        return item -> name.equals(fields.text(item, "name"));
    }

    private Predicate<Node> ownVariables(MappingNode container) {
        Set<String> names = new HashSet<>();
        for (Node variable : fields.items(container, ENV)) {
            String name = String.valueOf(fields.text(variable, "name"));
            if (name.endsWith(HOST)
                    && String.valueOf(fields.text(variable, "value")).startsWith(ADDRESSES)) {
                names.add(name);
                names.add(name.substring(0, name.length() - HOST.length()) + PORT);
            }
        }
        return variable -> names.contains(String.valueOf(fields.text(variable, "name")));
    }

    /** Whether a container runs as one of Envoy's users, by its own securityContext or by the pod's. */
    private boolean isEnvoy(Node container, PodNames names) {
        String own = fields.text(container, "securityContext", "runAsUser");
        String user = own == null ? fields.text(workload.spec(), "securityContext", "runAsUser") : own;
        return user != null && names.envoyUsers().contains(user);
    }

    /** Whether any container is known for Envoy's. */
    static boolean holdEnvoy(Workload workload, NodeFields fields, PodNames names) {
        PodLists pod = new PodLists(workload, fields);
        return containers(workload, fields).stream().anyMatch(container -> pod.isEnvoy(container, names));
    }

    /** Containers of both kinds, but for ours. */
    static List<MappingNode> containers(Workload workload, NodeFields fields) {
        List<MappingNode> containers = new ArrayList<>();
        for (String key : List.of(INIT, "containers")) {
            for (Node item : fields.items(workload.spec(), key)) {
                if (item instanceof MappingNode container
                        && !CaptureContainer.NAME.equals(fields.text(container, "name"))
                        && !containers.contains(container)) {
                    containers.add(container);
                }
            }
        }
        return containers;
    }
}
