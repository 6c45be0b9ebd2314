package io.meshcapture.envoy;

import io.meshcapture.plan.Account;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Zone;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** What a person should know of a configuration: as its first comment, and as notes beside it. */
final class Remarks {
    private final Plan plan;
    private final EnvoyHost host;
    private final List<NamedService> named;
    private final List<OutboundListener> outbound;
    private final List<Address> nameServers;

    Remarks(
            Plan plan,
            EnvoyHost host,
            List<NamedService> named,
            List<OutboundListener> outbound,
            List<Address> nameServers) {
        this.plan = plan;
        this.host = host;
        this.named = named;
        this.outbound = outbound;
        this.nameServers = nameServers;
    }

    /** What the file is, how it is used, and what Envoy needs for it. */
    String head() {
        List<String> lines = new ArrayList<>();
        lines.add("Envoy's bootstrap for a meshcapture plan, by meshcapture envoy-config. Check and start it with");
        lines.add("");
        lines.add("  envoy --mode validate -c envoy.yaml");
        lines.add("  envoy -c envoy.yaml");
        lines.add("");
        lines.add("as " + identity() + ", whose own traffic is never captured." + privileges());
        lines.add("");
        lines.add(
                EnvoyVersion.tried() + " To send a name elsewhere, give the plan a service with hosts and instances:"
                        + " its routes and its cluster are printed too, and what was edited here is lost when it is printed again.");
        return String.join("\n", lines);
    }

    private String identity() {
        List<String> words = new ArrayList<>();
        if (!plan.envoy().users().isEmpty()) {
            words.add("user " + names(plan.envoy().users()));
        }
        if (!plan.envoy().groups().isEmpty()) {
            words.add("group " + names(plan.envoy().groups()));
        }
        return String.join(" or ", words);
    }

    private static String names(List<Account> accounts) {
        return String.join(" or ", accounts.stream().map(Account::text).toList());
    }

    private String privileges() {
        Map<String, String> needed = new LinkedHashMap<>();
        if (plan.inbound() != null && plan.inbound().mode() == Choices.InboundMode.TPROXY) {
            needed.put("CAP_NET_ADMIN", "to take connections that were meant for others (mode: tproxy)");
        }
        String low = lowPorts();
        if (!low.isEmpty()) {
            needed.put("CAP_NET_BIND_SERVICE", low);
        }
        StringBuilder text = new StringBuilder();
        needed.forEach((capability, why) -> text.append("\nIt needs the capability ")
                .append(capability)
                .append(' ')
                .append(why)
                .append('.'));
        return text.toString();
    }

    /** {@code for ports below 1024: 443}; empty where there are none. */
    private String lowPorts() {
        int first = host.firstUnprivilegedPort();
        List<String> low = ports().stream()
                .filter(port -> port < first)
                .map(String::valueOf)
                .toList();
        return low.isEmpty() ? "" : "for ports below " + first + ": " + String.join(", ", low);
    }

    /** That Envoy listens on. */
    private SortedSet<Integer> ports() {
        SortedSet<Integer> ports = new TreeSet<>();
        sockets().forEach(socket -> ports.add(socket.port().number()));
        return ports;
    }

    /** Where Envoy listens. */
    private record Place(Address address, Port port) {}

    private List<Place> sockets() {
        List<Place> sockets = new ArrayList<>();
        boolean forwards = !plan.interfaces().outbound().isEmpty();
        outbound.forEach(listener -> add(listener.port(), forwards && !listener.isEgress(), sockets));
        if (plan.envoy().inbound() != null) {
            add(plan.envoy().inbound(), true, sockets);
        }
        if (plan.envoy().dns() != null) {
            add(plan.envoy().dns(), forwards, sockets);
        }
        AdminAddress admin = AdminAddress.of(plan, host);
        if (admin != null) {
            sockets.add(new Place(admin.address(), admin.port()));
        }
        if (plan.hostsPorts() == Choices.HostsPorts.LISTENERS) {
            for (NamedService service : named) {
                if (service.address() != null) {
                    service.clientPorts().forEach(port -> sockets.add(new Place(service.address(), port)));
                }
            }
        }
        return sockets;
    }

