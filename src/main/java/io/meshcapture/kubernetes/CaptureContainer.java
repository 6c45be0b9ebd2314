package io.meshcapture.kubernetes;

import io.meshcapture.kubernetes.Value.Field;
import io.meshcapture.kubernetes.Value.Fields;
import io.meshcapture.kubernetes.Value.Items;
import io.meshcapture.plan.Ports;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The initContainer that captures its pod's connections, and what it needs in the pod.
 *
 * @param image its image
 * @param pullPolicy {@code imagePullPolicy}, or null for Kubernetes' own choice
 * @param arguments what {@code apply} is told
 * @param configMap the ConfigMap whose {@code plan.yaml} it reads, or null where the arguments say everything
 * @param names how names lead to Envoy
 * @param besideOtherMesh whether another mesh may capture in the same pod
 * @param needsRaw whether it needs NET_RAW beside NET_ADMIN, as iptables-legacy alone does
 * @param stays whether it stays as a native sidecar, which repairs what others change, or ends
 */
public record CaptureContainer(
        String image,
        @Nullable String pullPolicy,
        Arguments arguments,
        @Nullable PlanMap configMap,
        PodNames names,
        boolean besideOtherMesh,
        boolean needsRaw,
        boolean stays) {

    /** By this name it is found again. */
    public static final String NAME = "meshcapture";

    /** The pod's volume with the plan. */
    static final String PLAN = "meshcapture-plan";

    /** The pod's volume with the hosts file, where there is one. */
    static final String HOSTS = "meshcapture-hosts";

    private static final String HOSTS_DIRECTORY = "/run/meshcapture-hosts";

    /** Where the image has its program, and its entry point. */
    private static final String PROGRAM = "/opt/meshcapture/bin/meshcapture";

    /** The arguments of {@code apply}, but for the command itself. */
    @FunctionalInterface
    public interface Arguments {
        /** Where these ports are left alone when connections arrive. */
        List<String> excepting(Ports inbound);
    }

    CaptureContainer with(Arguments other) {
        return new CaptureContainer(image, pullPolicy, other, configMap, names, besideOtherMesh, needsRaw, stays);
    }

    /** What stands in the list of initContainers. */
    Fields container(HealthPorts.Found health, boolean hostNetwork) {
        List<Field> fields = new ArrayList<>();
        fields.add(Field.of("name", NAME));
        fields.add(new Field(
                "image",
                new Value.Text(image),
                List.of("by meshcapture inject: sends the pod's connections through its Envoy")));
        if (pullPolicy != null) {
            fields.add(Field.of("imagePullPolicy", pullPolicy));
        }
        List<String> settings = new ArrayList<>();
        if (!names.ways().isEmpty()) {
            settings.add("--hosts-file=" + (names.areLedBy(PodNames.Way.FILE) ? HOSTS_DIRECTORY + "/hosts" : "none"));
        }
        if (hostNetwork) {
            settings.add("--allow-host-network");
        }
        settings.addAll(arguments.excepting(health.ports()));
        List<String> words = new ArrayList<>(List.of(stays ? "agent" : "apply"));
        if (besideOtherMesh) {
            words.add("--allow-other-mesh"); // it is refused in the pod as it is here
        }
        words.addAll(settings);
        fields.add(new Field(
                "args",
                Items.of(words),
                health.reasons().isEmpty()
                        ? List.of()
                        : List.of("left to the kubelet and Prometheus when they arrive: ports "
                                + String.join(", ", health.reasons()))));
        // what kubectl describe shows of a JVM that could not start; all else it is told in /dev/termination-log
        fields.add(Field.of("terminationMessagePolicy", "FallbackToLogsOnError"));
        fields.add(Field.of("resources", resources()));
        fields.add(Field.of("securityContext", securityContext()));
        if (stays) {
            fields.addAll(sidecar(settings));
        }
        List<Value> mounts = mounts();
        if (!mounts.isEmpty()) {
            fields.add(Field.of("volumeMounts", new Items(mounts)));
        }
        return new Fields(fields);
    }

    /** The next container starts when the rules are there; Envoy, which check would miss, comes after that. */
    private static List<Field> sidecar(List<String> settings) {
        List<String> check = new ArrayList<>(List.of(PROGRAM, "check", "--without-envoy"));
        check.addAll(settings);
        return List.of(
                Field.of("restartPolicy", "Always"),
                Field.of(
                        "startupProbe",
                        Fields.of(
                                Field.of("exec", Fields.of(Field.of("command", Items.of(check)))),
                                Field.literal("periodSeconds", 1),
                                Field.literal("timeoutSeconds", 10),
                                Field.literal("failureThreshold", 60))));
    }

    private List<Value> mounts() {
        List<Value> mounts = new ArrayList<>();
        if (configMap != null) {
            mounts.add(Fields.of(
                    Field.of("name", PLAN),
                    Field.of("mountPath", "/etc/meshcapture"),
                    Field.literal("readOnly", true)));
        }
        if (names.areLedBy(PodNames.Way.FILE)) {
            mounts.add(Fields.of(Field.of("name", HOSTS), Field.of("mountPath", HOSTS_DIRECTORY)));
        }
        return mounts;
    }

    /** The pod's volumes that it mounts. */
    List<Value> volumes() {
        List<Value> volumes = new ArrayList<>();
        if (configMap != null) {
            volumes.add(Fields.of(
                    Field.of("name", PLAN), Field.of("configMap", Fields.of(Field.of("name", configMap.name())))));
        }
        if (names.areLedBy(PodNames.Way.FILE)) {
            volumes.add(
                    Fields.of(Field.of("name", HOSTS), Field.of("emptyDir", Fields.of(Field.of("sizeLimit", "1Mi")))));
        }
        return volumes;
    }

    /** A pod asks for the most that one of its initContainers or all its containers want, so this adds nothing to most. */
    private static Fields resources() {
        return Fields.of(
                Field.of("requests", Fields.of(Field.of("cpu", "10m"), Field.of("memory", "64Mi"))),
                Field.of("limits", Fields.of(Field.of("memory", "512Mi"))));
    }

    /** Root, since the kernel gives a capability that is added to other users' processes only by files that have it. */
    private Fields securityContext() {
        return Fields.of(
                Field.literal("runAsUser", 0),
                Field.literal("runAsGroup", 0),
                Field.literal("runAsNonRoot", false),
                Field.literal("readOnlyRootFilesystem", true),
                Field.literal("allowPrivilegeEscalation", false),
                Field.of(
                        "capabilities",
                        Fields.of(
                                Field.of("drop", Items.of(List.of("ALL"))),
                                Field.of(
                                        "add",
                                        Items.of(needsRaw ? List.of("NET_ADMIN", "NET_RAW") : List.of("NET_ADMIN"))))),
                Field.of("seccompProfile", Fields.of(Field.of("type", "RuntimeDefault"))));
    }
}
