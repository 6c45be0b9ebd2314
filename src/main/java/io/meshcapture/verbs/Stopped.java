package io.meshcapture.verbs;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.CgroupPath;
import io.meshcapture.plan.From;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.plan.UnitName;
import io.meshcapture.system.ControlGroups;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a plan asks for without those callers, named by unit or control group, that are not there. Nobody is in a control
 * group that is gone, so nobody escapes; but the one that the unit gets when it starts again is another one to the kernel,
 * and nobody in that is captured. For {@code check} this is a difference like any other; {@code apply} refuses it.
 *
 * @param plan without them; services of which nobody is left have all of them still
 * @param services the services of which nobody is left
 * @param differences one for each unit and control group that is not there
 */
record Stopped(Plan plan, Set<ServiceName> services, List<Difference> differences) {

    /**
     * @param selected the services that are looked at, or empty for all
     * @throws Failure.Unavailable where the plan names units or control groups and they cannot be looked up here at all
     */
    static Stopped in(Plan plan, Set<ServiceName> selected) {
        List<Service> kept = new ArrayList<>();
        Set<ServiceName> gone = new HashSet<>();
        List<Difference> differences = new ArrayList<>();
        for (Service service : plan.services()) {
            From from = service.from();
            boolean isAsked = selected.isEmpty() || selected.contains(service.name());
            if (!isAsked || (from.units().isEmpty() && from.cgroups().isEmpty())) {
                kept.add(service);
                continue;
            }
            int before = differences.size();
            From running = running(service, differences);
            boolean isGone = running.units().isEmpty() && running.cgroups().isEmpty();
            if (isGone) {
                gone.add(service.name());
            }
            kept.add(isGone || differences.size() == before ? service : with(service, running));
        }
        return new Stopped(differences.isEmpty() ? plan : Wanted.withServices(plan, kept), gone, differences);
    }

    /** The plan without the services of which nobody is left. */
    Plan planOfOthers() {
        return Wanted.withServices(
                plan,
                plan.services().stream()
                        .filter(service -> !services.contains(service.name()))
                        .toList());
    }

    /** Whether nobody is left of that service. */
    boolean isAbout(@Nullable String service) {
        return service != null && services.stream().anyMatch(one -> one.value().equals(service));
    }

    private static From running(Service service, List<Difference> differences) {
        From from = service.from();
        List<UnitName> units = new ArrayList<>();
        for (UnitName unit : from.units()) {
            if (isRunning(unit)) {
                units.add(unit);
            } else {
                differences.add(difference(service, "unit " + unit));
            }
        }
        List<CgroupPath> cgroups = new ArrayList<>();
        for (CgroupPath cgroup : from.cgroups()) {
            if (ControlGroups.isThere(cgroup)) {
                cgroups.add(cgroup);
            } else {
                differences.add(difference(service, "cgroup " + cgroup));
            }
        }
        return new From(from.users(), from.groups(), units, cgroups, from.networks());
    }

    private static Difference difference(Service service, String what) {
        return new Difference(
                service.name().value(),
                what,
                "it is not running: it has no control group",
                "captured by its control group; what starts in a new one is not captured before the next apply");
    }

    private static boolean isRunning(UnitName unit) {
        try {
            return !ControlGroups.running(unit).isEmpty();
        } catch (BadValue e) {
            return true; // whoever compiles the plan says what is wrong
        }
    }

    private static Service with(Service service, From from) {
        return new Service(
                service.name(),
                from,
                service.to(),
                service.except(),
                service.onEnvoyDown(),
                service.outbound(),
                service.hosts(),
                service.origin());
    }
}
