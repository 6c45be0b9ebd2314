package io.meshcapture.kubernetes;

import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * How the names of services that are captured by name lead to Envoy in a pod. An initContainer that edits {@code /etc/hosts}
 * would do so for nobody: the kubelet writes that file anew before each start of a container.
 *
 * @param ways in which they do; none where the plan captures nothing by name
 * @param services those of the plan
 * @param envoyUsers the numbers of Envoy's users, whose containers look names up as if nothing were captured
 */
public record PodNames(Set<Way> ways, List<Service> services, Set<String> envoyUsers) {
    /** No names. */
    public static final PodNames NONE = new PodNames(Set.of(), List.of(), Set.of());

    public PodNames {
        ways = Set.copyOf(ways);
        services = List.copyOf(services);
        envoyUsers = Set.copyOf(envoyUsers);
    }

    /** One way. */
    public enum Way {
        /** The pod's {@code hostAliases}, which the kubelet writes into the hosts file of all of its containers. */
        ALIASES,
        /** {@code NAME_SERVICE_HOST} and {@code NAME_SERVICE_PORT} in the environment of all containers but Envoy's. */
        ENVIRONMENT,
        /** A hosts file in an emptyDir, mounted over {@code /etc/hosts} of all containers but Envoy's. */
        FILE
    }

    /**
     * One service.
     *
     * @param address the loopback address that its names lead to
     * @param names its names
     * @param variables its variables
     */
    public record Service(String address, List<String> names, Map<String, String> variables) {
        public Service {
            names = List.copyOf(names);
        }
    }

    boolean areLedBy(Way way) {
        return ways.contains(way);
    }
}
