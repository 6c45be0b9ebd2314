package io.meshcapture.envoy;

import io.meshcapture.envoy.NamedService.Upstream;
import io.meshcapture.plan.Account;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Zone;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of an Envoy that serves everything in a plan.
 *
 * @param text the bootstrap
 * @param listeners the file of its listeners, or null where they stand in the bootstrap
 * @param clusters the file of its clusters, or null where they stand in the bootstrap
 * @param notes what the user should know
 */
public record Bootstrap(
        String text, @Nullable String listeners, @Nullable String clusters, List<String> notes) {

    private static final int PRIVILEGED = 1024;
    private static final Port HTTP = new Port(80);
    private static final Port HTTPS = new Port(443);

    public Bootstrap {
        notes = List.copyOf(notes);
    }

    /** Of a plan, for a host. */
    public static Bootstrap of(Plan plan, EnvoyHost host, Delivery delivery) {
        return new Writer(plan, host, delivery).write();
    }

    /** Collects what goes into which file. */
    private static final class Writer {
        private final Plan plan;
        private final EnvoyHost host;
        private final Delivery delivery;
        private final List<String> notes = new ArrayList<>();
        private final List<NamedService> named;
        private final List<OutboundListener> outbound;
        private final List<Address> nameServers;

        Writer(Plan plan, EnvoyHost host, Delivery delivery) {
            this.plan = plan;
            this.host = host;
            this.delivery = delivery;
            this.named = NamedService.of(plan, host, delivery, notes);
            this.outbound = OutboundListener.of(plan, named);
            this.nameServers = plan.dns() == null ? List.of() : host.nameServersOf(plan.dns());
        }

        Bootstrap write() {
            Said inListeners = new Said();
            Said inClusters = new Said();
            List<Message> listeners = listeners(inListeners);
            List<Message> clusters = clusters(inClusters);
            List<Message> structural = new ArrayList<>();
            if (delivery.controlPlane() != null) {
                structural.add(new Clusters(host, inClusters).controlPlane(delivery.controlPlane()));
            }
            Message statics = new Message();
            if (delivery.listeners() == null) {
                statics.withAny("listeners", listeners);
            }
            if (delivery.clusters() == null) {
                structural.addAll(0, clusters);
            }
            statics.withAny("clusters", structural);
            Message root = new Message();
            if (!delivery.isStatic()) {
                root.because(
                                "How a control plane and Envoy's own logs know this Envoy; both are required where not all is static.")
                        .with("node", new Message().with("id", host.name()).with("cluster", "meshcapture"));
            }
            HostPort admin = plan.envoy().admin();
            if (admin != null) {
                root.with("admin", new Message().with("address", Sockets.tcp(admin.host(), admin.port())));
            }
            if (!delivery.isStatic()) {
                root.with("dynamic_resources", dynamic());
            }
            if (!statics.fields().isEmpty()) {
                root.with("static_resources", statics);
            }
            noteWhatCannotBe();
            return new Bootstrap(
                    ConfigText.of(head(), root),
                    delivery.listeners() == null
                            ? null
                            : resources("listeners", "envoy.config.listener.v3.Listener", listeners),
                    delivery.clusters() == null
                            ? null
                            : resources("clusters", "envoy.config.cluster.v3.Cluster", clusters),
                    notes);
        }

        private List<Message> listeners(Said said) {
            FilterChains chains = new FilterChains(said, delivery.clustersComeLater());
            Routing routing = new Routing(plan, named, chains, said);
            Listeners listeners = new Listeners(plan, host, said, chains, routing);
            List<Message> all = new ArrayList<>();
            for (OutboundListener one : outbound) {
                all.add(listeners.outbound(one));
            }
            if (plan.hostsPorts() == Choices.HostsPorts.LISTENERS) {
                for (NamedService service : named) {
                    if (service.address() != null) {
                        for (Port port : clientPorts(service)) {
                            all.add(listeners.named(service, service.address(), port));
                        }
                    }
                }
            }
            if (plan.inbound() != null && plan.envoy().inbound() != null) {
                all.add(listeners.inbound(plan.envoy().inbound(), plan.inbound().mode()));
            }
            if (plan.dns() != null && plan.envoy().dns() != null) {
                all.addAll(DnsListeners.of(plan.envoy().dns(), Listeners.servesIpv6(plan, host), nameServers));
            }
            return all;
        }

        /** The ports that clients of a service use, as far as the plan tells them. */
        private static Set<Port> clientPorts(NamedService service) {
            if (service.service().hosts() != null
                    && !service.service().hosts().ports().isEmpty()) {
                return service.service().hosts().ports().keySet();
            }
            Set<Port> ports = new LinkedHashSet<>();
            service.http().instances().forEach(instance -> ports.add(instance.port()));
            return ports.isEmpty() ? Set.of(HTTP, HTTPS) : ports;
        }

        private List<Message> clusters(Said said) {
            Clusters clusters = new Clusters(host, said);
            List<Message> all = new ArrayList<>();
            all.add(clusters.noEndpoint());
            for (OutboundListener listener : outbound) {
                if (!listener.isEgress()) {
                    all.add(clusters.originalDestination(listener));
                }
            }
            if (plan.inbound() != null) {
                all.add(clusters.thisHost());
            }
            if (!nameServers.isEmpty()) {
                all.add(clusters.nameServers(nameServers));
            }
            if (delivery.controlPlane() == null) {
                for (NamedService service : named) {
                    for (Upstream upstream : service.upstreams()) {
                        all.add(clusters.service(upstream));
                    }
                }
            }
            for (Zone zone : plan.zones()) {
                if (!zone.networks().isEmpty()) {
                    all.add(clusters.frontProxy(zone));
                }
            }
            return all;
        }

        private Message dynamic() {
            Message dynamic = new Message();
            if (delivery.listeners() != null) {
                dynamic.because("Envoy sees a new file only when it is renamed into place.")
                        .with("lds_config", file(delivery.listeners()));
            }
            if (delivery.clusters() != null) {
                dynamic.with("cds_config", file(delivery.clusters()));
            }
            if (delivery.controlPlane() != null) {
                Message grpc = new Message()
                        .with(
                                "envoy_grpc",
                                new Message()
                                        .with("cluster_name", Clusters.CONTROL_PLANE)
                                        .inline());
                dynamic.because("The control plane serves the clusters "
                                + (named.isEmpty()
                                        ? "that you add"
                                        : "of the services that are called by name, under the services' names")
                                + ", and their endpoints.")
                        .with(
                                "cds_config",
                                new Message()
                                        .with("ads", new Message())
                                        .with("resource_api_version", "V3")
                                        .inline())
                        .with(
                                "ads_config",
                                new Message()
                                        .with("api_type", "GRPC")
                                        .with("transport_api_version", "V3")
                                        .with("grpc_services", List.of(grpc)));
            }
            return dynamic;
        }

        private static Message file(Path path) {
            return new Message()
                    .with("path_config_source", new Message().with("path", path.toString()))
                    .with("resource_api_version", "V3")
                    .inline();
        }

        private String resources(String what, String type, List<Message> messages) {
            List<Message> typed = new ArrayList<>();
            for (Message message : messages) {
                Message resource = new Message().with("@type", "type.googleapis.com/" + type);
                message.fields()
                        .forEach((name, field) -> resource.because(field.why()).with(name, field.value()));
                typed.add(resource);
            }
            return ConfigText.of(
                    "Envoy's " + what
                            + " for a meshcapture plan, by meshcapture envoy-config. Envoy sees a new one only when"
                            + " it is renamed into place.",
                    new Message().with("resources", typed));
        }

        private String head() {
            List<String> lines = new ArrayList<>();
            lines.add("Envoy's bootstrap for a meshcapture plan, by meshcapture envoy-config. Check and start it with");
            lines.add("");
            lines.add("  envoy --mode validate -c envoy.yaml");
            lines.add("  envoy -c envoy.yaml");
            lines.add("");
            lines.add("as " + identity() + ", whose own traffic is never captured." + privileges());
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
            List<Integer> low = lowPorts();
            if (!low.isEmpty()) {
                needed.put(
                        "CAP_NET_BIND_SERVICE",
                        "for ports below " + PRIVILEGED + ": "
                                + String.join(
                                        ", ", low.stream().map(String::valueOf).toList()));
            }
            StringBuilder text = new StringBuilder();
            needed.forEach((capability, why) -> text.append("\nIt needs the capability ")
                    .append(capability)
                    .append(' ')
                    .append(why)
                    .append('.'));
            return text.toString();
        }

        /** Listeners that only a privileged process may open. */
        private List<Integer> lowPorts() {
            Set<Integer> ports = new LinkedHashSet<>();
            outbound.forEach(listener -> ports.add(listener.port().number()));
            if (plan.envoy().inbound() != null) {
                ports.add(plan.envoy().inbound().number());
            }
            if (plan.envoy().dns() != null) {
                ports.add(plan.envoy().dns().number());
            }
            if (plan.hostsPorts() == Choices.HostsPorts.LISTENERS) {
                named.stream()
                        .filter(service -> service.address() != null)
                        .forEach(service -> clientPorts(service).forEach(port -> ports.add(port.number())));
            }
            return ports.stream().filter(port -> port < PRIVILEGED).sorted().toList();
        }

        private void noteWhatCannotBe() {
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
            if (plan.envoy().admin() == null) {
                notes.add(
                        "the plan has no envoy.admin, so Envoy gets no admin interface, and whether it is ready is told by"
                                + " its listeners alone");
            }
        }
    }
}
