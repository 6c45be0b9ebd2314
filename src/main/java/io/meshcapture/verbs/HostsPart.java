package io.meshcapture.verbs;

import io.meshcapture.backend.hosts.HostsEditor;
import io.meshcapture.backend.hosts.HostsTrial;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.system.Privileges;
import java.nio.file.Path;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which of the two a command is about: the hosts file, netfilter, or both. What captures by name alone needs neither
 * CAP_NET_ADMIN nor netfilter.
 *
 * @param hosts the hosts file, or null where nothing in it is concerned
 * @param asksNetfilter whether netfilter is concerned
 */
record HostsPart(@Nullable Path hosts, boolean asksNetfilter) {

    /**
     * For a command that compares a plan with what stands, or makes it stand.
     *
     * @param selected the services that are meant, or empty for all
     */
    static HostsPart of(Plan plan, Place place, Set<ServiceName> selected) {
        boolean names =
                plan.services().stream().anyMatch(service -> service.hosts() != null && isMeant(service, selected));
        // whose services the plan no longer has; and what is on trial ends together
        Path others = selected.isEmpty() ? withLines(place) : NamesOnTrial.withTrial(place);
        Path hosts = place.isWithoutHostsFile() ? null : names ? place.hosts() : others;
        boolean asks = !names
                || HostsPorts.areRedirected(plan)
                || stands(place)
                || plan.services().stream().anyMatch(service -> service.hosts() == null && isMeant(service, selected))
                || (selected.isEmpty() && (plan.inbound() != null || plan.dns() != null));
        return new HostsPart(hosts, asks);
    }

    /** Whether neither is concerned: names stand elsewhere, and connections to them are not redirected. */
    boolean isNothing() {
        return hosts == null && !asksNetfilter;
    }

    /** Whether anything of ours stands in netfilter, as far as that can be looked at. */
    private static boolean stands(Place place) {
        if (!Privileges.isNetAdmin()) {
            return false;
        }
        try {
            return place.there(() -> {
                try (Backends backends = Backends.open()) {
                    return backends.standing().live().isPresent();
                }
            });
        } catch (Failure.Unavailable e) {
            return false; // where there is no netfilter, nothing stands in it
        } catch (Exception e) {
            return true; // the command will say what is wrong
        }
    }

    private static boolean isMeant(Service service, Set<ServiceName> selected) {
        return selected.isEmpty() || selected.contains(service.name());
    }

    /** The hosts file if lines of ours stand in it, a change of it was interrupted, or a trial neither confirmed nor ended. */
    static @Nullable Path withLines(Place place) {
        try {
            Path hosts = place.hosts();
            boolean interrupted = HostsEditor.hasUnfinished(hosts, place.stateDirectory())
                    || HostsTrial.of(hosts, place.stateDirectory()) != null;
            return interrupted || HostsReading.now(hosts).holdsOurs() ? hosts : null;
        } catch (Failure.Unavailable e) {
            return null;
        }
    }
}
