package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.InterfaceName;
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
 * Writes how connections to this host are decided.
 *
 * <p>In {@link Choices.InboundMode#REDIRECT} a nat chain is asked for the first packet of what arrives. In {@link
 * Choices.InboundMode#TPROXY} it is each lone SYN before any translation. The kernel gives the packet to Envoy's socket
 * then, and finds the later ones' socket by itself, because their address is one of this host: no mark is needed, and
 * neither a routing rule nor a table, which tproxy takes for addresses of others.
 */
final class InboundRenderer {

    /** The chain that decides about a connection to this host; it returns where that is captured. */
    static final String INBOUND = "inbound";

    /** What the names of the chains begin with that give a connection to Envoy. */
    static final String TO = Redirect.TO + "inbound_";

    static final String TO_BY_TPROXY = Redirect.TO + "tproxy_";

    static final String ENVOY_TO_ITSELF = "envoy_to_itself";
    static final String ENVOYS_PORTS = "envoy_ports";
    private static final String SERVICES_PORTS = "service_listeners";
    static final String PORTS = "inbound_ports";

    /** Comments of rules that are no step. */
    static final String ASKED = "whether a connection to this host is captured";

    static final String CAPTURED = "inbound connections are captured";

    private static final String OPEN_CONNECTIONS = "open_arrivals";
    private static final String OPEN = StepRules.OPEN;

    private final RulesetBuilder builder;
    private final InboundDecision inbound;
    private final List<Port> listeners;
    private final List<String> rules = new ArrayList<>();
    private final Steps steps = new Steps();

    private InboundRenderer(RulesetBuilder builder, InboundDecision inbound, List<Port> listeners) {
        this.builder = builder;
        this.listeners = listeners;
        this.inbound = inbound;
    }

    /**
     * Adds to a ruleset.
     *
     * @param listeners Envoy's listeners of the services in it
     */
    static void render(RulesetBuilder builder, InboundDecision inbound, List<Port> listeners) {
        new InboundRenderer(builder, inbound, listeners).render();
    }

    private boolean isTproxy() {
        return inbound.mode() == Choices.InboundMode.TPROXY;
    }

    private void render() {
        builder.chain(TO + inbound.listener(), byRedirect());
        inbound.deciding().forEach(step -> step.read(steps));
        builder.chain(INBOUND, rules);
        builder.chain(
                ENVOY_TO_ITSELF,
                List.of(
                        "fib daddr type != local return" + RulesetBuilder.comment("elsewhere"),
                        "ip daddr 127.0.0.0/8 return" + RulesetBuilder.comment("loopback"),
                        "ip6 daddr ::1 return" + RulesetBuilder.comment("loopback"),
                        "ip saddr 127.0.0.0/8 return" + RulesetBuilder.comment("what Envoy's inbound side passes on"),
                        "ip6 saddr { ::1, ::6 } return" + RulesetBuilder.comment("what Envoy's inbound side passes on"),
                        "jump " + INBOUND + RulesetBuilder.comment(ASKED),
                        "goto " + TO + inbound.listener() + RulesetBuilder.comment(CAPTURED)));
        rules.clear();
        inbound.arriving().forEach(step -> step.read(steps));
        rules.add("jump " + INBOUND + RulesetBuilder.comment(ASKED));
        if (isTproxy()) {
            builder.chain(TO_BY_TPROXY + inbound.listener(), byTproxy());
            rules.add("goto " + TO_BY_TPROXY + inbound.listener() + RulesetBuilder.comment(CAPTURED));
            builder.chain(BaseChain.INTERCEPTION.target(), rules);
        } else {
            rules.add("goto " + TO + inbound.listener() + RulesetBuilder.comment(CAPTURED));
            builder.chain(BaseChain.PREROUTING.target(), rules);
        }
    }

    private List<String> byRedirect() {
        List<String> result = new ArrayList<>();
        rejectIpv6(result);
        result.addAll(Redirect.forgetting("ip saddr . tcp sport . ip daddr . tcp dport"));
        result.addAll(Redirect.forgetting("ip daddr . tcp dport . ip saddr . tcp sport"));
        if (inbound.endings().contains(Decision.Ending.DROP_INVALID)) {
            result.addAll(InvalidPackets.remembering(RulesetBuilder.comment(Decision.Ending.DROP_INVALID.why())));
        }
        result.add("meta l4proto tcp redirect to :" + inbound.listener()
                + RulesetBuilder.comment(Decision.Ending.REDIRECT.why()));
        return result;
    }

    /** Where Envoy's listener is not there, or does not take what is for others (IP_TRANSPARENT), tproxy does nothing. */
    private List<String> byTproxy() {
        List<String> result = new ArrayList<>();
        rejectIpv6(result);
        result.add("meta l4proto tcp tproxy to :" + inbound.listener() + " accept"
                + RulesetBuilder.comment(Decision.Ending.REDIRECT.why()));
        result.add("meta l4proto tcp reject with tcp reset"
                + RulesetBuilder.comment("Envoy has no transparent listener there"));
        return result;
    }

    private void rejectIpv6(List<String> result) {
        if (inbound.endings().contains(Decision.Ending.REJECT_IPV6)) {
            result.add(Redirect.resetOfIpv6());
        }
    }

    private final class Steps implements InboundStep.Reader<@Nullable Void> {
        @Override
        public @Nullable Void otherProtocols(InboundStep.OtherProtocols step) {
            return rule("meta l4proto != tcp accept", step);
        }

        @Override
        public @Nullable Void exceptInterfaces(EitherWay.ExceptInterfaces step) {
            for (InterfaceName name : step.interfaces()) {
                rule("iifname \"" + name + "\" accept", step);
            }
            return null;
        }

        @Override
        public @Nullable Void withinHost(InboundStep.WithinHost step) {
            return rule("iifname \"lo\" accept", step);
        }

        @Override
        public @Nullable Void elsewhere(InboundStep.Elsewhere step) {
            return rule("fib daddr type != local accept", step);
        }

        /**
         * Like that of outbound connections. What is sent to a client's port here, and belongs to a socket that is not a
         * listener for every address, is an answer to that client; a captured connection has its socket on Envoy's port.
         */
        @Override
        public @Nullable Void openConnections(EitherWay.OpenConnections step) {
            if (isTproxy()) {
                return rule("tcp flags != syn / fin,syn,rst,ack accept", step);
            }
            builder.chain(
                    OPEN_CONNECTIONS,
                    List.of(
                            "ip daddr . tcp dport . ip saddr . tcp sport @open_ip accept"
                                    + RulesetBuilder.comment(OPEN),
                            "ip6 daddr . tcp dport . ip6 saddr . tcp sport @open_ip6 accept"
                                    + RulesetBuilder.comment(OPEN),
                            "tcp dport " + step.ephemeral() + " socket wildcard 0 accept"
                                    + RulesetBuilder.comment("answers to clients on this host")));
            return rule("tcp flags != syn / fin,syn,rst,ack jump " + OPEN_CONNECTIONS, step);
        }

        @Override
        public @Nullable Void linkLocal(EitherWay.LinkLocal step) {
            for (Network network : AlwaysDirect.LINK_LOCAL) {
                rule((network.family() == Family.IPV4 ? "ip daddr " : "ip6 daddr ") + network + " accept", step);
            }
            return null;
        }

        @Override
        public @Nullable Void ipv6Bypass(EitherWay.Ipv6Bypass step) {
            return rule("meta nfproto ipv6 accept", step);
        }

        @Override
        public @Nullable Void envoysPorts(InboundStep.EnvoysPorts step) {
            builder.ports(ENVOYS_PORTS, step.ports());
            // the shared set of listeners remembers those that are none any more
            builder.ports(SERVICES_PORTS, listeners);
            rule("tcp dport @" + SERVICES_PORTS + " accept", step);
            return rule("tcp dport @" + ENVOYS_PORTS + " accept", step);
        }

        @Override
        public @Nullable Void portLookup(InboundStep.PortLookup step) {
            NftSet map = builder.set(PORTS, true, "type inet_service : verdict", "flags interval", "counter");
            for (PortRange range : step.except().ranges()) {
                map.elements().put(range.toString(), Element.of(range.toString(), "", "accept"));
            }
            for (PortRange range : step.to().ranges()) {
                map.elements().put(range.toString(), Element.of(range.toString(), "", "return"));
            }
            return rule("tcp dport vmap @" + PORTS, step);
        }

        @Override
        public @Nullable Void otherPorts(InboundStep.OtherPorts step) {
            return rule("accept", step);
        }
    }

    private @Nullable Void rule(String text, InboundStep step) {
        rules.add(text + RulesetBuilder.comment(step.why()));
        return null;
    }
}
