package io.meshcapture.verbs;

import io.meshcapture.backend.nftables.NftablesBackend;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Plan;
import io.meshcapture.system.Privileges;

/** How connections to the addresses of names reach Envoy ({@code hosts-ports}). */
final class HostsPorts {
    private HostsPorts() {}

    /**
     * Whether by a redirect, which keeps the original destination and also holds where a program listens on all addresses;
     * else by listeners that Envoy has on these addresses.
     */
    static boolean areRedirected(Plan plan) {
        return switch (plan.hostsPorts()) {
            case AUTO -> Privileges.isNetAdmin() && isNftablesUsed(plan);
            case REDIRECT -> true;
            case LISTENERS -> false;
        };
    }

    /** Other backends leave loopback alone. */
    private static boolean isNftablesUsed(Plan plan) {
        try (Backends backends = Backends.open()) {
            return backends.of(plan).backend() instanceof NftablesBackend;
        } catch (Failure.Unavailable e) {
            return false;
        }
    }
}
