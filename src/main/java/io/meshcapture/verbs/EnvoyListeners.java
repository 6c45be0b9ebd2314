package io.meshcapture.verbs;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.HostsCapture;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Service;
import io.meshcapture.system.HostFacts;
import io.meshcapture.system.SocketTable;
import io.meshcapture.system.SocketTable.Listening;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Whether somebody listens where the plan sends captured connections. */
final class EnvoyListeners {

    static final Address ANY_IPV4 = Address.ipv4(0);
    private static final Address ANY_IPV6 = new Address(Family.IPV6, 0, 0);

    private final List<Listening> listening;
    private final List<Port> ports;

    /** Those that only connections to names are sent to: over IPv4, since names lead to 127.66.0.0/16. */
    private final List<Port> named;

    /** Those that must take what arrives: the inbound one, and those that guests of this host are sent to. */
    private final List<Port> arrivals;

    private final boolean forwards;
    private final @Nullable DnsListener dns;

    private EnvoyListeners(
            List<Listening> listening,
            List<Port> ports,
            List<Port> named,
            @Nullable Port inbound,
            boolean forwards,
            @Nullable DnsListener dns) {
        this.listening = listening;
        this.ports = ports;
        this.named = named;
        this.forwards = forwards;
        this.dns = dns;
        this.arrivals = new ArrayList<>(forwards ? ports : List.of());
        if (inbound != null) {
            arrivals.add(inbound);
        }
    }

    /** The listeners that a plan needs, and who listens in this namespace now. */
    static EnvoyListeners of(Plan plan) {
        TreeMap<Integer, Port> ports = new TreeMap<>();
        TreeMap<Integer, Port> named = new TreeMap<>();
        for (Service service : plan.services()) {
            if (service.hosts() == null) {
                ports.put(service.outbound().number(), service.outbound());
            } else if (HostsPorts.areRedirected(plan)) {
                redirected(service, service.hosts()).forEach(port -> named.put(port.number(), port));
            }
        }
        named.keySet().removeAll(ports.keySet());
        List<Listening> listening = SocketTable.listening();
        Port dns = plan.envoy().dns();
        return new EnvoyListeners(
                listening,
                List.copyOf(ports.values()),
                List.copyOf(named.values()),
                plan.inbound() == null ? null : plan.envoy().inbound(),
                !plan.interfaces().outbound().isEmpty(),
                dns == null ? null : DnsListener.of(dns, listening));
    }

    private static Collection<Port> redirected(Service service, HostsCapture hosts) {
        return hosts.ports().isEmpty()
                ? List.of(service.outbound())
                : hosts.ports().values();
    }

    /** Envoy's listener for captured DNS, or null where the plan captures none. */
    @Nullable
    DnsListener dns() {
        return dns;
    }

    private boolean serves(Port port, Address loopback) {
        return listening.stream().anyMatch(one -> one.port() == port.number() && one.serves(loopback));
    }

    /**
     * Whether somebody takes what arrives: a redirect there leads to an address of the interface, never to loopback.
     *
     * @param any the address of all zeros of the family
     */
    private boolean takesArrivals(Port port, Address any) {
        return listening.stream().anyMatch(one -> one.port() == port.number() && one.takesArrivals(any));
    }

    /** @throws Failure.Conflict where a listener that must take what arrives is there, on loopback alone */
    void requireReachable() {
        for (Port port : arrivals) {
            boolean isThere = serves(port, Address.LOOPBACK_IPV4) || serves(port, Address.LOOPBACK_IPV6);
            if (isThere && !takesArrivals(port, ANY_IPV4) && !takesArrivals(port, ANY_IPV6)) {
                throw onLoopbackOnly("connection", port);
            }
        }
        if (dns != null && forwards && dns.isThere() && !dns.takesArrivals(ANY_IPV4) && !dns.takesArrivals(ANY_IPV6)) {
            throw onLoopbackOnly("DNS query", dns.port());
        }
    }

    private static Failure.Conflict onLoopbackOnly(String what, Port port) {
        return new Failure.Conflict(
                "every captured " + what + " that arrives would be refused",
                "Envoy's listener " + port + " is on loopback only, and what arrives is sent to the address of"
                        + " the interface",
                "have Envoy listen on 0.0.0.0:" + port + " and [::]:" + port);
    }

    /**
     * A place where Envoy has to listen.
     *
     * @param place where
     * @param serving who listens there, if anybody
     */
    record Need(ListenerAddress place, List<Listening> serving) {}

    /** @param ipv6 whether it has to listen there for IPv6 too */
    List<Need> needed(boolean ipv6) {
        List<Need> needed = new ArrayList<>();
        for (Port port : ports) {
            needed.add(onLoopback(port, Address.LOOPBACK_IPV4));
            if (ipv6) {
                needed.add(onLoopback(port, Address.LOOPBACK_IPV6));
            }
        }
        named.forEach(port -> needed.add(onLoopback(port, Address.LOOPBACK_IPV4)));
        for (Port port : arrivals) {
            for (Address any : ipv6 ? List.of(ANY_IPV4, ANY_IPV6) : List.of(ANY_IPV4)) {
                needed.add(new Need(
                        new ListenerAddress(any, port),
                        listening.stream()
                                .filter(one -> one.port() == port.number() && one.takesArrivals(any))
                                .toList()));
            }
        }
        if (dns != null) {
            needed.addAll(dns.needed(ipv6, forwards));
        }
        return needed;
    }

