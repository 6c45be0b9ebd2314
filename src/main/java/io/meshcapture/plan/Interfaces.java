package io.meshcapture.plan;

import java.util.List;

/**
 * Network interfaces with a treatment of their own.
 *
 * @param except traffic on these is left alone, both ways
 * @param outbound traffic that arrives on these counts as outbound
 */
public record Interfaces(List<InterfaceName> except, List<InterfaceName> outbound) {
    public static final Interfaces NONE = new Interfaces(List.of(), List.of());

    public Interfaces {
        except = List.copyOf(except);
        outbound = List.copyOf(outbound);
    }
}
