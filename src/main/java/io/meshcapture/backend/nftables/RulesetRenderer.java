package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Port;
import io.meshcapture.rules.AlwaysDirect;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Forwarding;
import io.meshcapture.rules.InboundDecision;
import io.meshcapture.rules.ServiceFacts;
import io.meshcapture.rules.Step;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes a decision as a ruleset. Pure.
 *
 * <p>The verdict {@code accept} of a nat chain ends this table's part only: later chains of other tables still see the
 * packet, so it means direct as far as we are concerned. A nat chain is asked for the first packet of a connection, so
 * none of this costs an established one anything.
 */
final class RulesetRenderer {

    private static final String FORGOTTEN =
            "Envoy's end of a captured connection waits until the client's is known again";

    /** The chain that decides about what is forwarded, and what the names of its maps begin with. */
    static final String FORWARDED = "forwarded";

    static final String FORWARDING = "what arrives on these interfaces is outbound";
    static final String OPEN = "open when capture began";

    private final Ruleset ruleset;
    private final RulesetBuilder builder;
    private final LookupRenderer lookups;
    private final @Nullable InboundDecision inbound;
    private final boolean forwardsToo;
    /** The chain that steps are written to. */
    private List<String> rules = new ArrayList<>();

    /** Whether that is the one of what is forwarded. */
    private boolean forwards;

    private final Steps steps = new Steps();

    private RulesetRenderer(Ruleset ruleset, @Nullable InboundDecision inbound, boolean forwardsToo) {
        this.forwardsToo = forwardsToo;
        this.ruleset = ruleset;
        this.builder = new RulesetBuilder(ruleset);
        this.lookups = new LookupRenderer(builder);
        this.inbound = inbound;
    }

    static Ruleset render(Decision decision) {
        RulesetRenderer renderer = new RulesetRenderer(
                new Ruleset(Ruleset.TAG + Ruleset.SCHEMA, new LinkedHashMap<>(), new LinkedHashMap<>()),
                decision.inbound(),
                decision.forwarding() != null);
        renderer.livingSets();
        renderer.services(decision.services());
        renderer.listeners(decision);
        decision.steps().forEach(step -> step.read(renderer.steps));
        List<String> outbound = renderer.rules;
        if (decision.inbound() != null) {
            InboundRenderer.render(renderer.builder, decision.inbound(), decision.listeners());
        }
        if (decision.forwarding() != null) {
            renderer.forwarding(decision.forwarding());
        }
        renderer.builder.chain(BaseChain.OUTPUT.target(), outbound);
        InvalidPackets.render(renderer.builder, decision);
        renderer.dns(decision);
        return BaseChain.leading(renderer.ruleset, Slot.FIRST, null, false);
    }