    private Need onLoopback(Port port, Address loopback) {
        return new Need(
                new ListenerAddress(loopback, port),
                listening.stream()
                        .filter(one -> one.port() == port.number() && one.serves(loopback))
                        .toList());
    }

    MissingListeners missing(Choices.Ipv6 ipv6) {
        return new MissingListeners(needed(ipv6 == Choices.Ipv6.CAPTURE && HostFacts.hasIpv6()).stream()
                .filter(need -> need.serving().isEmpty())
                .map(Need::place)
                .toList());
    }

    /** Whether captured connections or queries are sent to a port. */
    boolean needs(int port) {
        return ports.stream().anyMatch(one -> one.number() == port)
                || named.stream().anyMatch(one -> one.number() == port)
                || arrivals.stream().anyMatch(one -> one.number() == port)
                || (dns != null && dns.port().number() == port);
    }

    /**
     * Where a connection from this host must be accepted, as far as somebody listens there: on loopback, and where what arrives
     * is taken by addresses of interfaces alone, on one of those.
     */
    Set<Listening> doors() {
        Set<Listening> doors = new LinkedHashSet<>();
        List<Port> all = new ArrayList<>(ports);
        all.addAll(named);
        all.addAll(arrivals);
        if (dns != null) {
            all.add(dns.port());
        }
        for (Port port : all) {
            for (Address loopback : List.of(Address.LOOPBACK_IPV4, Address.LOOPBACK_IPV6)) {
                listening.stream()
                        .filter(one ->
                                one.port() == port.number() && one.address().family() == loopback.family())
                        .findFirst()
                        .ifPresent(one -> doors.add(one.serves(loopback) ? one.at(loopback) : one));
            }
        }
        return doors;
    }

    /** Whether only the listener for DNS can say what Envoy takes. */
    private boolean isDnsAlone() {
        return ports.isEmpty() && arrivals.isEmpty();
    }

    private boolean isDnsForIpv4Only() {
        return isDnsAlone() && dns != null && dns.isForIpv4Only();
    }

    /** Whether some listener is there for IPv4, and none for IPv6 on its port. */
    boolean isForIpv4Only() {
        return HostFacts.hasIpv6()
                && (isDnsForIpv4Only()
                        || ports.stream()
                                .anyMatch(port ->
                                        serves(port, Address.LOOPBACK_IPV4) && !serves(port, Address.LOOPBACK_IPV6))
                        || arrivals.stream()
                                .anyMatch(port -> takesArrivals(port, ANY_IPV4) && !takesArrivals(port, ANY_IPV6)));
    }

    /**
     * What happens to IPv6: the plan's word, and for {@code auto} what Envoy can take. While Envoy does not listen at all,
     * {@code auto} keeps what stands, or captures.
     *
     * @param areStrangers whether those who listen are not Envoy, so that they say nothing of it
     * @throws Failure.Conflict where the plan says capture and Envoy listens for IPv4 only
     */
    Choices.Ipv6 ipv6(
            Choices.Ipv6 asked, Choices.@Nullable Ipv6 standing, BooleanSupplier areStrangers, List<String> notes) {
        if (asked == Choices.Ipv6.CAPTURE && isForIpv4Only()) {
            throw new Failure.Conflict(
                    "IPv6 would be captured and nobody listens there",
                    "Envoy listens on 127.0.0.1 only, and the plan says ipv6: capture",
                    "add [::1] to Envoy's listener, or write ipv6: auto, reject or bypass");
        }
        if (asked != Choices.Ipv6.AUTO) {
            return asked;
        }
        if (isForIpv4Only() && areStrangers.getAsBoolean()) {
            return standing == null ? Choices.Ipv6.CAPTURE : standing;
        }
        if (isForIpv4Only()) {
            notes.add("IPv6 is rejected, because Envoy listens on 127.0.0.1 only; clients fall back to IPv4;"
                    + " add [::1] to Envoy's listener to have it captured, or write ipv6: bypass to leave it direct");
            return Choices.Ipv6.REJECT;
        }
        boolean anyThere = ports.stream()
                        .anyMatch(port -> serves(port, Address.LOOPBACK_IPV4) || serves(port, Address.LOOPBACK_IPV6))
                || arrivals.stream().anyMatch(port -> takesArrivals(port, ANY_IPV4) || takesArrivals(port, ANY_IPV6))
                || (isDnsAlone() && dns != null && dns.isThere());
        return anyThere || standing == null ? Choices.Ipv6.CAPTURE : standing;
    }
}
