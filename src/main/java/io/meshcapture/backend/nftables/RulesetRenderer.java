package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Port;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.EitherWay;
import io.meshcapture.rules.Forwarding;
import io.meshcapture.rules.InboundDecision;
import io.meshcapture.rules.ServiceFacts;
import io.meshcapture.rules.Step;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * Writes a decision as a ruleset. Pure.
 *
 * <p>The verdict {@code accept} of a nat chain ends this table's part only: later chains of other tables still see the
 * packet, so it means direct as far as we are concerned. A nat chain is asked for the first packet of a connection, so
 * none of this costs an established one anything.
 */
final class RulesetRenderer {

    /** The chain that decides about what is forwarded, and what the names of its maps begin with. */
    static final String FORWARDED = "forwarded";

    static final String FORWARDING = "what arrives on these interfaces is outbound";

    private final Decision decision;
    private final Ruleset ruleset =
            new Ruleset(Ruleset.TAG + Ruleset.SCHEMA, new LinkedHashMap<>(), new LinkedHashMap<>());
    private final RulesetBuilder builder = new RulesetBuilder(ruleset);
    private final LookupRenderer lookups = new LookupRenderer(builder);

    private RulesetRenderer(Decision decision) {
        this.decision = decision;
    }

    static Ruleset render(Decision decision) {
        return new RulesetRenderer(decision).render();
    }

    private Ruleset render() {
        livingSets(builder);
        services(decision.services());
        listeners();
        List<String> outbound = rules(decision.steps(), false);
        if (decision.inbound() != null) {
            InboundRenderer.render(builder, decision.inbound(), decision.listeners());
        }
        if (decision.forwarding() != null) {
            forwarding(decision.forwarding());
        }
        builder.chain(BaseChain.OUTPUT.target(), outbound);
        InvalidPackets.render(builder, decision);
        dns();
        return BaseChain.leading(ruleset, Slot.FIRST, null, false);
    }

    private List<String> rules(List<Step> steps, boolean forwards) {
        var kinds = new StepRules.Kinds(decision.inbound() != null, decision.forwarding() != null);
        return new StepRules(builder, lookups, kinds, forwards).of(steps);
    }

    /** What arrives on these interfaces is asked first; what it does not decide may be inbound. */
    private void forwarding(Forwarding forwarding) {
        builder.chain(FORWARDED, rules(forwarding.steps(), true));
        List<String> arriving = jumps(forwarding, FORWARDED);
        Chain inbound = ruleset.chains().get(BaseChain.PREROUTING.target());
        if (inbound != null) {
            arriving.addAll(inbound.rules());
        }
        builder.chain(BaseChain.PREROUTING.target(), arriving);
    }

    private static List<String> jumps(Forwarding forwarding, String chain) {
        List<String> jumps = new ArrayList<>();
        for (InterfaceName name : forwarding.interfaces()) {
            jumps.add("iifname \"" + name + "\" jump " + chain + RulesetBuilder.comment(FORWARDING));
        }
        return jumps;
    }

    private static void livingSets(RulesetBuilder builder) {
        builder.set(Ruleset.TRIAL, false, "type nf_proto", "flags timeout");
        // dynamic: whoever uses such a tuple again takes it out, see Redirect
        String size = "size " + OpenConnectionSets.SIZE;
        builder.set(
                Ruleset.OPEN_IPV4,
                false,
                "type ipv4_addr . inet_service . ipv4_addr . inet_service",
                size,
                "flags dynamic");
        builder.set(
                Ruleset.OPEN_IPV6,
                false,
                "type ipv6_addr . inet_service . ipv6_addr . inet_service",
                size,
                "flags dynamic");
    }

    /** The sets that every table of ours has, whatever is captured, without elements. */
    static Collection<NftSet> shared() {
        Ruleset shared = new Ruleset(null, new LinkedHashMap<>(), new LinkedHashMap<>());
        RulesetBuilder builder = new RulesetBuilder(shared);
        livingSets(builder);
        builder.set(Ruleset.LISTENERS, false, "type inet_service");
        builder.set(Ruleset.INBOUND_LISTENERS, false, "type inet_service");
        return shared.sets().values();
    }

    private void services(List<ServiceFacts> services) {
        NftSet set = builder.set(Ruleset.SERVICES, false, "type mark . mark");
        for (ServiceFacts facts : services) {
            String key = ServiceRecord.key(facts.name());
            set.elements()
                    .put(key, Element.of(key, ServiceRecord.unapplied(facts).comment(), ""));
        }
    }

    private void listeners() {
        InboundDecision inbound = decision.inbound();
        List<Port> ports = new ArrayList<>(decision.listeners());
        Step.Dns dns = decision.dns();
        if (dns != null) {
            ports.add(dns.listener());
        }
        builder.ports(Ruleset.LISTENERS, ports);
        builder.ports(Ruleset.INBOUND_LISTENERS, inbound == null ? List.of() : List.of(inbound.listener()));
        if (dns != null) {
            builder.chain(DnsRules.chainTo(dns.listener()), DnsRules.rulesTo(dns.listener(), decision.endings()));
        }
        for (Port listener : decision.listeners()) {
            builder.chain(Redirect.chainTo(listener), Redirect.rules(listener, decision.endings()));
        }
    }

    /** Captured queries get their zone before conntrack sees them, by what keeps others direct where it is decided. */
    private void dns() {
        Step.Dns dns = decision.dns();
        if (dns == null) {
            return;
        }
        Forwarding forwarding = decision.forwarding();
        List<String> guards = rules(guards(decision.steps(), dns), false);
        builder.chain(DnsRules.zoneChain(dns, guards, forwarding != null));
        if (forwarding != null) {
            builder.chain(DnsRules.guestsZoneChain(dns, rules(guards(forwarding.steps(), dns), true)));
            builder.chain(DnsRules.GUESTS_ZONE_CHAIN, jumps(forwarding, DnsRules.GUESTS_ZONE));
        }
    }

    /** The steps that keep queries from being captured. */
    private static List<Step> guards(List<Step> before, Step.Dns dns) {
        return before.stream()
                .takeWhile(step -> !step.equals(dns))
                .filter(step -> !isOfOthers(step))
                .toList();
    }

    private static boolean isOfOthers(Step step) {
        return step instanceof Step.OtherProtocols
                || step instanceof EitherWay.OpenConnections // TCP's
                || step instanceof Step.Underway
                || step instanceof Step.EnvoyToItself; // what arrives
    }
}
