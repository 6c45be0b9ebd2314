package io.meshcapture.envoy;

import io.meshcapture.plan.HostPort;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How Envoy comes by its listeners and clusters; what is null stands in the bootstrap itself.
 *
 * @param listeners the file that it watches for listeners, absolute
 * @param clusters the file that it watches for clusters, absolute; not with a control plane
 * @param controlPlane the control plane (xDS over gRPC) that it asks for the clusters of services and their endpoints
 */
public record Delivery(
        @Nullable Path listeners,
        @Nullable Path clusters,
        @Nullable HostPort controlPlane) {

    /** Everything in the bootstrap. */
    public static final Delivery STATIC = new Delivery(null, null, null);

    boolean isStatic() {
        return listeners == null && clusters == null && controlPlane == null;
    }

    /** Whether clusters may come later than the listeners that name them. */
    boolean clustersComeLater() {
        return clusters != null || controlPlane != null;
    }
}
