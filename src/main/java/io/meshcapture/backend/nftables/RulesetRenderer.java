package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Port;
import io.meshcapture.rules.AlwaysDirect;
import io.meshcapture.rules.CallerKey;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Entry;
import io.meshcapture.rules.Forwarding;
import io.meshcapture.rules.InboundDecision;
import io.meshcapture.rules.ServiceFacts;
import io.meshcapture.rules.Step;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Writes a decision as a ruleset. Pure.
 *
 * <p>The verdict {@code accept} of a nat chain ends this table's part only: later chains of other tables still see the
 * packet, so it means direct as far as we are concerned. A nat chain is asked for the first packet of a connection, so
 * none of this costs an established one anything.
 */
final class RulesetRenderer {

    /** What the name of a chain that sends to a listener begins with. */
    static final String TO = "to_";

    static final String REUSED = "a connection that was open before is over";
    private static final String FORGOTTEN =
            "Envoy's end of a captured connection waits until the client's is known again";

    /** The chain that decides about what is forwarded, and what the names of its maps begin with. */
    static final String FORWARDED = "forwarded";

    static final String FORWARDING = "what arrives on these interfaces is outbound";
    static final String OPEN = "open when capture began";

    private final Ruleset ruleset;
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
            InboundRenderer.render(renderer.ruleset, decision.inbound(), decision.listeners());
        }
        if (decision.forwarding() != null) {
            renderer.forwarding(decision.forwarding());
        }
        renderer.chain(BaseChain.OUTPUT.target(), outbound);
        InvalidPackets.render(renderer.ruleset, decision);
        renderer.dns(decision);
        return BaseChain.leading(renderer.ruleset, Slot.FIRST, null, false);
    }

    /** What arrives on these interfaces is asked first; what it does not decide may be inbound. */
    private void forwarding(Forwarding forwarding) {
        forwards = true;
        rules = new ArrayList<>();
        forwarding.steps().forEach(step -> step.read(steps));
        chain(FORWARDED, rules);
        List<String> arriving = jumps(forwarding, FORWARDED);
        Chain inbound = ruleset.chains().get(BaseChain.PREROUTING.target());
        if (inbound != null) {
            arriving.addAll(inbound.rules());
        }
        chain(BaseChain.PREROUTING.target(), arriving);
    }

    private static List<String> jumps(Forwarding forwarding, String chain) {
        List<String> jumps = new ArrayList<>();
        for (InterfaceName name : forwarding.interfaces()) {
            jumps.add("iifname \"" + name + "\" jump " + chain + comment(FORWARDING));
        }
        return jumps;
    }

    private void livingSets() {
        set(Ruleset.TRIAL, false, "type nf_proto", "flags timeout");
        // dynamic: whoever uses such a tuple again takes it out, see rulesTo
        String size = "size " + OpenConnectionSets.SIZE;
        set(
                Ruleset.OPEN_IPV4,
                false,
                "type ipv4_addr . inet_service . ipv4_addr . inet_service",
                size,
                "flags dynamic");
        set(
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
        renderer.set(Ruleset.LISTENERS, false, "type inet_service");
        renderer.set(Ruleset.INBOUND_LISTENERS, false, "type inet_service");
        return renderer.ruleset.sets().values();
    }

    private void services(List<ServiceFacts> services) {
        NftSet set = set(Ruleset.SERVICES, false, "type mark . mark");
        for (ServiceFacts facts : services) {
            String key = ServiceRecord.key(facts.name());
            set.elements()
                    .put(key, Element.of(key, ServiceRecord.unapplied(facts).comment(), ""));
        }
    }

    private void listeners(Decision decision) {
        NftSet ports = set(Ruleset.LISTENERS, false, "type inet_service");
        NftSet inboundPorts = set(Ruleset.INBOUND_LISTENERS, false, "type inet_service");
        decision.listeners()
                .forEach(port -> ports.elements().put(port.toString(), Element.of(port.toString(), "", "")));
        if (inbound != null) {
            String port = inbound.listener().toString();
            inboundPorts.elements().put(port, Element.of(port, "", ""));
        }
        Step.Dns dns = decision.dns();
        if (dns != null) {
            String port = dns.listener().toString();
            ports.elements().put(port, Element.of(port, "", ""));
            chain(DnsRules.chainTo(dns.listener()), DnsRules.rulesTo(dns.listener(), decision.endings()));
        }
        for (Port listener : decision.listeners()) {
            chain(chainTo(listener), rulesTo(listener, decision.endings()));
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
        put(DnsRules.zoneChain(dns, guards(decision.steps(), dns), forwarding != null));
        if (forwarding != null) {
            forwards = true;
            put(DnsRules.guestsZoneChain(dns, guards(forwarding.steps(), dns)));
            chain(DnsRules.GUESTS_ZONE_CHAIN, jumps(forwarding, DnsRules.GUESTS_ZONE));
        }
    }

    private void put(Chain chain) {
        ruleset.chains().put(chain.name(), chain);
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

    /** The rules of the chain that sends to a listener. */
    static List<String> rulesTo(Port listener, List<Decision.Ending> endings) {
        List<String> rules = new ArrayList<>();
        for (Decision.Ending ending : endings) {
            String why = comment(ending.why());
            switch (ending) {
                case REJECT_IPV6 -> {
                    // only a reset is quick: after an ICMP error the client's SYN is retried for a second
                    rules.add("meta nfproto ipv6 meta l4proto tcp counter reject with tcp reset" + why);
                    rules.add("meta nfproto ipv6 counter reject with icmpv6 port-unreachable" + why);
                }
                case REJECT_QUIC -> rules.add("meta l4proto udp counter reject" + why);
                case DROP_INVALID -> rules.addAll(InvalidPackets.remembering(why));
                case REDIRECT -> {
                    // a tuple that was open once and is used again is captured from now on, also after conntrack -F
                    rules.add("delete @open_ip { ip saddr . tcp sport . ip daddr . tcp dport }" + comment(REUSED));
                    rules.add("delete @open_ip6 { ip6 saddr . tcp sport . ip6 daddr . tcp dport }" + comment(REUSED));
                    rules.add("meta l4proto tcp redirect to :" + listener + why);
                }
            }
        }
        return rules;
    }

    static String chainTo(Port listener) {
        return TO + listener;
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
            ids("envoy_users", "uid", step.uids());
            ids("envoy_groups", "gid", step.gids());
            rule("meta skuid @envoy_users jump " + InboundRenderer.ENVOY_TO_ITSELF, step);
            return rule("meta skgid @envoy_groups jump " + InboundRenderer.ENVOY_TO_ITSELF, step);
        }

        @Override
        public @Nullable Void envoyUsers(Step.EnvoyUsers step) {
            ids("envoy_users", "uid", step.uids());
            return rule("meta skuid @envoy_users accept", step);
        }

        @Override
        public @Nullable Void envoyGroups(Step.EnvoyGroups step) {
            ids("envoy_groups", "gid", step.gids());
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
            if (forwards && step.rank() != null) {
                declareForwarded(step);
            } else {
                declareLookup(step);
            }
            return null;
        }
    }

    private @Nullable Void rule(String text, Step step) {
        rules.add(text + comment(step.why()));
        return null;
    }

    private void ids(String name, String type, SortedSet<Long> ids) {
        NftSet set = set(name, false, "type " + type);
        for (Long id : ids) {
            set.elements().put(id.toString(), Element.of(id.toString(), "", ""));
        }
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
                "ip saddr 127.0.0.0/8 ip daddr != 127.0.0.0/8 tcp sport @listeners drop" + comment(FORGOTTEN),
                "ip6 saddr ::1 ip6 daddr != ::1 tcp sport @listeners drop" + comment(FORGOTTEN),
                "ip saddr . tcp sport . ip daddr . tcp dport @open_ip accept" + comment(OPEN),
                "ip6 saddr . tcp sport . ip6 daddr . tcp dport @open_ip6 accept" + comment(OPEN)));
        if (forwardsToo) {
            opened.add("tcp sport @listeners drop" + comment(FORGOTTEN));
        }
        if (inbound != null) {
            opened.add("tcp sport @inbound_listeners drop" + comment(FORGOTTEN));
        }
        opened.add("tcp sport != " + open.ephemeral() + " accept" + comment("answers of servers on this host"));
        chain("open_connections", opened);
    }

    private void declareLookup(Step.Lookup lookup) {
        Map<CallerKey, Integer> networksOf = new HashMap<>();
        for (Entry entry : lookup.entries()) {
            networksOf.merge(entry.caller(), 1, Integer::sum);
        }
        // sorted: which map of a look-up is asked first makes no difference, and so no difference may come of it
        TreeMap<LookupMap, List<Entry>> maps = new TreeMap<>();
        for (Entry entry : lookup.entries()) {
            boolean many = networksOf.getOrDefault(entry.caller(), 0) > LookupMap.MANY;
            maps.computeIfAbsent(LookupMap.of(entry, many), any -> new ArrayList<>())
                    .add(entry);
        }
        maps.forEach((kind, entries) -> {
            String prefix = lookup.rank() == null ? "except" : kind.who() + "_" + lookup.layer();
            NftSet map =
                    set(kind.name(prefix), true, "type " + kind.type() + " : verdict", "flags interval", "counter");
            rule(kind.expression() + " vmap @" + map.name(), lookup);
            for (Entry entry : entries) {
                String key = kind.key(entry);
                String verdict = entry.listener() == null ? "accept" : "goto " + chainTo(entry.listener());
                String owner = entry.service() == null ? "" : entry.service().value();
                map.elements().put(key, Element.of(key, owner, verdict));
            }
        });
    }

    private void declareForwarded(Step.Lookup lookup) {
        for (Family family : Family.values()) {
            String ip = family == Family.IPV4 ? "ip" : "ip6";
            String address = family == Family.IPV4 ? "ipv4_addr" : "ipv6_addr";
            List<Entry> entries = lookup.entries().stream()
                    .filter(entry -> entry.network().family() == family)
                    .toList();
            if (entries.isEmpty()) {
                continue;
            }
            NftSet map = set(
                    FORWARDED + "_" + lookup.layer() + "_" + ip,
                    true,
                    "type " + address + " . " + address + " . inet_service : verdict",
                    "flags interval",
                    "counter");
            rule(ip + " saddr . " + ip + " daddr . th dport vmap @" + map.name(), lookup);
            for (Entry entry : entries) {
                Network source = entry.caller().network();
                Network any = family == Family.IPV4 ? Network.ALL_IPV4 : Network.ALL_IPV6;
                String key = spelled(source == null ? any : source) + " . " + spelled(entry.network()) + " . "
                        + entry.ports();
                String verdict = entry.listener() == null ? "accept" : "goto " + chainTo(entry.listener());
                String owner = entry.service() == null ? "" : entry.service().value();
                map.elements().put(key, Element.of(key, owner, verdict));
            }
        }
    }

    private static String spelled(Network network) {
        return network.prefix() == 0 ? network.base() + "/0" : network.toString();
    }

    private NftSet set(String name, boolean isMap, String... declaration) {
        NftSet set = new NftSet(name, isMap, List.of(declaration), new LinkedHashMap<>());
        ruleset.sets().put(name, set);
        return set;
    }

    private void chain(String name, List<String> rules) {
        ruleset.chains().put(name, new Chain(name, null, List.copyOf(rules)));
    }

    static String comment(String why) {
        return " comment \"" + why + "\"";
    }
}
