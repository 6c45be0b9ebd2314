package io.meshcapture.plan;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The local Envoy.
 *
 * @param users the identities whose own traffic is never captured
 * @param groups likewise; users or groups has at least one
 * @param outbound its listener for captured outbound TCP, on 127.0.0.1 and [::1]
 * @param inbound its listener for captured inbound TCP, or null
 * @param dns its listener for captured DNS, UDP and TCP, or null
 * @param admin its admin address, or null
 */
public record Envoy(
        List<Account> users,
        List<Account> groups,
        Port outbound,
        @Nullable Port inbound,
        @Nullable Port dns,
        @Nullable HostPort admin) {

    public static final Port DEFAULT_OUTBOUND = new Port(15001);

    public Envoy {
        users = List.copyOf(users);
        groups = List.copyOf(groups);
    }
}
