package io.meshcapture.backend.iptables;

import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.PortRange;
import io.meshcapture.rules.AlwaysDirect;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.EitherWay;
import io.meshcapture.rules.InboundDecision;
import io.meshcapture.rules.InboundStep;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes how connections to this host are decided: by the nat table where they are redirected, by the mangle table where
 * TPROXY gives each lone SYN to Envoy's socket. Later packets find that socket by themselves, because their address is one
 * of this host: no mark is needed, and neither a routing rule nor a table. Envoy's own calls to this host are redirected
 * in either case.
 */
final class ArrivalRules {

    /** Of the rules for the ports of the services' listeners, told apart from those of the plan's. */
    static final String SERVICES_LISTENERS = "the services' listeners are reached as they are";

    static final String CAPTURED = "inbound connections are captured";

    private final Decision decision;
    private final InboundDecision inbound;
    private final Family family;
    private final Slot slot;
    private final Ruleset ruleset;

    ArrivalRules(Decision decision, InboundDecision inbound, Family family, Slot slot, Ruleset ruleset) {
        this.decision = decision;
        this.inbound = inbound;
        this.family = family;
        this.slot = slot;
        this.ruleset = ruleset;
    }

    void render() {
        boolean tproxy = inbound.mode() == Choices.InboundMode.TPROXY;
        Ruleset.Contents nat = ruleset.in(Table.NAT);
        nat.chain(slot.chain("TO_IN_" + inbound.listener())).addAll(byRedirect());
        nat.chain(slot.chain("INBOUND")).addAll(deciding("TO_IN_"));
        nat.chain(slot.chain("ITSELF")).addAll(itself());
        if (tproxy) {
            Ruleset.Contents mangle = ruleset.in(Table.MANGLE);
            mangle.chain(slot.chain("TO_TP_" + inbound.listener())).addAll(byTproxy());
            mangle.chain(slot.chain("INBOUND")).addAll(deciding("TO_TP_"));
            mangle.chain(slot.chain("INTERCEPTED")).addAll(arriving());
        } else {
            nat.chain(slot.chain("ARRIVING")).addAll(arriving());
        }
    }

    private List<Rule> arriving() {
        Steps steps = new Steps("");
        inbound.arriving().forEach(step -> step.read(steps));
        steps.rules.add(Rule.of("", CAPTURED, "-g " + slot.chain("INBOUND")));
        return steps.rules;
    }

    private List<Rule> deciding(String to) {
        Steps steps = new Steps("-g " + slot.chain(to + inbound.listener()));
        inbound.deciding().forEach(step -> step.read(steps));
        return steps.rules;
    }

    private List<Rule> byRedirect() {
        List<Rule> rules = new ArrayList<>(rejectsIpv6());
        rules.add(Rule.of("-p tcp", Decision.Ending.REDIRECT.why(), "-j REDIRECT --to-ports " + inbound.listener()));
        return rules;
    }

    private List<Rule> byTproxy() {
        List<Rule> rules = new ArrayList<>(rejectsIpv6());
        String any = family == Family.IPV4 ? "0.0.0.0" : "::";
        rules.add(Rule.of(
                "-p tcp",
                Decision.Ending.REDIRECT.why(),
                "-j TPROXY --on-port " + inbound.listener() + " --on-ip " + any + " --tproxy-mark 0x0/0x0"));
        return rules;
    }

    private List<Rule> rejectsIpv6() {
        boolean rejected = family == Family.IPV6 && inbound.endings().contains(Decision.Ending.REJECT_IPV6);
        return rejected ? Renderer.rejection("", Decision.Ending.REJECT_IPV6.why()) : List.of();
    }

