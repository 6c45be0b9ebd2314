package io.meshcapture.config;

import io.meshcapture.plan.Account;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Destination;
import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Ports;
import io.meshcapture.plan.ServiceName;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Everything that was read, with its places; null for what nobody gave and has no default. */
record PlanDraft(
        EnvoyDraft envoy,
        Placed<Choices.Backend> backend,
        Placed<Choices.Ipv6> ipv6,
        Placed<Choices.Udp443> udp443,
        Placed<Choices.Invalid> invalid,
        Placed<Choices.HostsPorts> hostsPorts,
        Placed<Choices.OnEnvoyDown> onEnvoyDown,
        @Nullable Given<Destination> except,
        List<ServiceDraft> services,
        InboundDraft inbound,
        @Nullable Given<Types.DnsServer> dnsServers,
        List<ZoneDraft> zones,
        @Nullable Given<InterfaceName> exceptInterfaces,
        @Nullable Given<InterfaceName> outboundInterfaces) {

    /** The local Envoy. */
    record EnvoyDraft(
            @Nullable Given<Account> users,
            @Nullable Given<Account> groups,
            Placed<Port> outbound,
            @Nullable Placed<Port> inbound,
            @Nullable Placed<Port> dns,
            @Nullable Placed<HostPort> admin) {}

    /** Capture of inbound connections, wanted or not. */
    record InboundDraft(
            Placed<Choices.InboundMode> mode,
            @Nullable Given<Ports> to,
            @Nullable Given<Types.InboundPorts> except) {}

    /** Another datacentre. */
    record ZoneDraft(
            Placed<ServiceName> name,
            @Nullable Given<Network> networks,
            @Nullable Given<ServiceName> services,
            @Nullable Given<HostPort> frontProxy) {}
}
