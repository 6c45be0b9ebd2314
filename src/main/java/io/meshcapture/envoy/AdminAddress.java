package io.meshcapture.envoy;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Where Envoy's admin interface listens: an address, since Envoy looks no name up for it. */
public record AdminAddress(Address address, Port port) {

    private static final String LOCALHOST = "localhost";

    /**
     * That of a plan.
     *
     * @return null where the plan has none, or one that would end Envoy on this host
     * @throws Failure.Invalid where it is a name other than localhost
     */
    static @Nullable AdminAddress of(Plan plan, EnvoyHost host) {
        HostPort admin = plan.envoy().admin();
        if (admin == null) {
            return null;
        }
        AdminAddress found = of(admin)
                .orElseThrow(() -> new Failure.Invalid(
                        "Envoy's admin interface cannot be at " + BadValue.quote(admin.toString())
                                + ", because Envoy listens on addresses, and this is a name",
                        "envoy.admin",
                        "write an address, such as 127.0.0.1:" + admin.port()));
        return found.address.family() == Family.IPV6 && !host.ipv6() ? null : found;
    }

    /** Empty for a name that could be anybody. */
    private static Optional<AdminAddress> of(HostPort admin) {
        try {
            return admin.host().equals(LOCALHOST)
                    ? Optional.of(new AdminAddress(Address.LOOPBACK_IPV4, admin.port()))
                    : Optional.of(new AdminAddress(Address.parse(admin.host()), admin.port()));
        } catch (BadValue name) {
            return Optional.empty();
        }
    }

    /**
     * What to tell of one that others than this host's programs reach: whoever reaches it may read all of Envoy's configuration
     * and stop it. Empty for others.
     */
    public static String exposure(Plan plan) {
        HostPort admin = plan.envoy().admin();
        return admin == null || of(admin).map(AdminAddress::isOnLoopback).orElse(true)
                ? ""
                : "Envoy's admin interface is at " + admin
                        + ", so that whoever reaches this address may stop Envoy or change what"
                        + " it does; write envoy.admin: 127.0.0.1:" + admin.port()
                        + ", or keep others away from it with a firewall";
    }

    private boolean isOnLoopback() {
        return address.isLoopback();
    }
}