    /** What Envoy calls here. */
    private List<Rule> itself() {
        List<Rule> rules = new ArrayList<>();
        String passedOn = "what Envoy's inbound side passes on";
        rules.add(Rule.of("-m addrtype ! --dst-type LOCAL", "elsewhere", "-j RETURN"));
        if (family == Family.IPV4) {
            rules.add(Rule.of("-d 127.0.0.0/8", "loopback", "-j RETURN"));
            rules.add(Rule.of("-s 127.0.0.0/8", passedOn, "-j RETURN"));
        } else {
            rules.add(Rule.of("-d ::1/128", "loopback", "-j RETURN"));
            rules.add(Rule.of("-s ::1/128", passedOn, "-j RETURN"));
            rules.add(Rule.of("-s ::6/128", passedOn, "-j RETURN"));
        }
        rules.add(Rule.of("! -p tcp", "only TCP is captured", "-j RETURN"));
        rules.add(Rule.of("", CAPTURED, "-g " + slot.chain("INBOUND")));
        return rules;
    }

    /** Writes each step. */
    private final class Steps implements InboundStep.Reader<@Nullable Void> {
        private final List<Rule> rules = new ArrayList<>();
        private final String capture;

        private Steps(String capture) {
            this.capture = capture;
        }

        @Override
        public @Nullable Void otherProtocols(InboundStep.OtherProtocols step) {
            return direct("! -p tcp", step.why());
        }

        @Override
        public @Nullable Void exceptInterfaces(EitherWay.ExceptInterfaces step) {
            step.interfaces().forEach(name -> direct("-i " + Renderer.spelled(name), step.why()));
            return null;
        }

        @Override
        public @Nullable Void withinHost(InboundStep.WithinHost step) {
            return direct("-i lo", step.why());
        }

        @Override
        public @Nullable Void elsewhere(InboundStep.Elsewhere step) {
            return direct("-m addrtype ! --dst-type LOCAL", step.why());
        }

        /** Answers to clients here, whose sockets are no listeners for every address; and with TPROXY all that is underway. */
        @Override
        public @Nullable Void openConnections(EitherWay.OpenConnections step) {
            String underway = " ! --tcp-flags FIN,SYN,RST,ACK SYN";
            return inbound.mode() == Choices.InboundMode.TPROXY
                    ? direct("-p tcp -m tcp" + underway, step.why())
                    : direct(
                            "-p tcp -m tcp --dport " + Leaf.spelled(step.ephemeral()) + underway + " -m socket",
                            step.why());
        }

        @Override
        public @Nullable Void linkLocal(EitherWay.LinkLocal step) {
            for (Network network : AlwaysDirect.LINK_LOCAL) {
                if (network.family() == family) {
                    direct("-d " + Leaf.spelled(network), step.why());
                }
            }
            return null;
        }

        @Override
        public @Nullable Void ipv6Bypass(EitherWay.Ipv6Bypass step) {
            return null; // the family has no rules at all
        }

        @Override
        public @Nullable Void envoysPorts(InboundStep.EnvoysPorts step) {
            for (Port listener : decision.listeners()) {
                direct("-p tcp -m tcp --dport " + listener, SERVICES_LISTENERS);
            }
            for (int port : step.ports()) {
                direct("-p tcp -m tcp --dport " + port, step.why());
            }
            return null;
        }

        @Override
        public @Nullable Void portLookup(InboundStep.PortLookup step) {
            for (PortRange range : step.except().ranges()) {
                direct(ports(range), step.why());
            }
            for (PortRange range : step.to().ranges()) {
                rules.add(Rule.of(ports(range), step.why(), capture));
            }
            return null;
        }

        @Override
        public @Nullable Void otherPorts(InboundStep.OtherPorts step) {
            return direct("", step.why());
        }

        private String ports(PortRange range) {
            return range.equals(PortRange.ALL) ? "-p tcp" : "-p tcp -m tcp --dport " + Leaf.spelled(range);
        }

        private @Nullable Void direct(String matches, String why) {
            rules.add(Rule.of(matches, why, "-j RETURN"));
            return null;
        }
    }
}
