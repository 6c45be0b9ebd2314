package io.meshcapture.envoy;

import io.meshcapture.envoy.NamedService.Upstream;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Zone;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Collects what goes into which file. */
final class BootstrapWriter {
    private final Plan plan;
    private final EnvoyHost host;
    private final Delivery delivery;
    private final List<String> notes = new ArrayList<>();
    private final List<NamedService> named;
    private final List<OutboundListener> outbound;
    private final List<Address> nameServers;

    BootstrapWriter(Plan plan, EnvoyHost host, Delivery delivery) {
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
        AdminAddress admin = AdminAddress.of(plan, host);
        if (admin != null) {
            root.with("admin", new Message().with("address", Sockets.tcp(admin.address(), admin.port())));
        }
        if (!delivery.isStatic()) {
            root.with("dynamic_resources", dynamic());
        }
        if (!statics.fields().isEmpty()) {
            root.with("static_resources", statics);
        }
        Remarks remarks = new Remarks(plan, host, named, outbound, nameServers);
        notes.addAll(remarks.notes());
        return new Bootstrap(
                ConfigText.of(remarks.head(), root),
                delivery.listeners() == null
                        ? null
                        : resources("listeners", "envoy.config.listener.v3.Listener", listeners),
                delivery.clusters() == null ? null : resources("clusters", "envoy.config.cluster.v3.Cluster", clusters),
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
                    for (Port port : service.clientPorts()) {
                        all.add(listeners.named(service, service.address(), port));
                    }
                }
            }
        }
        if (plan.inbound() != null && plan.envoy().inbound() != null) {
            all.add(listeners.inbound(plan.envoy().inbound(), plan.inbound().mode()));
        }
        if (plan.dns() != null && plan.envoy().dns() != null) {
            boolean arrives = !plan.interfaces().outbound().isEmpty();
            boolean ipv6 = Listeners.servesIpv6(plan, host);
            all.addAll(new DnsListeners(plan.envoy().dns(), ipv6, arrives, nameServers).all());
        }
        return all;
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
                                    .because(
                                            "Without an answer Envoy serves what it knows after this time; it asks on.")
                                    .with("initial_fetch_timeout", "5s"))
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
}
