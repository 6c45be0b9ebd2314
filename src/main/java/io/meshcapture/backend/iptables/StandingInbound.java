package io.meshcapture.backend.iptables;

import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.Ports;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.EitherWay;
import io.meshcapture.rules.InboundDecision;
import io.meshcapture.rules.InboundStep;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** How connections to this host are captured, as it stands in a slot. */
final class StandingInbound {

    private final StandingChains chains;

    StandingInbound(StandingChains chains) {
        this.chains = chains;
    }

    /** How connections to this host are captured, or null where they are not. */
    @Nullable
    InboundDecision read() {
        Port listener = null;
        for (String plain : chains.names()) {
            Port one = StandingChains.inboundListener(plain);
            listener = one == null ? listener : one;
        }
        if (listener == null) {
            return null;
        }
        boolean tproxy = !chains.rules(Family.IPV4, Table.MANGLE, "INTERCEPTED").isEmpty();
        List<Rule> asked = tproxy
                ? chains.rules(Family.IPV4, Table.MANGLE, "INTERCEPTED")
                : chains.rules(Family.IPV4, Table.NAT, "ARRIVING");
        List<InboundStep> arriving = new ArrayList<>();
        for (Rule rule : asked) {
            InboundStep step = arriving(rule, asked);
            if (step != null && !arriving.contains(step)) {
                arriving.add(step);
            }
        }
        List<Decision.Ending> endings = new ArrayList<>();
        for (Decision.Ending ending : Decision.Ending.values()) {
            if (chains.all(Table.NAT, "TO_IN_" + listener).stream()
                    .anyMatch(rule -> rule.comment().equals(ending.why()))) {
                endings.add(ending);
            }
        }
        return new InboundDecision(
                tproxy ? Choices.InboundMode.TPROXY : Choices.InboundMode.REDIRECT,
                listener,
                arriving,
                deciding(),
                endings);
    }

    private @Nullable InboundStep arriving(Rule rule, List<Rule> all) {
        String comment = rule.comment();
        if (rule.target().equals(chains.slot().chain("FWD")) || comment.equals(ArrivalRules.CAPTURED)) {
            return null;
        }
        List<InterfaceName> interfaces = new ArrayList<>();
        for (Rule one : all) {
            String name = one.comment().equals(comment) ? one.value("-i") : null;
            if (name != null) {
                interfaces.add(StandingChains.interfaceName(name));
            }
        }
        String ports = rule.value("--dport");
        PortRange ephemeral = ports == null ? ephemeralOfOutbound() : StandingChains.range(ports, rule);
        for (InboundStep step : List.of(
                new InboundStep.OtherProtocols(),
                new EitherWay.ExceptInterfaces(interfaces),
                new InboundStep.WithinHost(),
                new InboundStep.Elsewhere(),
                new EitherWay.OpenConnections(ephemeral))) {
            if (step.why().equals(comment)) {
                return step;
            }
        }
        throw StandingChains.notOurs(rule);
    }

    private PortRange ephemeralOfOutbound() {
        for (String chain : List.of("OUTPUT", "OUTPUT_ASKED")) {
            for (Rule rule : chains.rules(Family.IPV4, Table.NAT, chain)) {
                String ports = rule.exceptValue("--sport");
                if (ports != null) {
                    return StandingChains.range(ports, rule);
                }
            }
        }
        throw StandingChains.notOurs("the chain OUTPUT does not tell the ephemeral ports");
    }

    private List<InboundStep> deciding() {
        TreeSet<Integer> envoys = new TreeSet<>();
        List<PortRange> except = new ArrayList<>();
        List<PortRange> to = new ArrayList<>();
        InboundStep.EnvoysPorts envoysPorts = new InboundStep.EnvoysPorts(new TreeSet<>());
        InboundStep.PortLookup lookup = new InboundStep.PortLookup(Ports.NONE, Ports.NONE);
        InboundStep.OtherPorts others = new InboundStep.OtherPorts();
        EitherWay.LinkLocal linkLocal = new EitherWay.LinkLocal();
        for (Rule rule : chains.rules(Family.IPV4, Table.NAT, "INBOUND")) {
            String ports = rule.value("--dport");
            if (rule.comment().equals(envoysPorts.why()) && ports != null) {
                envoys.add((int) StandingChains.number(ports, rule));
            } else if (rule.comment().equals(lookup.why())) {
                (rule.target().equals("RETURN") ? except : to)
                        .add(ports == null ? PortRange.ALL : StandingChains.range(ports, rule));
            } else if (!rule.comment().equals(ArrivalRules.SERVICES_LISTENERS)
                    && !rule.comment().equals(others.why())
                    && !rule.comment().equals(linkLocal.why())) {
                throw StandingChains.notOurs(rule);
            }
        }
        List<InboundStep> steps = new ArrayList<>();
        steps.add(linkLocal);
        if (chains.chainOf(Family.IPV6) == null) {
            steps.add(new EitherWay.Ipv6Bypass());
        }
        steps.add(new InboundStep.EnvoysPorts(envoys));
        steps.add(new InboundStep.PortLookup(new Ports(except), new Ports(to)));
        steps.add(others);
        return steps;
    }
}
