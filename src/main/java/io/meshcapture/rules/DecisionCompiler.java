package io.meshcapture.rules;

import io.meshcapture.failure.Failure;
import io.meshcapture.failure.Problem;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Dns;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.Rank;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Compiles a plan to its {@link Decision}. */
public final class DecisionCompiler {

    /**
     * What the plan leaves to the host.
     *
     * @param identities what names stand for
     * @param ipv6 what happens to IPv6; never {@link Choices.Ipv6#AUTO}
     * @param ephemeral the ports that the kernel gives to clients (net.ipv4.ip_local_port_range)
     * @param nameServers the DNS servers of resolv.conf; read only where the plan captures those
     * @param envoysPorts the ports that Envoy serves to others; asked only where the plan excepts those
     * @param names the addresses of services that capture by name and whose connections are redirected; services by name
     *     that have none here are left to Envoy's own listeners
     */
    public record Host(
            Identities identities,
            Choices.Ipv6 ipv6,
            PortRange ephemeral,
            List<Address> nameServers,
            SortedSet<Integer> envoysPorts,
            Map<ServiceName, LoopbackAddress> names) {
        public Host {
            nameServers = List.copyOf(nameServers);
        }

        /** Without other ports of Envoy than those of the plan, and without names. */
        public Host(Identities identities, Choices.Ipv6 ipv6, PortRange ephemeral, List<Address> nameServers) {
            this(identities, ipv6, ephemeral, nameServers, new TreeSet<>(), Map.of());
        }

        /** Without DNS servers. */
        public Host(Identities identities, Choices.Ipv6 ipv6, PortRange ephemeral) {
            this(identities, ipv6, ephemeral, List.of());
        }
    }

    private final Plan plan;
    private final Host host;
    private final List<Problem> problems = new ArrayList<>();
    private final ServiceCompiler services;

    private DecisionCompiler(Plan plan, Host host) {
        this.plan = plan;
        this.host = host;
        List<Family> families =
                host.ipv6() == Choices.Ipv6.BYPASS ? List.of(Family.IPV4) : List.of(Family.IPV4, Family.IPV6);
        this.services = new ServiceCompiler(host.identities(), families, problems);
    }

    /**
     * The plan's decision.
     *
     * @throws Failure.Invalid with everything that cannot be resolved, and every service that can never decide anything
     */
    public static Decision compile(Plan plan, Host host) {
        return compile(plan, host, Map.of());
    }

    /**
     * The plan's decision, with some services as they stand in the live state instead of as the plan has them.
     *
     * @param standing services that are to stay as they are, by name; one that the plan does not know is asked last in
     *     its rank
     */
    public static Decision compile(Plan plan, Host host, Map<ServiceName, ServiceRules> standing) {
        return new DecisionCompiler(plan, host).compile(standing);
    }

    private Decision compile(Map<ServiceName, ServiceRules> standing) {
        SortedSet<Long> users = services.sortedIds(plan.envoy().users());
        SortedSet<Long> groups = services.sortedIds(plan.envoy().groups());
        List<Entry> exceptions = services.entries(null, CallerKey.ANYBODY, plan.except(), null);

        Map<ServiceName, ServiceRules> left = new TreeMap<>(standing);
        List<ServiceRules> asked = new ArrayList<>();
        for (Service service : plan.services()) {
            ServiceRules stands = left.remove(service.name());
            if (stands != null) {
                asked.add(stands);
            } else if (service.hosts() == null) {
                asked.add(services.compile(service));
            } else {
                LoopbackAddress address = host.names().get(service.name());
                if (address != null) {
                    asked.add(ServiceCompiler.named(service, service.hosts(), address));
                }
            }
        }
        if (problems.isEmpty()) {
            List<ServiceRules> byAddress = asked.stream()
                    .filter(service -> service.rank() != Rank.NAME)
                    .toList();
            problems.addAll(NeverAsked.among(byAddress, exceptions, users, groups));
        }
        if (!problems.isEmpty()) {
            throw new Failure.Invalid(problems);
        }
        asked.addAll(left.values());

        List<Step> steps = new ArrayList<>(guards(users, groups, look(Rank.NAME, asked)));
        if (!exceptions.isEmpty()) {
            steps.add(new Step.Lookup(null, 1, exceptions));
        }
        for (Rank rank : Rank.values()) {
            if (rank != Rank.NAME) {
                steps.addAll(look(rank, asked));
            }
        }
        TreeMap<Integer, Port> listeners = new TreeMap<>();
        List<ServiceFacts> facts = new ArrayList<>();
        for (ServiceRules service : asked) {
            facts.add(new ServiceFacts(service.name(), service.digest()));
            service.to().forEach(entry -> {
                if (entry.listener() != null) {
                    listeners.put(entry.listener().number(), entry.listener());
                }
            });
        }
        return new Decision(
                steps,
                endings(),
                List.copyOf(listeners.values()),
                facts,
                InboundCompiler.compile(plan, host),
                forwarding(asked, exceptions));
    }

