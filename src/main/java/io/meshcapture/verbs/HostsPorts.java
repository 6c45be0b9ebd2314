package io.meshcapture.verbs;

import io.meshcapture.backend.Backend;
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
            case AUTO -> Privileges.isNetAdmin() && isNetfilterThere();
            case REDIRECT -> true;
            case LISTENERS -> false;
        };
    }

    private static boolean isNetfilterThere() {
        try (Backend backend = Backends.open()) {
            return !backend.name().isEmpty();
        } catch (Failure.Unavailable e) {
            return false;
        }
    }
}
