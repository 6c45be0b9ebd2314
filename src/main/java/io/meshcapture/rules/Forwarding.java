package io.meshcapture.rules;

import io.meshcapture.plan.InterfaceName;
import java.util.List;

/**
 * How connections are decided that virtual machines and containers behind this host open.
 *
 * @param interfaces what they arrive on
 * @param steps asked one after the other; a connection that no step decides is forwarded as it is
 */
public record Forwarding(List<InterfaceName> interfaces, List<Step> steps) {
    public Forwarding {
        interfaces = List.copyOf(interfaces);
        steps = List.copyOf(steps);
    }
}
