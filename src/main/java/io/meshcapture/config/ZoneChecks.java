package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.ServiceName;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Whether the zones fit the services and each other. */
final class ZoneChecks {
    private final PlanDraft draft;
    private final Document document;
    private final Settings settings;
    private final Problems problems;
    private final Map<Network, Origin> networks = new HashMap<>();

    ZoneChecks(PlanDraft draft, Document document, Settings settings, Problems problems) {
        this.draft = draft;
        this.document = document;
        this.settings = settings;
        this.problems = problems;
    }

    void check() {
        Set<String> services = new TreeSet<>(document.keysOf("services"));
        for (ServiceDraft service : draft.services()) {
            services.add(service.name().value().value());
        }
        for (PlanDraft.ZoneDraft zone : draft.zones()) {
            if (zone.services() != null) {
                for (Placed<ServiceName> service : zone.services().values()) {
                    checkService(service, services);
                }
            }
            if (zone.networks() != null) {
                for (Placed<Network> network : zone.networks().values()) {
                    claim(network);
                }
            }
            checkShape(zone);
        }
    }

    private void checkShape(PlanDraft.ZoneDraft zone) {
        String path = "zones." + zone.name().value();
        settings.refuseNothing(zone.networks(), path + ".networks", "write a network, or take the key out");
        settings.refuseNothing(zone.services(), path + ".services", "write a service, or take the key out");
        if (zone.networks() == null && zone.services() == null) {
            problems.add(
                    zone.name().origin(),
                    "zone " + BadValue.quote(zone.name().value().value()) + " has neither networks nor services",
                    "write at least one of them");
        }
    }

    private void checkService(Placed<ServiceName> service, Set<String> services) {
        String name = service.value().value();
        if (!services.contains(name)) {
            problems.add(
                    service.origin(),
                    "service " + BadValue.quote(name) + " of a zone is not in the plan",
                    EditDistance.mend(name, services, "write it into services first"));
        }
    }

    /** Envoy refuses a configuration in which two filter chains match the same network. */
    private void claim(Placed<Network> network) {
        Origin first = networks.putIfAbsent(network.value(), network.origin());
        if (first != null) {
            problems.add(
                    network.origin(),
                    "network " + BadValue.quote(network.value().toString()) + " belongs to another zone too (" + first
                            + ")",
                    "leave it to one of them");
        }
    }
}
