package io.meshcapture.config;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Destination;
import io.meshcapture.plan.Dns;
import io.meshcapture.plan.Envoy;
import io.meshcapture.plan.From;
import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.HostsCapture;
import io.meshcapture.plan.Inbound;
import io.meshcapture.plan.Interfaces;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.Ports;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.Zone;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Makes the plan of a draft without problems: places go where the plan keeps them, defaults come in. */
final class PlanBuilder {
    private final PlanDraft draft;

    PlanBuilder(PlanDraft draft) {
        this.draft = draft;
    }

    Plan build() {
        List<Service> services = new ArrayList<>(draft.services().size());
        for (ServiceDraft service : draft.services()) {
            services.add(service(service));
        }
        return new Plan(
                new Envoy(
                        plain(draft.envoy().users()),
                        plain(draft.envoy().groups()),
                        draft.envoy().outbound().value(),
                        value(draft.envoy().inbound()),
                        value(draft.envoy().dns()),
                        value(draft.envoy().admin())),
                draft.backend().value(),
                draft.ipv6().value(),
                draft.udp443().value(),
                draft.invalid().value(),
                draft.hostsPorts().value(),
                plain(draft.except()),
                services,
                draft.envoy().inbound() == null ? null : inbound(draft.inbound()),
                draft.envoy().dns() == null ? null : dns(draft.dnsServers()),
                zones(),
                new Interfaces(plain(draft.exceptInterfaces()), plain(draft.outboundInterfaces())));
    }

    private Service service(ServiceDraft service) {
        List<Destination> to = plain(service.to());
        return new Service(
                service.name().value(),
                new From(
                        plain(service.users()),
                        plain(service.groups()),
                        plain(service.units()),
                        plain(service.cgroups()),
                        plain(service.networks())),
                to.isEmpty() ? List.of(Destination.any(service.name().origin())) : to,
                plain(service.except()),
                service.onEnvoyDown() == null
                        ? draft.onEnvoyDown().value()
                        : service.onEnvoyDown().plain().getFirst(),
                service.outbound() == null
                        ? draft.envoy().outbound().value()
                        : service.outbound().plain().getFirst(),
                service.hosts() == null ? null : hosts(service),
                service.name().origin());
    }

    private static HostsCapture hosts(ServiceDraft service) {
        Map<Port, Port> ports = new LinkedHashMap<>();
        for (ServiceDraft.PortPair pair : plain(service.ports())) {
            ports.put(pair.client(), pair.listener());
        }
        return new HostsCapture(plain(service.hosts()), ports, plain(service.instances()));
    }

    private static Inbound inbound(PlanDraft.InboundDraft inbound) {
        List<PortRange> to = new ArrayList<>();
        for (Ports ports : plain(inbound.to())) {
            to.addAll(ports.ranges());
        }
        List<PortRange> except = new ArrayList<>();
        boolean exceptEnvoy = false;
        for (Types.InboundPorts item : plain(inbound.except())) {
            except.addAll(item.ports().ranges());
            exceptEnvoy |= item.envoy();
        }
        return new Inbound(
                inbound.mode().value(),
                inbound.to() == null ? Ports.ALL : new Ports(to),
                new Ports(except),
                exceptEnvoy);
    }

    private static Dns dns(@Nullable Given<Types.DnsServer> servers) {
        Dns.Servers kind = Dns.Servers.RESOLV_CONF;
        List<Address> addresses = new ArrayList<>();
        for (Types.DnsServer server : plain(servers)) {
            kind = server.kind();
            if (server.address() != null) {
                addresses.add(server.address());
            }
        }
        return new Dns(kind, addresses);
    }

    private List<Zone> zones() {
        List<Zone> zones = new ArrayList<>();
        for (PlanDraft.ZoneDraft zone : draft.zones()) {
            for (HostPort frontProxy : plain(zone.frontProxy())) {
                zones.add(new Zone(
                        zone.name().value(),
                        plain(zone.networks()),
                        plain(zone.services()),
                        frontProxy,
                        zone.name().origin()));
            }
        }
        return zones;
    }

    private static <T> List<T> plain(@Nullable Given<T> given) {
        return given == null ? List.of() : given.plain();
    }

    private static <T> @Nullable T value(@Nullable Placed<T> placed) {
        return placed == null ? null : placed.value();
    }
}
