package io.meshcapture.kubernetes;

import io.meshcapture.kubernetes.Value.Field;
import io.meshcapture.kubernetes.Value.Fields;
import io.meshcapture.kubernetes.Value.Items;
import io.meshcapture.plan.Ports;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The initContainer that captures its pod's connections.
 *
 * @param image its image
 * @param pullPolicy {@code imagePullPolicy}, or null for Kubernetes' own choice
 * @param arguments what {@code apply} is told
 * @param configMap the ConfigMap whose {@code plan.yaml} it reads, or null where the arguments say everything
 */
public record CaptureContainer(
        String image,
        @Nullable String pullPolicy,
        Arguments arguments,
        @Nullable String configMap) {

    /** By this name it is found again. */
    public static final String NAME = "meshcapture";

    /** The pod's volume with the plan. */
    static final String VOLUME = "meshcapture-plan";

    /** The arguments of {@code apply}, but for the command itself. */
    @FunctionalInterface
    public interface Arguments {
        /** Where these ports are left alone when connections arrive. */
        List<String> excepting(Ports inbound);
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
        List<String> words = new ArrayList<>(List.of("apply"));
        words.addAll(arguments.excepting(health.ports()));
        if (hostNetwork) {
            words.add("--allow-host-network");
        }
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
        if (configMap != null) {
            fields.add(Field.of(
                    "volumeMounts",
                    new Items(List.of(Fields.of(
                            Field.of("name", VOLUME),
                            Field.of("mountPath", "/etc/meshcapture"),
                            Field.literal("readOnly", true))))));
        }
        return new Fields(fields);
    }

    /** The pod's volume that {@link #configMap} is mounted from. */
    Fields volume(String name) {
        return Fields.of(Field.of("name", VOLUME), Field.of("configMap", Fields.of(Field.of("name", name))));
    }

    /** A pod asks for the most that one of its initContainers or all its containers want, so this adds nothing to most. */
    private static Fields resources() {
        return Fields.of(
                Field.of("requests", Fields.of(Field.of("cpu", "10m"), Field.of("memory", "64Mi"))),
                Field.of("limits", Fields.of(Field.of("memory", "512Mi"))));
    }

    /** Root, since the kernel gives a capability that is added to other users' processes only by files that have it. */
    private static Fields securityContext() {
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
                                Field.of("add", Items.of(List.of("NET_ADMIN"))))),
                Field.of("seccompProfile", Fields.of(Field.of("type", "RuntimeDefault"))));
    }
}
