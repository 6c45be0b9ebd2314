package io.meshcapture.verbs;

import io.meshcapture.envoy.Bootstrap;
import io.meshcapture.envoy.Delivery;
import io.meshcapture.envoy.EnvoyHost;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.system.HostFacts;
import io.meshcapture.system.ResolvConf;
import io.meshcapture.system.SocketTable;
import io.meshcapture.system.SocketTable.Listening;
import io.meshcapture.system.WholeFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
                HostFacts.name(),
                HostFacts.canListenOnIpv6(),
                nameServers,
                HostsWanted.addressesFor(plan, place),
                HostFacts.firstUnprivilegedPort(),
                taken(plan, place));
    }

    /** By whom all addresses or a loopback one are taken: Envoy listens on all addresses or on loopback. */
    private static EnvoyHost.Taken taken(Plan plan, Place place) {
        Map<ListenerAddress, List<Listening>> there = new LinkedHashMap<>();
        for (Listening one : SocketTable.listening()) {
            Address address = one.address();
            boolean isAny = address.high() == 0 && address.low() == 0;
            if (isAny || address.isLoopback()) {
                there.computeIfAbsent(new ListenerAddress(address, new Port(one.port())), _ -> new ArrayList<>())
                        .add(one);
            }
        }
        Map<Listening, String> taken = new LinkedHashMap<>();
        StrangersListeners.among(there, EnvoyIdentity.of(plan, place))
                .owners()
                .forEach((owner, places) -> places.forEach(one ->
                        there.getOrDefault(one, List.of()).forEach(socket -> taken.put(socket, owner.toString()))));
        return (address, port) -> taken.keySet().stream()
                .filter(socket -> socket.port() == port.number() && socket.excludes(address))
                .findFirst()
                .map(taken::get)
                .orElse("");
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