    private void add(Port port, boolean arrives, List<Place> sockets) {
        sockets.add(new Place(arrives ? Sockets.ANY_IPV4 : Address.LOOPBACK_IPV4, port));
        if (Listeners.servesIpv6(plan, host)) {
            sockets.add(new Place(arrives ? Sockets.ANY_IPV6 : Address.LOOPBACK_IPV6, port));
        }
    }

    /** Who has them, by port. */
    private SortedMap<Integer, String> taken() {
        SortedMap<Integer, String> taken = new TreeMap<>();
        for (Place place : sockets()) {
            String owner = host.taken().by(place.address(), place.port());
            if (!owner.isEmpty()) {
                taken.putIfAbsent(place.port().number(), owner);
            }
        }
        return taken;
    }

    /** What cannot be, and what the user should know. */
    List<String> notes() {
        List<String> notes = new ArrayList<>();
        boolean asksForIpv6 = plan.ipv6() == Choices.Ipv6.CAPTURE;
        if (asksForIpv6 && !host.ipv6()) {
            notes.add(
                    "this host has no IPv6, and a listener there would end Envoy: none is printed, although the plan says"
                            + " ipv6: capture; run envoy-config where Envoy runs");
        }
        if (plan.dns() != null && nameServers.isEmpty()) {
            notes.add(
                    "no DNS server is known here that Envoy could ask, so it goes by its own resolv.conf, and DNS over"
                            + " TCP has no listener; name the servers with dns.servers, or run envoy-config where Envoy runs");
        }
        if (!plan.interfaces().outbound().isEmpty()) {
            notes.add(
                    "with interfaces.outbound Envoy listens on all addresses: keep everybody but the guests away from its ports,"
                            + " with a firewall"
                            + (plan.dns() == null ? "" : "; its DNS listener answers whoever asks"));
        }
        if (!named.isEmpty() && plan.hostsPorts() == Choices.HostsPorts.AUTO) {
            notes.add(
                    "hosts-ports: auto is printed as redirect; where apply finds no netfilter, write hosts-ports: listeners");
        }
        for (NamedService service : named) {
            if (service.address() == null) {
                notes.add("service " + service.service().name()
                        + " has no address here yet, so that only those who tell"
                        + " its name reach it; print the configuration again once it is applied");
            }
        }
        for (Zone zone : plan.zones()) {
            if (!zone.networks().isEmpty()) {
                notes.add("zone " + zone.name()
                        + ": its front proxy routes HTTP by Host and TLS by SNI; what carries no name"
                        + " goes on to its original destination in the zone's networks, as without Envoy");
            }
        }
        if (!named.isEmpty() && !OutboundListener.isFree(OutboundListener.EGRESS_PORT, plan)) {
            notes.add("port " + OutboundListener.EGRESS_PORT
                    + " is taken by the plan, so there is no listener for those who ask for services by name");
        }
        if (!lowPorts().isEmpty()) {
            notes.add("Envoy needs the capability CAP_NET_BIND_SERVICE " + lowPorts()
                    + "; without it, Envoy ends at its start");
        }
        taken().forEach((port, owner) ->
                notes.add("port " + port + ", on which Envoy is to listen, is taken here by " + owner
                        + ", so that Envoy would end at its start; end that program, or have it or Envoy listen on"
                        + " another port"));
        if (!AdminAddress.exposure(plan).isEmpty()) {
            notes.add(AdminAddress.exposure(plan));
        }
        if (plan.envoy().admin() != null && AdminAddress.of(plan, host) == null) {
            notes.add("this host has no IPv6, and an admin interface at "
                    + plan.envoy().admin()
                    + " would end Envoy: none is printed; write envoy.admin: 127.0.0.1:"
                    + plan.envoy().admin().port());
        }
        if (plan.envoy().admin() == null) {
            notes.add(
                    "the plan has no envoy.admin, so Envoy gets no admin interface, and whether it is ready is told by"
                            + " its listeners alone");
        }
        return notes;
    }
}
