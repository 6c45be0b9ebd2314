package io.meshcapture.verbs;

import io.meshcapture.failure.Failure;
import io.meshcapture.failure.Problem;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Service;
import io.meshcapture.rules.LoopbackAddress;
import io.meshcapture.system.Privileges;
import io.meshcapture.system.SocketTable;
import java.util.ArrayList;
import java.util.List;

/** How connections to the addresses of names reach Envoy ({@code hosts-ports}). */
final class HostsPorts {
    private HostsPorts() {}

    /**
     * Whether by a redirect, which keeps the original destination and also holds where a program listens on all addresses;
     * else by listeners that Envoy has on these addresses.
     */
    static boolean areRedirected(Plan plan) {
        return switch (plan.hostsPorts()) {
            case AUTO -> Privileges.isNetAdmin() && isNetfilterThere(plan);
            case REDIRECT -> true;
            case LISTENERS -> false;
        };
    }

    private static boolean isNetfilterThere(Plan plan) {
        try (Backends backends = Backends.open()) {
            return !backends.of(plan).backend().name().isEmpty();
        } catch (Failure.Unavailable e) {
            return false;
        }
    }

    /**
     * What Envoy has to do for connections that are not redirected.
     *
     * @throws Failure.Invalid where a service leaves its ports open: Envoy cannot listen on all of them
     */
    static List<String> notes(Plan plan, HostsWanted wanted) {
        if (areRedirected(plan)) {
            return List.of();
        }
        List<Problem> problems = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        List<SocketTable.Listening> listening = SocketTable.listening();
        for (Service service : plan.services()) {
            LoopbackAddress address = wanted.addresses().get(service.name());
            if (service.hosts() == null || address == null || !wanted.lines().containsKey(service.name())) {
                continue;
            }
            if (service.hosts().ports().isEmpty()) {
                problems.add(new Problem(
                        "service \"" + service.name()
                                + "\" has no ports, and connections to names are not redirected here",
                        service.origin().toString(),
                        "write the ports that clients use, such as ports: {80: 8000}, or have them redirected"
                                + " (hosts-ports: redirect), which takes CAP_NET_ADMIN and nftables"));
            }
            for (Port port : service.hosts().ports().keySet()) {
                if (listening.stream().noneMatch(one -> one.port() == port.number() && one.serves(address.address()))) {
                    missing.add(address + ":" + port);
                }
            }
        }
        if (!problems.isEmpty()) {
            throw new Failure.Invalid(problems);
        }
        return missing.isEmpty()
                ? List.of()
                : List.of("connections to names are not redirected (hosts-ports: listeners), and nobody listens on "
                        + String.join(", ", missing.subList(0, Math.min(10, missing.size())))
                        + (missing.size() > 10 ? " and " + (missing.size() - 10) + " more" : "")
                        + ", so they are refused until Envoy does; its listeners are printed by:"
                        + " meshcapture envoy-config --hosts-ports listeners");
    }
}
