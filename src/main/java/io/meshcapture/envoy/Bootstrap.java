package io.meshcapture.envoy;

import io.meshcapture.plan.Plan;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of an Envoy that serves everything in a plan.
 *
 * @param text the bootstrap
 * @param listeners the file of its listeners, or null where they stand in the bootstrap
 * @param clusters the file of its clusters, or null where they stand in the bootstrap
 * @param notes what the user should know
 */
public record Bootstrap(
        String text, @Nullable String listeners, @Nullable String clusters, List<String> notes) {

    public Bootstrap {
        notes = List.copyOf(notes);
    }

    /** Of a plan, for a host. */
    public static Bootstrap of(Plan plan, EnvoyHost host, Delivery delivery) {
        return new BootstrapWriter(plan, host, delivery).write();
    }
}
