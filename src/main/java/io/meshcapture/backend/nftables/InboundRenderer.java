package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
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
import io.meshcapture.rules.InboundDecision;
import io.meshcapture.rules.InboundStep;
import java.util.ArrayList;
import java.util.LinkedHashMap;
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
    static final String TO = RulesetRenderer.TO + "inbound_";

    static final String TO_BY_TPROXY = RulesetRenderer.TO + "tproxy_";

    static final String ENVOY_TO_ITSELF = "envoy_to_itself";
    static final String ENVOYS_PORTS = "envoy_ports";
    private static final String SERVICES_PORTS = "service_listeners";
    static final String PORTS = "inbound_ports";

    /** Comments of rules that are no step. */
    static final String ASKED = "whether a connection to this host is captured";

    static final String CAPTURED = "inbound connections are captured";

    private static final String OPEN_CONNECTIONS = "open_arrivals";
    private static final String REUSED = RulesetRenderer.REUSED;
    private static final String OPEN = RulesetRenderer.OPEN;

    private final Ruleset ruleset;
    private final InboundDecision inbound;
    private final List<Port> listeners;
    private final List<String> rules = new ArrayList<>();
    private final Steps steps = new Steps();

    private InboundRenderer(Ruleset ruleset, InboundDecision inbound, List<Port> listeners) {
        this.ruleset = ruleset;
        this.listeners = listeners;
        this.inbound = inbound;
    }

    /**
     * Adds to a ruleset.
     *
     * @param listeners Envoy's listeners of the services in it
     */
    static void render(Ruleset ruleset, InboundDecision inbound, List<Port> listeners) {
        new InboundRenderer(ruleset, inbound, listeners).render();
    }

    private boolean isTproxy() {
        return inbound.mode() == Choices.InboundMode.TPROXY;
    }

    private void render() {
        chain(TO + inbound.listener(), byRedirect());
        inbound.deciding().forEach(step -> step.read(steps));
        chain(INBOUND, rules);
        chain(
                ENVOY_TO_ITSELF,
                List.of(
                        "fib daddr type != local return" + comment("elsewhere"),
                        "ip daddr 127.0.0.0/8 return" + comment("loopback"),
                        "ip6 daddr ::1 return" + comment("loopback"),
                        "ip saddr 127.0.0.0/8 return" + comment("what Envoy's inbound side passes on"),
                        "ip6 saddr { ::1, ::6 } return" + comment("what Envoy's inbound side passes on"),
                        "jump " + INBOUND + comment(ASKED),
                        "goto " + TO + inbound.listener() + comment(CAPTURED)));
        rules.clear();
        inbound.arriving().forEach(step -> step.read(steps));
        rules.add("jump " + INBOUND + comment(ASKED));
        if (isTproxy()) {
            chain(TO_BY_TPROXY + inbound.listener(), byTproxy());
            rules.add("goto " + TO_BY_TPROXY + inbound.listener() + comment(CAPTURED));
            chain(BaseChain.INTERCEPTION.target(), rules);
        } else {
            rules.add("goto " + TO + inbound.listener() + comment(CAPTURED));
            chain(BaseChain.PREROUTING.target(), rules);
        }
    }

    private List<String> byRedirect() {
        List<String> result = new ArrayList<>();
        rejectIpv6(result);
        // a tuple that was open once and is used again is captured from now on, also after conntrack -F
        result.add("delete @open_ip { ip saddr . tcp sport . ip daddr . tcp dport }" + comment(REUSED));
        result.add("delete @open_ip6 { ip6 saddr . tcp sport . ip6 daddr . tcp dport }" + comment(REUSED));
        result.add("delete @open_ip { ip daddr . tcp dport . ip saddr . tcp sport }" + comment(REUSED));
        result.add("delete @open_ip6 { ip6 daddr . tcp dport . ip6 saddr . tcp sport }" + comment(REUSED));
        if (inbound.endings().contains(Decision.Ending.DROP_INVALID)) {
            result.addAll(InvalidPackets.remembering(comment(Decision.Ending.DROP_INVALID.why())));
        }
        result.add("meta l4proto tcp redirect to :" + inbound.listener() + comment(Decision.Ending.REDIRECT.why()));
        return result;
    }

    /** Where Envoy's listener is not there, or does not take what is for others (IP_TRANSPARENT), tproxy does nothing. */
    private List<String> byTproxy() {
        List<String> result = new ArrayList<>();
        rejectIpv6(result);
        result.add("meta l4proto tcp tproxy to :" + inbound.listener() + " accept"
                + comment(Decision.Ending.REDIRECT.why()));
        result.add("meta l4proto tcp reject with tcp reset" + comment("Envoy has no transparent listener there"));
        return result;
    }

    private void rejectIpv6(List<String> result) {
        if (inbound.endings().contains(Decision.Ending.REJECT_IPV6)) {
            result.add("meta nfproto ipv6 meta l4proto tcp counter reject with tcp reset"
                    + comment(Decision.Ending.REJECT_IPV6.why()));
        }
    }

    private final class Steps implements InboundStep.Reader<@Nullable Void> {
        @Override
        public @Nullable Void otherProtocols(InboundStep.OtherProtocols step) {
            return rule("meta l4proto != tcp accept", step);
        }

        @Override
        public @Nullable Void exceptInterfaces(InboundStep.ExceptInterfaces step) {
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
        public @Nullable Void openConnections(InboundStep.OpenConnections step) {
            if (isTproxy()) {
                return rule("tcp flags != syn / fin,syn,rst,ack accept", step);
            }
            chain(
                    OPEN_CONNECTIONS,
                    List.of(
                            "ip daddr . tcp dport . ip saddr . tcp sport @open_ip accept" + comment(OPEN),
                            "ip6 daddr . tcp dport . ip6 saddr . tcp sport @open_ip6 accept" + comment(OPEN),
                            "tcp dport " + step.ephemeral() + " socket wildcard 0 accept"
                                    + comment("answers to clients on this host")));
            return rule("tcp flags != syn / fin,syn,rst,ack jump " + OPEN_CONNECTIONS, step);
        }

        @Override
        public @Nullable Void linkLocal(InboundStep.LinkLocal step) {
            for (Network network : AlwaysDirect.LINK_LOCAL) {
                rule((network.family() == Family.IPV4 ? "ip daddr " : "ip6 daddr ") + network + " accept", step);
            }
            return null;
        }

        @Override
        public @Nullable Void ipv6Bypass(InboundStep.Ipv6Bypass step) {
            return rule("meta nfproto ipv6 accept", step);
        }

        @Override
        public @Nullable Void envoysPorts(InboundStep.EnvoysPorts step) {
            NftSet set = set(ENVOYS_PORTS, false, "type inet_service");
            step.ports().forEach(port -> set.elements().put(port.toString(), Element.of(port.toString(), "", "")));
            // the shared set of listeners remembers those that are none any more
            NftSet services = set(SERVICES_PORTS, false, "type inet_service");
            listeners.forEach(port -> services.elements().put(port.toString(), Element.of(port.toString(), "", "")));
            rule("tcp dport @" + SERVICES_PORTS + " accept", step);
            return rule("tcp dport @" + ENVOYS_PORTS + " accept", step);
        }

        @Override
        public @Nullable Void portLookup(InboundStep.PortLookup step) {
            NftSet map = set(PORTS, true, "type inet_service : verdict", "flags interval", "counter");
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
        rules.add(text + comment(step.why()));
        return null;
    }

    private NftSet set(String name, boolean isMap, String... declaration) {
        NftSet set = new NftSet(name, isMap, List.of(declaration), new LinkedHashMap<>());
        ruleset.sets().put(name, set);
        return set;
    }

    private void chain(String name, List<String> rules) {
        ruleset.chains().put(name, new Chain(name, null, List.copyOf(rules)));
    }

    private static String comment(String why) {
        return " comment \"" + why + "\"";
    }
}
