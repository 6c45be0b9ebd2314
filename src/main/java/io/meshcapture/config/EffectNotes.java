package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Destination;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.Ports;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Notes about what has no effect, or a larger one than it seems; a service of which nothing has an effect is refused. */
final class EffectNotes {
    private static final Ports REAL_PORTS = new Ports(List.of(new PortRange(1, 65535)));

    private final PlanDraft draft;
    private final Problems problems;

    EffectNotes(PlanDraft draft, Problems problems) {
        this.draft = draft;
        this.problems = problems;
    }

    void add() {
        noteEverything(draft.except(), "except", "no service captures anything");
        for (ServiceDraft service : draft.services()) {
            String label = "service " + BadValue.quote(service.name().value().value());
            noteEverything(service.except(), service.path("except"), label + " captures nothing");
            noteCovered(service);
            noteIpv6(service);
        }
    }

    private void noteEverything(@Nullable Given<Destination> except, String path, String consequence) {
        if (except == null) {
            return;
        }
        for (Placed<Destination> destination : except.values()) {
            Network network = destination.value().network();
            if (coversAllPorts(destination.value()) && (network == null || network.prefix() == 0)) {
                String family = network == null ? "" : " of " + network.family().label();
                problems.note(path + " " + BadValue.quote(destination.value().toString()) + " is everything" + family
                        + ": " + consequence + family + "; " + destination.origin());
            }
        }
    }

    /** 1-65535 is everything too: no connection goes to port 0. */
    private static boolean coversAllPorts(Destination destination) {
        return REAL_PORTS.minus(destination.ports()).isEmpty();
    }

    private void noteCovered(ServiceDraft service) {
        if (service.to() == null || service.except() == null) {
            return;
        }
        Coverage except = new Coverage(service.except().plain());
        for (Placed<Destination> destination : service.to().values()) {
            if (except.covers(destination.value())) {
                problems.note(service.path("to") + " "
                        + BadValue.quote(destination.value().toString()) + " has no effect, since except covers it; "
                        + destination.origin());
            }
        }
    }

    private void noteIpv6(ServiceDraft service) {
        if (service.to() == null || draft.ipv6().value() != Choices.Ipv6.BYPASS) {
            return;
        }
        int count = 0;
        Origin first = Origin.DEFAULT;
        for (Placed<Destination> destination : service.to().values()) {
            Network network = destination.value().network();
            if (network != null && network.family() == Family.IPV6 && count++ == 0) {
                first = destination.origin();
            }
        }
        if (count > 0 && count == service.to().values().size()) {
            problems.add(
                    first,
                    service.path("to") + " names IPv6 destinations only, and ipv6 is \"bypass\" ("
                            + draft.ipv6().origin() + "), so the service would capture nothing",
                    "write ipv6: auto or capture, add IPv4 destinations, or take the service out");
        } else if (count > 0) {
            problems.note(
                    service.path("to") + " names " + count + " IPv6 " + (count == 1 ? "destination" : "destinations")
                            + ", left alone since ipv6 is \"bypass\"; " + first);
        }
    }
}
