package io.meshcapture.verbs;

import io.meshcapture.backend.hosts.HostsFindings;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.HostsCapture;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.LoopbackAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The variables by which programs find services without names, as Kubernetes sets them in every container: they lead to the
 * addresses of the services' names, and so to Envoy.
 */
public final class Env {

    /**
     * The variables.
     *
     * @param variables names and values; both of letters, digits, dots and underscores, so that no shell and no
     *     EnvironmentFile= needs quotes
     * @param notes what the user should know
     */
    public record Outcome(Map<String, String> variables, List<String> notes) {}

    private static final String API_SERVER = "KUBERNETES";

    private Env() {}

    /**
     * Those of services that capture by name.
     *
     * @param selected the services, or empty for all of them
     * @throws Failure.Invalid where a service is named that does not capture by name
     */
    public static Outcome run(Plan plan, Place place, Set<ServiceName> selected) {
        Wanted.selected(plan, selected);
        HostsFindings standing = HostsReading.now(place.hosts());
        Map<ServiceName, LoopbackAddress> addresses =
                HostsWanted.of(plan, Set.of(), standing).addresses();
        Set<ServiceName> applied = standing.services();
        Map<String, String> variables = new LinkedHashMap<>();
        List<String> notes = new ArrayList<>();
        for (Service service : plan.services()) {
            HostsCapture hosts = service.hosts();
            LoopbackAddress address = addresses.get(service.name());
            if (hosts != null && address != null && (selected.isEmpty() || selected.contains(service.name()))) {
                add(service.name(), hosts, address, variables, notes);
                if (!applied.contains(service.name())) {
                    notes.add("service " + service.name()
                            + " is not applied here, so nothing takes connections to its address yet; apply the plan");
                }
            } else if (selected.contains(service.name())) {
                throw new Failure.Invalid(
                        "service \"" + service.name() + "\" has no hosts",
                        "command line",
                        "name a service that captures by name: what captures by address needs no variables");
            }
        }
        if (addresses.isEmpty()) {
            notes.add("the plan captures nothing by name, so there are no variables; give a service hosts");
        }
        return new Outcome(variables, notes);
    }

    /** The addresses of a plan's services by name on a host where nothing stands yet. */
    public static Map<ServiceName, LoopbackAddress> addresses(Plan plan) {
        return LoopbackAddress.allot(
                plan.services().stream()
                        .filter(service -> service.hosts() != null)
                        .map(Service::name)
                        .toList(),
                Map.of(),
                Set.of());
    }

    /**
     * The variables of one service.
     *
     * @param variables takes them
     * @param notes takes what the user should know
     */
    public static void add(
            ServiceName service,
            HostsCapture hosts,
            LoopbackAddress address,
            Map<String, String> variables,
            List<String> notes) {
        String name = service.value().toUpperCase(Locale.ROOT).replace('-', '_');
        if (name.equals(API_SERVER) || Character.isDigit(name.charAt(0))) {
            notes.add("service " + service + " gets no variables, because "
                    + (name.equals(API_SERVER)
                            ? "by these programs find the API server of Kubernetes"
                            : "a name of a variable does not begin with a digit")
                    + "; give it another name");
            return;
        }
        String prefix = name + "_SERVICE_";
        variables.put(prefix + "HOST", address.toString());
        List<Port> ports = List.copyOf(hosts.ports().keySet());
        if (ports.isEmpty()) {
            notes.add("service " + service + " has no ports in the plan, so its clients keep the port that they know");
            return;
        }
        variables.put(prefix + "PORT", ports.getFirst().toString());
        if (ports.size() > 1) {
            notes.add(prefix + "PORT is the first of the ports of service " + service + ": " + ports);
        }
    }
}