    /** What arrives on these interfaces is asked first; what it does not decide may be inbound. */
    private void forwarding(Forwarding forwarding) {
        forwards = true;
        rules = new ArrayList<>();
        forwarding.steps().forEach(step -> step.read(steps));
        builder.chain(FORWARDED, rules);
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

    private void livingSets() {
        builder.set(Ruleset.TRIAL, false, "type nf_proto", "flags timeout");
        // dynamic: whoever uses such a tuple again takes it out, see rulesTo
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
        RulesetRenderer renderer =
                new RulesetRenderer(new Ruleset(null, new LinkedHashMap<>(), new LinkedHashMap<>()), null, false);
        renderer.livingSets();
        renderer.builder.set(Ruleset.LISTENERS, false, "type inet_service");
        renderer.builder.set(Ruleset.INBOUND_LISTENERS, false, "type inet_service");
        return renderer.ruleset.sets().values();
    }

    private void services(List<ServiceFacts> services) {
        NftSet set = builder.set(Ruleset.SERVICES, false, "type mark . mark");
        for (ServiceFacts facts : services) {
            String key = ServiceRecord.key(facts.name());
            set.elements()
                    .put(key, Element.of(key, ServiceRecord.unapplied(facts).comment(), ""));
        }
    }

    private void listeners(Decision decision) {
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
    private void dns(Decision decision) {
        Step.Dns dns = decision.dns();
        if (dns == null) {
            return;
        }
        Forwarding forwarding = decision.forwarding();
        forwards = false;
        builder.chain(DnsRules.zoneChain(dns, guards(decision.steps(), dns), forwarding != null));
        if (forwarding != null) {
            forwards = true;
            builder.chain(DnsRules.guestsZoneChain(dns, guards(forwarding.steps(), dns)));
            builder.chain(DnsRules.GUESTS_ZONE_CHAIN, jumps(forwarding, DnsRules.GUESTS_ZONE));
        }
    }

    /** The rules that keep queries from being captured. */
    private List<String> guards(List<Step> before, Step.Dns dns) {
        rules = new ArrayList<>();
        for (Step step : before) {
            if (step.equals(dns)) {
                break;
            }
            boolean isOfOthers = step instanceof Step.OtherProtocols
                    || step instanceof Step.OpenConnections // TCP's
                    || step instanceof Step.Underway
                    || step instanceof Step.EnvoyToItself; // what arrives
            if (!isOfOthers) {
                step.read(steps);
            }
        }
        return rules;
    }

    /** Writes each step as sets and rules of the chain that decides. */
    private final class Steps implements Step.Reader<@Nullable Void> {
        @Override
        public @Nullable Void otherProtocols(Step.OtherProtocols step) {
            if (step.quicToo() || step.dnsToo()) {
                rule("meta l4proto != { tcp, udp } accept", step);
                String looksAt = !step.dnsToo() ? "443" : step.quicToo() ? "{ 53, 443 }" : "53";
                return rule("udp dport != " + looksAt + " accept", step);
            }
            return rule("meta l4proto != tcp accept", step);
        }

        @Override
        public @Nullable Void exceptInterfaces(Step.ExceptInterfaces step) {
            for (InterfaceName name : step.interfaces()) {
                rule("oifname \"" + name + "\" accept", step);
            }
            return null;
        }

        @Override
        public @Nullable Void envoyToItself(Step.EnvoyToItself step) {
            builder.values("envoy_users", "uid", step.uids());
            builder.values("envoy_groups", "gid", step.gids());
            rule("meta skuid @envoy_users jump " + InboundRenderer.ENVOY_TO_ITSELF, step);
            return rule("meta skgid @envoy_groups jump " + InboundRenderer.ENVOY_TO_ITSELF, step);
        }

        @Override
        public @Nullable Void envoyUsers(Step.EnvoyUsers step) {
            builder.values("envoy_users", "uid", step.uids());
            return rule("meta skuid @envoy_users accept", step);
        }

        @Override
        public @Nullable Void envoyGroups(Step.EnvoyGroups step) {
            builder.values("envoy_groups", "gid", step.gids());
            return rule("meta skgid @envoy_groups accept", step);
        }

        @Override
        public @Nullable Void dns(Step.Dns step) {
            for (NftSet set : DnsRules.sets(step)) {
                ruleset.sets().put(set.name(), set);
            }
            DnsRules.rules(step).forEach(text -> rule(text, step));
            return null;
        }

        @Override
        public @Nullable Void otherDns(Step.OtherDns step) {
            return rule("udp dport " + Step.Dns.PORT + " accept", step);
        }

        @Override
        public @Nullable Void ownAddresses(Step.OwnAddresses step) {
            return rule("fib daddr type local " + (forwards ? "return" : "accept"), step);
        }

        @Override
        public @Nullable Void linkLocal(Step.LinkLocal step) {
            return networks(AlwaysDirect.LINK_LOCAL, step);
        }

        @Override
        public @Nullable Void multicast(Step.Multicast step) {
            return networks(AlwaysDirect.MULTICAST, step);
        }

        @Override
        public @Nullable Void broadcast(Step.Broadcast step) {
            return rule("fib daddr type broadcast accept", step);
        }

        @Override
        public @Nullable Void ipv6Bypass(Step.Ipv6Bypass step) {
            return rule("meta nfproto ipv6 accept", step);
        }

        @Override
        public @Nullable Void openConnections(Step.OpenConnections step) {
            declareOpenConnections(step);
            return rule("tcp flags != syn / fin,syn,rst,ack jump open_connections", step);
        }

        @Override
        public @Nullable Void underway(Step.Underway step) {
            return rule("tcp flags != syn / fin,syn,rst,ack accept", step);
        }

        @Override
        public @Nullable Void lookup(Step.Lookup step) {
            rules.addAll(forwards && step.rank() != null ? lookups.ofGuests(step) : lookups.ofThisHost(step));
            return null;
        }
    }

    private @Nullable Void rule(String text, Step step) {
        rules.add(text + RulesetBuilder.comment(step.why()));
        return null;
    }

    private @Nullable Void networks(List<Network> networks, Step step) {
        for (Network network : networks) {
            rule((network.family() == Family.IPV4 ? "ip daddr " : "ip6 daddr ") + network + " accept", step);
        }
        return null;
    }

    /**
     * A packet that conntrack takes for the first of a connection although it carries no lone SYN belongs to a connection
     * that is already open. Two kinds of these were never captured and are left alone: the tuples that were open when
     * capture began, and answers of servers here, which do not come from an ephemeral port. What remains is a captured
     * connection whose conntrack entry vanished (conntrack -F, expiry): where the client sends, it is decided as it was,
     * and lands on the same socket of Envoy's. Where Envoy sends first, its packet cannot be translated, and the client
     * would answer with a reset; so it waits, is sent again by Envoy's kernel, and passes once the client has sent.
     */
    private void declareOpenConnections(Step.OpenConnections open) {
        List<String> opened = new ArrayList<>(List.of(
                "ip saddr 127.0.0.0/8 ip daddr != 127.0.0.0/8 tcp sport @listeners drop"
                        + RulesetBuilder.comment(FORGOTTEN),
                "ip6 saddr ::1 ip6 daddr != ::1 tcp sport @listeners drop" + RulesetBuilder.comment(FORGOTTEN),
                "ip saddr . tcp sport . ip daddr . tcp dport @open_ip accept" + RulesetBuilder.comment(OPEN),
                "ip6 saddr . tcp sport . ip6 daddr . tcp dport @open_ip6 accept" + RulesetBuilder.comment(OPEN)));
        if (forwardsToo) {
            opened.add("tcp sport @listeners drop" + RulesetBuilder.comment(FORGOTTEN));
        }
        if (inbound != null) {
            opened.add("tcp sport @inbound_listeners drop" + RulesetBuilder.comment(FORGOTTEN));
        }
        opened.add("tcp sport != " + open.ephemeral() + " accept"
                + RulesetBuilder.comment("answers of servers on this host"));
        builder.chain("open_connections", opened);
    }
}
