package io.meshcapture.verbs;

import io.meshcapture.envoy.Bootstrap;
import io.meshcapture.envoy.Delivery;
import io.meshcapture.envoy.EnvoyHost;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Plan;
import io.meshcapture.system.HostFacts;
import io.meshcapture.system.ResolvConf;
import io.meshcapture.system.WholeFile;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The configuration of an Envoy that fits the plan. Needs no privilege but to enter another namespace. */
public final class EnvoyConfig {
    private EnvoyConfig() {}

    /**
     * Made for the host that it runs on. Files that Envoy watches are written, each as a whole and by renaming it into place.
     *
     * @throws Failure.Invalid where a file cannot be written
     */
    public static Bootstrap run(Plan plan, Place place, Delivery delivery) throws Exception {
        Bootstrap bootstrap = place.there(() -> Bootstrap.of(plan, host(plan, place), delivery));
        write("--clusters", delivery.clusters(), bootstrap.clusters());
        write("--listeners", delivery.listeners(), bootstrap.listeners()); // they name clusters
        return bootstrap;
    }

    private static EnvoyHost host(Plan plan, Place place) {
        List<Address> nameServers = plan.dns() == null ? List.of() : nameServers(place);
        return new EnvoyHost(
                HostFacts.name(), HostFacts.canListenOnIpv6(), nameServers, HostsWanted.addressesFor(plan, place));
    }

    private static List<Address> nameServers(Place place) {
        try {
            return ResolvConf.of(place.namespace()).servers();
        } catch (Failure.Conflict unreadable) {
            return List.of(); // which the configuration's notes tell
        }
    }

    private static void write(String option, @Nullable Path file, @Nullable String text) {
        if (file != null && text != null) {
            WholeFile.replace(option, file, text);
        }
    }
}