    private static List<Step.Lookup> look(Rank rank, List<ServiceRules> asked) {
        return Layers.lay(
                rank,
                asked.stream()
                        .filter(service -> service.rank() == rank)
                        .map(ServiceRules::ofThisHost)
                        .toList());
    }

    private @Nullable Forwarding forwarding(List<ServiceRules> asked, List<Entry> exceptions) {
        if (plan.interfaces().outbound().isEmpty()) {
            return null;
        }
        List<Step> steps = new ArrayList<>();
        Step.Dns dns = dns();
        steps.add(new Step.OtherProtocols(plan.udp443() == Choices.Udp443.REJECT, dns != null));
        steps.add(new Step.Underway());
        steps.add(new Step.OwnAddresses()); // what a resolver here asks for its guests is asked of this host's own path
        if (dns == null) {
            steps.add(new EitherWay.LinkLocal());
            steps.addAll(neverCaptured());
        } else {
            steps.addAll(neverCaptured());
            steps.add(dns);
            steps.add(new Step.OtherDns());
            steps.add(new EitherWay.LinkLocal());
        }
        if (!exceptions.isEmpty()) {
            steps.add(new Step.Lookup(null, 1, exceptions));
        }
        steps.addAll(Layers.lay(
                Rank.ANY,
                asked.stream()
                        .filter(service -> service.rank() == Rank.ANY)
                        .map(ServiceRules::ofForwarded)
                        .toList()));
        return new Forwarding(plan.interfaces().outbound(), steps);
    }

    /** @param names look-ups of services by name, which come before the guard that leaves loopback alone */
    private List<Step> guards(SortedSet<Long> users, SortedSet<Long> groups, List<Step.Lookup> names) {
        boolean quicToo = plan.udp443() == Choices.Udp443.REJECT;
        List<Step> guards = new ArrayList<>();
        Step.Dns dns = dns();
        guards.add(new Step.OtherProtocols(quicToo, dns != null));
        guards.add(new EitherWay.OpenConnections(host.ephemeral()));
        if (!plan.interfaces().except().isEmpty()) {
            guards.add(new EitherWay.ExceptInterfaces(plan.interfaces().except()));
        }
        if (plan.inbound() != null) {
            guards.add(new Step.EnvoyToItself(new TreeSet<>(users), new TreeSet<>(groups)));
        }
        guards.add(new Step.EnvoyUsers(new TreeSet<>(users)));
        guards.add(new Step.EnvoyGroups(new TreeSet<>(groups)));
        if (dns == null) {
            guards.addAll(names);
            guards.add(new Step.OwnAddresses());
            guards.add(new EitherWay.LinkLocal());
            guards.addAll(neverCaptured());
        } else { // servers may have addresses of these two kinds
            guards.addAll(neverCaptured());
            guards.add(dns);
            guards.add(new Step.OtherDns());
            guards.addAll(names);
            guards.add(new Step.OwnAddresses());
            guards.add(new EitherWay.LinkLocal());
        }
        return guards;
    }

    private List<Step> neverCaptured() {
        List<Step> guards = new ArrayList<>(List.of(new Step.Multicast(), new Step.Broadcast()));
        if (host.ipv6() == Choices.Ipv6.BYPASS) {
            guards.add(new EitherWay.Ipv6Bypass());
        }
        return guards;
    }

    private Step.@Nullable Dns dns() {
        Dns dns = plan.dns();
        Port listener = plan.envoy().dns();
        if (dns == null || listener == null) {
            return null;
        }
        return new Step.Dns(
                dns.servers() == Dns.Servers.ANY,
                switch (dns.servers()) {
                    case ANY -> new TreeSet<>();
                    case LISTED -> new TreeSet<>(dns.addresses());
                    case RESOLV_CONF -> new TreeSet<>(host.nameServers());
                },
                listener);
    }

    private List<Decision.Ending> endings() {
        List<Decision.Ending> endings = new ArrayList<>();
        if (host.ipv6() == Choices.Ipv6.REJECT) {
            endings.add(Decision.Ending.REJECT_IPV6);
        }
        if (plan.udp443() == Choices.Udp443.REJECT) {
            endings.add(Decision.Ending.REJECT_QUIC);
        }
        if (plan.invalid() == Choices.Invalid.DROP) {
            endings.add(Decision.Ending.DROP_INVALID);
        }
        endings.add(Decision.Ending.REDIRECT);
        return endings;
    }
}
