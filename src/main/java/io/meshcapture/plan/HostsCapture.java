package io.meshcapture.plan;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Capture by name, through the hosts file.
 *
 * @param names the names, at least one
 * @param ports the port that clients use to Envoy's listener for it; empty: every port to the service's listener
 * @param instances where envoy-config sends the calls; empty: the first name, by DNS
 */
public record HostsCapture(List<HostName> names, Map<Port, Port> ports, List<HostPort> instances) {
    public HostsCapture {
        names = List.copyOf(names);
        ports = Collections.unmodifiableMap(new LinkedHashMap<>(ports)); // keeps the plan's order
        instances = List.copyOf(instances);
    }
}
