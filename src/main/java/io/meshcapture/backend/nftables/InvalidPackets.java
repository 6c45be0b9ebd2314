package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.InboundDecision;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * What {@code invalid: drop} is made of.
 *
 * <p>A packet that conntrack calls INVALID is not translated. Of an outbound connection it would leave with its untranslated
 * ends: the client's to the real destination, which knows nothing of the connection and answers it with a reset; Envoy's
 * to the client, from an address that the client's socket knows nothing of, which answers with a reset likewise. Of an inbound
 * connection the client's would meet no socket of its own here, and this host would answer it with a reset. Mostly it is
 * the FIN or RST of a connection whose entry vanished ({@code conntrack -F}) or expired, as those of half-closed ones do
 * after a minute; other packets of such a connection are NEW, and are taken up again (net.netfilter.nf_conntrack_tcp_loose).
 *
 * <p>Envoy's end is known by its ports. The client's looks like any other connection, and who asks for it and for what is
 * not asked again of an established one; so what is captured is remembered, by its ends, in a set: when it is captured, and
 * then with every packet that it sends. The record of one that is idle lasts a day, and that of one that is
 * over as long as late packets may come. Where the set is full, further connections are treated as with {@code accept}.
 */
final class InvalidPackets {

    /** As many as conntrack itself knows by default (net.netfilter.nf_conntrack_max) on a host with memory. */
    private static final String SIZE = "size 262144";

    private static final String ENVOYS = RulesetBuilder.comment("INVALID, from Envoy's end of a captured connection");
    private static final String CLIENTS =
            RulesetBuilder.comment("INVALID, from the client's end of a captured connection");

    private static final String OF_IPV4 = "ip saddr . tcp sport . ip daddr . tcp dport";
    private static final String OF_IPV6 = "ip6 saddr . tcp sport . ip6 daddr . tcp dport";

    /**
     * Conntrack's states but ESTABLISHED (5 days) have shorter times than this (tcp_timeouts in
     * net/netfilter/nf_conntrack_proto_tcp.c), and nobody sends any more after twice their longest.
     */
    private static final String OVER = "5m";

    private InvalidPackets() {}

    /** Adds to a ruleset what its decision needs; nothing where INVALID packets are accepted. */
    static void render(RulesetBuilder builder, Decision decision) {
        InboundDecision inbound = decision.inbound();
        boolean dropsInbound = inbound != null && inbound.endings().contains(Decision.Ending.DROP_INVALID);
        boolean dropsOutbound = decision.endings().contains(Decision.Ending.DROP_INVALID);
        if (!dropsOutbound && !dropsInbound) {
            return;
        }
        for (NftSet set : List.of(
                set(Ruleset.CAPTURED_IPV4, "type ipv4_addr . inet_service . ipv4_addr . inet_service"),
                set(Ruleset.CAPTURED_IPV6, "type ipv6_addr . inet_service . ipv6_addr . inet_service"))) {
            builder.ruleset().sets().put(set.name(), set);
        }
        List<String> leaving = new ArrayList<>();
        leaving.add("ct state invalid ip saddr 127.0.0.0/8 ip daddr != 127.0.0.0/8 tcp sport @listeners counter drop"
                + ENVOYS);
        leaving.add("ct state invalid ip6 saddr ::1 ip6 daddr != ::1 tcp sport @listeners counter drop" + ENVOYS);
        if (decision.forwarding() != null) {
            leaving.add("ct state invalid ip saddr != 127.0.0.0/8 tcp sport @listeners counter drop" + ENVOYS);
            leaving.add("ct state invalid ip6 saddr != ::1 tcp sport @listeners counter drop" + ENVOYS);
        }
        if (inbound != null && dropsInbound) {
            leaving.add("ct state invalid tcp sport @inbound_listeners counter drop" + ENVOYS);
        }
        leaving.addAll(ofClients());
        builder.chain(BaseChain.LEAVING.target(), leaving);
        if (decision.forwarding() != null || dropsInbound) {
            builder.chain(BaseChain.ENTERING.target(), ofClients());
        }
    }

    private static NftSet set(String name, String type) {
        return new NftSet(
                name, false, List.of(type, SIZE, "flags dynamic,timeout", "timeout 1d"), new LinkedHashMap<>());
    }

    /** The rules of a chain that captures. */
    static List<String> remembering(String comment) {
        return List.of(
                "update @" + Ruleset.CAPTURED_IPV4 + " { " + OF_IPV4 + " }" + comment,
                "update @" + Ruleset.CAPTURED_IPV6 + " { " + OF_IPV6 + " }" + comment);
    }

    /** What a client sends, here or from outside: dropped where it is INVALID, remembered otherwise. */
    private static List<String> ofClients() {
        return List.of(
                "ct state invalid " + OF_IPV4 + " @" + Ruleset.CAPTURED_IPV4 + " counter drop" + CLIENTS,
                "ct state invalid " + OF_IPV6 + " @" + Ruleset.CAPTURED_IPV6 + " counter drop" + CLIENTS,
                ended(Ruleset.CAPTURED_IPV4, OF_IPV4),
                ended(Ruleset.CAPTURED_IPV6, OF_IPV6),
                refreshed(Ruleset.CAPTURED_IPV4, OF_IPV4, true),
                refreshed(Ruleset.CAPTURED_IPV4, OF_IPV4, false),
                refreshed(Ruleset.CAPTURED_IPV6, OF_IPV6, true),
                refreshed(Ruleset.CAPTURED_IPV6, OF_IPV6, false));
    }

    /** A first packet that is not one sent again; whether the new connection is captured too is decided after this. */
    private static String ended(String set, String ends) {
        return "ct state new ct status ! dnat delete @" + set + " { " + ends + " }"
                + RulesetBuilder.comment("another connection");
    }

    private static String refreshed(String set, String ends, boolean over) {
        return "ct direction original ct status dnat ct expiration " + (over ? "< " : ">= ") + OVER + " " + ends + " @"
                + set
                + " update @" + set + " { " + ends + (over ? " timeout " + OVER : "") + " }"
                + RulesetBuilder.comment(over ? "captured, beginning or ending" : "captured, established");
    }
}
