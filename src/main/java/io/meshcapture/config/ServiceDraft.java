package io.meshcapture.config;

import io.meshcapture.plan.Account;
import io.meshcapture.plan.CgroupPath;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Destination;
import io.meshcapture.plan.HostName;
import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.plan.UnitName;
import org.jspecify.annotations.Nullable;

/**
 * A service as it was written, before defaults: null for a key that nobody gave.
 *
 * @param name its name and place
 * @param ports the pairs of client port and listener
 */
record ServiceDraft(
        Placed<ServiceName> name,
        @Nullable Given<Account> users,
        @Nullable Given<Account> groups,
        @Nullable Given<UnitName> units,
        @Nullable Given<CgroupPath> cgroups,
        @Nullable Given<Network> networks,
        @Nullable Given<Destination> to,
        @Nullable Given<Destination> except,
        @Nullable Given<Choices.OnEnvoyDown> onEnvoyDown,
        @Nullable Given<Port> outbound,
        @Nullable Given<HostName> hosts,
        @Nullable Given<PortPair> ports,
        @Nullable Given<HostPort> instances) {

    /** A port that clients use and Envoy's listener for it. */
    record PortPair(Port client, Port listener) {
        @Override
        public String toString() {
            return client + ": " + listener;
        }
    }

    /** This service with the keys that flags and environment give in place of its own. */
    ServiceDraft overriddenBy(ServiceDraft given) {
        return new ServiceDraft(
                name,
                given.users != null ? given.users : users,
                given.groups != null ? given.groups : groups,
                given.units != null ? given.units : units,
                given.cgroups != null ? given.cgroups : cgroups,
                networks,
                given.to != null ? given.to : to,
                given.except != null ? given.except : except,
                onEnvoyDown,
                outbound,
                given.hosts != null ? given.hosts : hosts,
                ports,
                instances);
    }

    /** The path of one of its keys, for messages. */
    String path(String key) {
        return "services." + name.value() + "." + key;
    }
}
