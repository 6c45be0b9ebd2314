package io.meshcapture.envoy;

import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Service;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A listener to which what leaves this host is redirected.
 *
 * @param name its name, which no name of a service can be, since those have no underscore
 * @param port its port
 * @param services whose connections come to it, told by the destination they asked for
 * @param named whose connections come to it, told by the service's own address
 */
record OutboundListener(String name, Port port, List<Service> services, List<NamedService> named) {

    /** The name of the one that services have unless the plan gives them another. */
    static final String SHARED = "outbound";

    /** The name of the one that is asked by name and not captured. */
    static final String EGRESS = "egress";

    static final Port EGRESS_PORT = new Port(8000);

    private static final int FEW = 3;

    /** All that a plan needs, by port. */
    static List<OutboundListener> of(Plan plan, List<NamedService> named) {
        Map<Integer, OutboundListener> found = new TreeMap<>();
        for (Service service : plan.services()) {
            if (service.hosts() == null) {
                at(found, service.outbound()).services().add(service);
            }
        }
        if (plan.hostsPorts() != Choices.HostsPorts.LISTENERS) {
            for (NamedService one : named) {
                for (Port port : ports(one.service())) {
                    at(found, port).named().add(one);
                }
            }
        }
        if (!named.isEmpty() && isFree(EGRESS_PORT, plan)) {
            at(found, EGRESS_PORT);
        }
        return found.values().stream().map(listener -> listener.named(plan)).toList();
    }

    private static OutboundListener at(Map<Integer, OutboundListener> found, Port port) {
        return found.computeIfAbsent(
                port.number(), _ -> new OutboundListener("", port, new ArrayList<>(), new ArrayList<>()));
    }

    private static List<Port> ports(Service service) {
        return service.hosts() == null || service.hosts().ports().isEmpty()
                ? List.of(service.outbound())
                : service.hosts().ports().values().stream().distinct().toList();
    }

    /** Whether nothing else of the plan has this port. */
    static boolean isFree(Port port, Plan plan) {
        return !port.equals(plan.envoy().outbound())
                && !port.equals(plan.envoy().inbound())
                && !port.equals(plan.envoy().dns())
                && (plan.envoy().admin() == null
                        || !port.equals(plan.envoy().admin().port()))
                && plan.services().stream()
                        .noneMatch(service -> service.hosts() == null && port.equals(service.outbound()));
    }

    private OutboundListener named(Plan plan) {
        String its;
        if (port.equals(plan.envoy().outbound())) {
            its = SHARED;
        } else if (port.equals(EGRESS_PORT) && services.isEmpty()) {
            its = EGRESS;
        } else if (services.size() + named.size() == 1) {
            its = SHARED + "_" + (services.isEmpty() ? named.getFirst().service() : services.getFirst()).name();
        } else {
            its = SHARED + "_port_" + port;
        }
        return new OutboundListener(its, port, List.copyOf(services), List.copyOf(named));
    }

    boolean isEgress() {
        return name.equals(EGRESS);
    }

    /** As the access log says it. */
    String servicesInWords() {
        List<String> names =
                services.stream().map(service -> service.name().value()).toList();
        return switch (names.size()) {
            case 0 -> "no service";
            case 1 -> "service " + names.getFirst();
            default ->
                names.size() <= FEW ? "one of " + String.join(", ", names) : "one of " + names.size() + " services";
        };
    }
}
