package io.meshcapture.verbs;

import io.meshcapture.backend.LiveState;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Interfaces;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.DecisionCompiler;
import io.meshcapture.rules.LoopbackAddress;
import io.meshcapture.rules.ServiceRules;
import io.meshcapture.system.HostFacts;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What should stand on this host.
 *
 * @param decision the decision
 * @param ipv6 what happens to IPv6
 * @param envoy who listens
 * @param notes what was found on the way that the user should know
 */
record Wanted(Decision decision, Choices.Ipv6 ipv6, EnvoyListeners envoy, List<String> notes) {

    /**
     * Compiles the plan for this host.
     *
     * @param place where the plan is to stand
     * @param selected the services that are to be as the plan has them, empty for all; the others stay as they stand
     */
    static Wanted of(Plan plan, Place place, Set<ServiceName> selected, LiveState live) {
        requireKnown(plan, selected);
        if (selected.isEmpty()) {
            return of(plan, plan, place, live, Map.of());
        }
        Map<ServiceName, ServiceRules> standing = without(live.standing(), selected);
        return of(plan, among(plan, selected, standing.keySet()), place, live, standing);
    }

    /**
     * Likewise, to be compared with what stands and not to be written.
     *
     * @param stopped services whose callers are not there: they stay as they stand, or are left out where they do not
     */
    static Wanted toCompare(
            Plan plan, Place place, Set<ServiceName> selected, LiveState live, Set<ServiceName> stopped) {
        if (selected.isEmpty() && stopped.isEmpty()) {
            return of(plan, place, selected, live);
        }
        requireKnown(plan, selected);
        Set<ServiceName> compiled = new HashSet<>(selected);
        Map<ServiceName, ServiceRules> standing = live.standingWithGoneGroups();
        if (selected.isEmpty()) {
            plan.services().forEach(service -> compiled.add(service.name()));
            standing.keySet().retainAll(stopped);
        }
        compiled.removeAll(stopped);
        standing.keySet().removeAll(compiled);
        return of(plan, among(plan, compiled, standing.keySet()), place, live, standing);
    }

    private static Map<ServiceName, ServiceRules> without(
            Map<ServiceName, ServiceRules> standing, Set<ServiceName> services) {
        Map<ServiceName, ServiceRules> left = new LinkedHashMap<>(standing);
        left.keySet().removeAll(services);
        return left;
    }

    /** The plan with services of one set or the other alone. */
    private static Plan among(Plan plan, Set<ServiceName> some, Set<ServiceName> others) {
        return withServices(
                plan,
                plan.services().stream()
                        .filter(service -> some.contains(service.name()) || others.contains(service.name()))
                        .toList());
    }

    private static Wanted of(
            Plan whole, Plan relevant, Place place, LiveState live, Map<ServiceName, ServiceRules> standing) {
        Supported.require(relevant);
        List<String> notes = new ArrayList<>();
        NameServers nameServers = NameServers.of(relevant, place);
        notes.addAll(nameServers.notes());
        noteMissing(relevant.interfaces(), notes);
        EnvoyListeners envoy = EnvoyListeners.of(relevant);
        envoy.requireReachable();
        Choices.Ipv6 ipv6 = ipv6(relevant, place, envoy, live.ipv6(), notes);
        EnvoysPorts envoysPorts = EnvoysPorts.of(relevant, live);
        notes.addAll(envoysPorts.notes());
        DecisionCompiler.Host host = host(place, ipv6, nameServers, envoysPorts, HostsWanted.redirected(whole, place));
        Decision decision = DecisionCompiler.compile(relevant, host, standing);
        return new Wanted(decision, ipv6, envoy, notes);
    }

    /** What happens to IPv6, where the listeners of others say nothing of Envoy. */
    static Choices.Ipv6 ipv6(
            Plan plan, Place place, EnvoyListeners envoy, Choices.@Nullable Ipv6 standing, List<String> notes) {
        BooleanSupplier areStrangers = () -> !StrangersListeners.of(envoy, EnvoyIdentity.of(plan, place), false)
                .isEmpty();
        return envoy.ipv6(plan.ipv6(), standing, areStrangers, notes);
    }

    /** An interface may come later; rules by name wait for it. */
    private static void noteMissing(Interfaces interfaces, List<String> notes) {
        if (interfaces.except().isEmpty() && interfaces.outbound().isEmpty()) {
            return;
        }
        List<String> there = HostFacts.interfaces();
        List<InterfaceName> named = new ArrayList<>(interfaces.except());
        named.addAll(interfaces.outbound());
        for (InterfaceName name : named) {
            if (there.stream().noneMatch(name::names)) {
                notes.add("no interface " + name + " is there yet; what the plan says of it holds as soon as it is");
            }
        }
    }

    /** The plan with these services alone, or all of it where none is named. */
    static Plan selected(Plan plan, Set<ServiceName> names) {
        requireKnown(plan, names);
        return names.isEmpty()
                ? plan
                : withServices(
                        plan,
                        plan.services().stream()
                                .filter(service -> names.contains(service.name()))
                                .toList());
    }

    /** Likewise, with those of Envoy's listeners alone that a part of the plan needs. */
    Wanted about(Plan part) {
        return new Wanted(decision, ipv6, EnvoyListeners.of(part), notes);
    }

    /** Whether a service is captured. */
    boolean captures(String service) {
        return decision.services().stream().anyMatch(one -> one.name().value().equals(service));
    }

    /** Envoy's listeners that belong to others. */
    StrangersListeners listenersOfStrangers() {
        return StrangersListeners.of(envoy, EnvoyIdentity.of(decision), ipv6 == Choices.Ipv6.CAPTURE);
    }

    /** The decision of a plan that is not to stand: nothing of what stands is asked. */
    static Decision explained(Plan plan, Place place, Choices.Ipv6 ipv6) {
        return DecisionCompiler.compile(
                plan,
                host(
                        place,
                        ipv6,
                        NameServers.of(plan, place),
                        EnvoysPorts.of(plan),
                        HostsWanted.explained(plan, place)));
    }

    /** What is asked of the host when a plan is compiled. */
    private static DecisionCompiler.Host host(
            Place place,
            Choices.Ipv6 ipv6,
            NameServers nameServers,
            EnvoysPorts envoysPorts,
            Map<ServiceName, LoopbackAddress> names) {
        return new DecisionCompiler.Host(
                new HostIdentities(place.accounts()),
                ipv6,
                HostFacts.ephemeralPorts(),
                nameServers.servers(),
                envoysPorts.ports(),
                names);
    }

    private static void requireKnown(Plan plan, Set<ServiceName> selected) {
        for (ServiceName name : selected) {
            if (plan.service(name).isEmpty()) {
                throw new Failure.Invalid(
                        "service \"" + name + "\" is not in the plan",
                        "command line",
                        "name one of: "
                                + String.join(
                                        ", ",
                                        plan.services().stream()
                                                .map(service -> service.name().value())
                                                .toList()));
            }
        }
    }

    static Plan withServices(Plan plan, List<Service> services) {
        return new Plan(
                plan.envoy(),
                plan.backend(),
                plan.ipv6(),
                plan.udp443(),
                plan.invalid(),
                plan.hostsPorts(),
                plan.except(),
                services,
                plan.inbound(),
                plan.dns(),
                plan.zones(),
                plan.interfaces());
    }
}
