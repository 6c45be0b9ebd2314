package io.meshcapture.rules;

import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Envoy;
import io.meshcapture.plan.Inbound;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Compiles what a plan says about connections that arrive. */
final class InboundCompiler {
    private InboundCompiler() {}

    /** Null where the plan captures none. */
    static @Nullable InboundDecision compile(Plan plan, DecisionCompiler.Host host) {
        Inbound inbound = plan.inbound();
        Port listener = plan.envoy().inbound();
        if (inbound == null || listener == null) {
            return null;
        }
        List<InboundStep> arriving = new ArrayList<>();
        arriving.add(new InboundStep.OtherProtocols());
        if (!plan.interfaces().except().isEmpty()) {
            arriving.add(new EitherWay.ExceptInterfaces(plan.interfaces().except()));
        }
        arriving.add(new InboundStep.WithinHost());
        arriving.add(new InboundStep.Elsewhere());
        arriving.add(new EitherWay.OpenConnections(host.ephemeral()));
        List<InboundStep> deciding = new ArrayList<>();
        deciding.add(new EitherWay.LinkLocal());
        if (host.ipv6() == Choices.Ipv6.BYPASS) {
            deciding.add(new EitherWay.Ipv6Bypass());
        }
        deciding.add(new InboundStep.EnvoysPorts(envoysPorts(plan, host)));
        deciding.add(new InboundStep.PortLookup(inbound.except(), inbound.to().minus(inbound.except())));
        deciding.add(new InboundStep.OtherPorts());
        List<Decision.Ending> endings = new ArrayList<>();
        if (host.ipv6() == Choices.Ipv6.REJECT) {
            endings.add(Decision.Ending.REJECT_IPV6);
        }
        // tproxy translates nothing
        if (plan.invalid() == Choices.Invalid.DROP && inbound.mode() == Choices.InboundMode.REDIRECT) {
            endings.add(Decision.Ending.DROP_INVALID);
        }
        endings.add(Decision.Ending.REDIRECT);
        return new InboundDecision(inbound.mode(), listener, arriving, deciding, endings);
    }

    /** Those of the plan, and those that Envoy was asked for; the services' listeners come and go with these. */
    private static SortedSet<Integer> envoysPorts(Plan plan, DecisionCompiler.Host host) {
        Envoy envoy = plan.envoy();
        SortedSet<Integer> ports = new TreeSet<>(host.envoysPorts());
        ports.add(envoy.outbound().number());
        if (envoy.inbound() != null) {
            ports.add(envoy.inbound().number());
        }
        if (envoy.dns() != null) {
            ports.add(envoy.dns().number());
        }
        if (envoy.admin() != null) {
            ports.add(envoy.admin().port().number());
        }
        return ports;
    }
}
