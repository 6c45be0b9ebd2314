package io.meshcapture.backend.nftables;

import io.meshcapture.backend.LiveState.LiveInboundCapture;
import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Choices;
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
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Reads back how connections to this host are decided; see {@link LiveDecision}. */
final class LiveInbound {

    private final Ruleset ruleset;
    private final PortRange ephemeral;

    private LiveInbound(Ruleset ruleset, PortRange ephemeral) {
        this.ruleset = ruleset;
        this.ephemeral = ephemeral;
    }

    /** Whether a ruleset captures connections to this host. */
    static boolean isIn(Ruleset ruleset) {
        return ruleset.chains().containsKey(InboundRenderer.INBOUND);
    }

    /** Envoy's listener for them that a chain sends to, or null where it does not. */
    static @Nullable Port listener(String chain) {
        try {
            return chain.startsWith(InboundRenderer.TO)
                    ? Port.parse(chain.substring(InboundRenderer.TO.length()))
                    : null;
        } catch (BadValue e) {
            return null;
        }
    }

    /** How they reach Envoy. */
    static Choices.InboundMode mode(Ruleset ruleset) {
        return ruleset.chains().containsKey(BaseChain.INTERCEPTION.target())
                ? Choices.InboundMode.TPROXY
                : Choices.InboundMode.REDIRECT;
    }

    /** What is captured, with its counts; null where nothing is, or nothing tells where to. */
    static @Nullable LiveInboundCapture capture(Ruleset ruleset) {
        Port listener = null;
        for (String chain : isIn(ruleset) ? ruleset.chains().keySet() : List.<String>of()) {
            Port one = listener(chain);
            listener = one == null ? listener : one;
        }
        if (listener == null) {
            return null;
        }
        long captured = 0;
        long excepted = 0;
        NftSet ports = ruleset.sets().get(InboundRenderer.PORTS);
        for (Element element :
                ports == null ? List.<Element>of() : ports.elements().values()) {
            if (element.verdict().equals("accept")) {
                excepted += element.packets();
            } else {
                captured += element.packets();
            }
        }
        return new LiveInboundCapture(mode(ruleset), listener, captured, excepted);
    }

    /**
     * The decision, or null where there is none.
     *
     * @param ephemeral as the chain of outbound connections tells it
     */
    static @Nullable InboundDecision read(Ruleset ruleset, PortRange ephemeral) {
        return isIn(ruleset) ? new LiveInbound(ruleset, ephemeral).read() : null;
    }

    private InboundDecision read() {
        Port listener = null;
        List<Decision.Ending> endings = new ArrayList<>();
        for (Chain chain : ruleset.chains().values()) {
            Port one = listener(chain.name());
            if (one != null) {
                listener = one;
                for (Decision.Ending ending : Decision.Ending.values()) {
                    if (chain.rules().stream().anyMatch(rule -> LiveDecision.hasComment(rule, ending.why()))) {
                        endings.add(ending);
                    }
                }
            }
        }
        if (listener == null || !endings.contains(Decision.Ending.REDIRECT)) {
            throw LiveDecision.notOurs("chain " + InboundRenderer.INBOUND + " leads to no listener");
        }
        Choices.InboundMode mode = mode(ruleset);
        BaseChain base = mode == Choices.InboundMode.TPROXY ? BaseChain.INTERCEPTION : BaseChain.PREROUTING;
        return new InboundDecision(mode, listener, steps(base.target()), steps(InboundRenderer.INBOUND), endings);
    }

    private List<InboundStep> steps(String name) {
        Chain chain = ruleset.chains().get(name);
        if (chain == null) {
            throw LiveDecision.notOurs("chain " + name + " is missing");
        }
        List<InboundStep> kinds = kinds(chain);
        List<InboundStep> steps = new ArrayList<>();
        for (String rule : chain.rules()) {
            if (LiveDecision.hasComment(rule, InboundRenderer.ASKED)
                    || LiveDecision.hasComment(rule, RulesetRenderer.FORWARDING)
                    || LiveDecision.hasComment(rule, InboundRenderer.CAPTURED)) {
                continue;
            }
            InboundStep step = kinds.stream()
                    .filter(kind -> LiveDecision.hasComment(rule, kind.why()))
                    .findFirst()
                    .orElseThrow(() -> LiveDecision.notOurs(rule));
            if (steps.isEmpty() || !steps.getLast().equals(step)) { // some are several rules
                steps.add(step);
            }
        }
        return steps;
    }

    private List<InboundStep> kinds(Chain chain) {
        return List.of(
                new InboundStep.OtherProtocols(),
                new EitherWay.ExceptInterfaces(interfaces(chain, "iifname")),
                new InboundStep.WithinHost(),
                new InboundStep.Elsewhere(),
                new EitherWay.OpenConnections(ephemeral),
                new EitherWay.LinkLocal(),
                new EitherWay.Ipv6Bypass(),
                new InboundStep.EnvoysPorts(envoysPorts()),
                new InboundStep.PortLookup(ports("accept"), ports("return")),
                new InboundStep.OtherPorts());
    }

    /** From {@code iifname "eth1" accept …}. */
    static List<InterfaceName> interfaces(Chain chain, String expression) {
        return interfaces(chain, expression, new EitherWay.ExceptInterfaces(List.of()).why());
    }

    /** From rules with that comment. */
    static List<InterfaceName> interfaces(Chain chain, String expression, String why) {
        List<InterfaceName> names = new ArrayList<>();
        for (String rule : chain.rules()) {
            if (rule.startsWith(expression + " \"") && LiveDecision.hasComment(rule, why)) {
                int start = expression.length() + 2;
                names.add(interfaceName(rule.substring(start, rule.indexOf('"', start)), rule));
            }
        }
        return names;
    }

    private static InterfaceName interfaceName(String name, String rule) {
        try {
            return InterfaceName.parse(name);
        } catch (BadValue e) {
            throw LiveDecision.notOurs(rule);
        }
    }

    private SortedSet<Integer> envoysPorts() {
        TreeSet<Integer> ports = new TreeSet<>();
        NftSet set = ruleset.sets().get(InboundRenderer.ENVOYS_PORTS);
        if (set != null) {
            set.elements().keySet().forEach(port -> ports.add(Integer.valueOf(port)));
        }
        return ports;
    }

    private Ports ports(String verdict) {
        List<PortRange> ranges = new ArrayList<>();
        NftSet map = ruleset.sets().get(InboundRenderer.PORTS);
        if (map != null) {
            for (Element element : map.elements().values()) {
                if (element.verdict().equals(verdict)) {
                    try {
                        ranges.add(LookupReader.ports(element.key()));
                    } catch (BadValue e) {
                        throw LiveDecision.notOurs("map " + map.name() + ": " + element.text());
                    }
                }
            }
        }
        return new Ports(ranges);
    }
}
