package io.meshcapture.config;

import io.meshcapture.failure.Failure;
import io.meshcapture.failure.Problem;
import io.meshcapture.plan.Account;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Destination;
import io.meshcapture.plan.Dns;
import io.meshcapture.plan.Inbound;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Ports;
import io.meshcapture.plan.Service;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A plan written as the flags that say the same, for who has no file: an initContainer. */
public final class PlanArguments {
    private static final String MEND = "write a plan with one service of its own, or bring the plan in by a ConfigMap";

    private PlanArguments() {}

    /**
     * The flags, each with its value in one argument. What the plan excepts for all services stands among the exceptions of
     * the one service.
     *
     * @param inboundExcept the inbound ports that are excepted, instead of the plan's
     * @throws Failure.Invalid where flags cannot say it: several services, zones, networks, ports of hosts services
     */
    public static List<String> of(Plan plan, Ports inboundExcept) {
        refuse(plan);
        List<String> arguments = new ArrayList<>();
        for (Setting setting : Setting.values()) {
            String text = text(setting, plan, inboundExcept);
            if (text != null && !text.isEmpty() && !text.equals(setting.defaultText())) {
                arguments.add(setting.flag() + "=" + text);
            }
        }
        addService(plan, plan.services().getFirst(), arguments);
        return List.copyOf(arguments);
    }

    /** Whether flags can say it. */
    public static boolean canSay(Plan plan) {
        return unsayable(plan).isEmpty();
    }

    private static void refuse(Plan plan) {
        List<String> found = unsayable(plan);
        if (!found.isEmpty()) {
            throw new Failure.Invalid(found.stream()
                    .map(what -> new Problem("flags cannot say " + what, "plan", MEND))
                    .toList());
        }
    }

    private static List<String> unsayable(Plan plan) {
        List<String> found = new ArrayList<>();
        if (plan.services().size() != 1) {
            found.add(plan.services().size() + " services");
        }
        for (Service service : plan.services()) {
            if (!service.from().networks().isEmpty()) {
                found.add("from.network in service " + service.name());
            }
            if (!service.outbound().equals(plan.envoy().outbound())) {
                found.add("a listener of its own in service " + service.name());
            }
            if (service.hosts() != null
                    && (!service.hosts().ports().isEmpty()
                            || !service.hosts().instances().isEmpty())) {
                found.add("ports or instances in service " + service.name());
            }
        }
        if (!plan.zones().isEmpty()) {
            found.add("zones");
        }
        return found;
    }

    private static @Nullable String text(Setting setting, Plan plan, Ports inboundExcept) {
        @Nullable Inbound inbound = plan.inbound();
        return switch (setting) {
            case ENVOY_USER -> joined(plan.envoy().users());
            case ENVOY_GROUP -> joined(plan.envoy().groups());
            case ENVOY_OUTBOUND -> plan.envoy().outbound().toString();
            case ENVOY_INBOUND -> text(plan.envoy().inbound());
            case ENVOY_DNS -> text(plan.envoy().dns());
            case ENVOY_ADMIN -> text(plan.envoy().admin());
            case BACKEND -> Choices.word(plan.backend());
            case IPV6 -> Choices.word(plan.ipv6());
            case UDP443 -> Choices.word(plan.udp443());
            case INVALID -> Choices.word(plan.invalid());
            case HOSTS_PORTS -> Choices.word(plan.hostsPorts());
            case ON_ENVOY_DOWN -> Choices.word(plan.services().getFirst().onEnvoyDown());
            case INBOUND_MODE -> inbound == null ? null : Choices.word(inbound.mode());
            case INBOUND_TO ->
                inbound == null || inbound.to().isAll() ? null : inbound.to().toString();
            case INBOUND_EXCEPT -> inbound == null ? null : inboundExcept(inbound, inboundExcept);
            case DNS_SERVERS -> plan.dns() == null ? null : servers(plan.dns());
            case INTERFACES_EXCEPT -> joined(plan.interfaces().except());
            case INTERFACES_OUTBOUND -> joined(plan.interfaces().outbound());
        };
    }

    private static @Nullable String text(@Nullable Object value) {
        return value == null ? null : value.toString();
    }

    /** The value of {@code --inbound-except} with these ports instead of the plan's. */
    public static String inboundExcept(Inbound inbound, Ports ports) {
        String text = ports.toString();
        return inbound.exceptEnvoy() ? (text.isEmpty() ? "envoy" : text + ",envoy") : text;
    }

    private static String servers(Dns dns) {
        return dns.servers() == Dns.Servers.LISTED
                ? joined(dns.addresses())
                : dns.servers() == Dns.Servers.ANY ? "any" : "resolv.conf";
    }

    private static String joined(List<?> values) {
        return values.stream().map(Object::toString).collect(Collectors.joining(","));
    }

    private static void addService(Plan plan, Service service, List<String> arguments) {
        arguments.add(ServiceFlag.SERVICE.flag() + "=" + service.name());
        for (Account user : service.from().users()) {
            arguments.add(ServiceFlag.FROM_USER.flag() + "=" + user);
        }
        for (Account group : service.from().groups()) {
            arguments.add(ServiceFlag.FROM_GROUP.flag() + "=" + group);
        }
        service.from().units().forEach(unit -> arguments.add(ServiceFlag.FROM_UNIT.flag() + "=" + unit));
        service.from().cgroups().forEach(cgroup -> arguments.add(ServiceFlag.FROM_CGROUP.flag() + "=" + cgroup));
        if (service.hosts() != null) {
            service.hosts().names().forEach(name -> arguments.add(ServiceFlag.HOST.flag() + "=" + name.value()));
            return;
        }
        for (Destination destination : service.to()) {
            arguments.add(ServiceFlag.TO.flag() + "=" + destination);
        }
        for (List<Destination> excepts : List.of(plan.except(), service.except())) {
            excepts.forEach(destination -> arguments.add(ServiceFlag.EXCEPT.flag() + "=" + destination));
        }
    }
}
