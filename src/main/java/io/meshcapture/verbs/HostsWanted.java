package io.meshcapture.verbs;

import io.meshcapture.backend.hosts.HostsFindings;
import io.meshcapture.backend.hosts.OwnLine;
import io.meshcapture.failure.Failure;
import io.meshcapture.failure.Problem;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.HostName;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.LoopbackAddress;
import io.meshcapture.system.HostFacts;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What should stand in the hosts file.
 *
 * @param lines of each service that captures by name
 * @param addresses of these services
 */
record HostsWanted(Map<ServiceName, Set<OwnLine>> lines, Map<ServiceName, LoopbackAddress> addresses) {

    /** Whether a plan captures anything by name. */
    static boolean isAskedBy(Plan plan) {
        return plan.services().stream().anyMatch(service -> service.hosts() != null);
    }

    /** The addresses whose connections are redirected: all, or none where Envoy listens on them itself. */
    static Map<ServiceName, LoopbackAddress> redirected(Plan plan, Place place) {
        return isAskedBy(plan) && HostsPorts.areRedirected(plan)
                ? of(plan, Set.of(), HostsReading.now(place.hosts())).addresses()
                : Map.of();
    }

    /** The addresses of all services by name. */
    static Map<ServiceName, Address> addressesFor(Plan plan, Place place) {
        Map<ServiceName, Address> addresses = new LinkedHashMap<>();
        if (isAskedBy(plan)) {
            of(plan, Set.of(), HostsReading.now(place.hosts()))
                    .addresses()
                    .forEach((service, address) -> addresses.put(service, address.address()));
        }
        return addresses;
    }

    /** Likewise, for who only asks what a plan means, and may have no right to do it. */
    static Map<ServiceName, LoopbackAddress> explained(Plan plan, Place place) {
        return isAskedBy(plan) && plan.hostsPorts() != Choices.HostsPorts.LISTENERS
                ? of(plan, Set.of(), HostsReading.now(place.hosts())).addresses()
                : Map.of();
    }

    /**
     * What a plan asks for.
     *
     * @param selected the services that are meant, or empty for all
     * @param standing what stands, whose addresses stay
     * @throws Failure.Invalid where a name is this host's own
     */
    static HostsWanted of(Plan plan, Set<ServiceName> selected, HostsFindings standing) {
        List<Service> services = plan.services().stream()
                .filter(service -> service.hosts() != null)
                .toList();
        refuseOwnName(services);
        Map<ServiceName, LoopbackAddress> addresses = LoopbackAddress.allot(
                services.stream().map(Service::name).toList(), standing.addresses(), standing.takenByOthers());
        Map<ServiceName, Set<OwnLine>> lines = new LinkedHashMap<>();
        for (Service service : services) {
            LoopbackAddress address = addresses.get(service.name());
            if (address != null
                    && service.hosts() != null
                    && (selected.isEmpty() || selected.contains(service.name()))) {
                lines.put(
                        service.name(),
                        OwnLine.of(service.name(), address, service.hosts().names()));
            }
        }
        return new HostsWanted(lines, addresses);
    }

    /** A server that binds to this host's name would listen on loopback, and nobody outside would reach it. */
    private static void refuseOwnName(List<Service> services) {
        String own = HostFacts.name().toLowerCase(Locale.ROOT);
        String first = own.contains(".") ? own.substring(0, own.indexOf('.')) : own;
        List<Problem> problems = new ArrayList<>();
        for (Service service : services) {
            for (HostName name : service.hosts() == null
                    ? List.<HostName>of()
                    : service.hosts().names()) {
                if (name.value().equals(own) || name.value().equals(first)) {
                    problems.add(new Problem(
                            "host name \"" + name + "\" of service \"" + service.name() + "\" is this host's own",
                            service.origin().toString(),
                            "take it out: what listens on it here would be reached from nowhere else"));
                }
            }
        }
        if (!problems.isEmpty()) {
            throw new Failure.Invalid(problems);
        }
    }

    /** The services that something is to be done about: those of the plan, and those that stand and are asked about. */
    Set<ServiceName> among(Set<ServiceName> selected, HostsFindings standing) {
        Set<ServiceName> among = new TreeSet<>(lines.keySet());
        standing.services().stream()
                .filter(name -> selected.isEmpty() || selected.contains(name))
                .forEach(among::add);
        return among;
    }
}
