package io.meshcapture.verbs;

import io.meshcapture.backend.nftables.LiveState;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Interfaces;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.DecisionCompiler;
import io.meshcapture.rules.ServiceRules;
import io.meshcapture.rules.Step;
import io.meshcapture.system.HostFacts;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

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
     * @param selected the services that are to be as the plan has them, empty for all; the others stay as they stand
     */
    static Wanted of(Plan plan, Set<ServiceName> selected, LiveState live) {
        requireKnown(plan, selected);
        Plan relevant = plan;
        Map<ServiceName, ServiceRules> standing = Map.of();
        if (!selected.isEmpty()) {
            standing = new LinkedHashMap<>(live.standing());
            standing.keySet().removeAll(selected);
            Map<ServiceName, ServiceRules> stays = standing;
            relevant = withServices(
                    plan,
                    plan.services().stream()
                            .filter(service -> selected.contains(service.name()) || stays.containsKey(service.name()))
                            .toList());
        }
        Supported.require(relevant);
        List<String> notes = new ArrayList<>();
        noteMissing(relevant.interfaces(), notes);
        EnvoyListeners envoy = EnvoyListeners.of(relevant);
        envoy.requireReachable();
        Choices.Ipv6 ipv6 = envoy.ipv6(plan.ipv6(), live.ipv6(), notes);
        Decision decision = DecisionCompiler.compile(relevant, host(ipv6), standing);
        return new Wanted(decision, ipv6, envoy, notes);
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

    /** Whether a service is captured. */
    boolean captures(String service) {
        return decision.services().stream().anyMatch(one -> one.name().value().equals(service));
    }

    /** Envoy's users, by number. */
    Set<Long> envoyUsers() {
        for (Step step : decision.steps()) {
            if (step instanceof Step.EnvoyUsers envoy) {
                return envoy.uids();
            }
        }
        return Set.of();
    }

    /** Envoy's listeners that belong to others, whose connections would be captured again and again. */
    List<String> listenersOfStrangers() {
        for (Step step : decision.steps()) {
            if (step instanceof Step.EnvoyGroups envoy && !envoy.gids().isEmpty()) {
                return List.of(); // told by their group, which no socket says
            }
        }
        return envoy.ofStrangers(envoyUsers(), ipv6);
    }

    String envoyUsersInWords() {
        return envoyUsers().stream().map(String::valueOf).collect(Collectors.joining(", "));
    }

    /** What is asked of the host when a plan is compiled. */
    static DecisionCompiler.Host host(Choices.Ipv6 ipv6) {
        return new DecisionCompiler.Host(new HostIdentities(), ipv6, HostFacts.ephemeralPorts());
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

    private static Plan withServices(Plan plan, List<Service> services) {
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
