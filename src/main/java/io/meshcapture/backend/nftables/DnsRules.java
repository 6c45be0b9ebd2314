package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Port;
import io.meshcapture.rules.AlwaysDirect;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Step;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Capture of DNS as rules, and read back from them.
 *
 * <p>Queries over UDP that are captured, and the answers of Envoy's listener to them, have a conntrack zone of their own; everything
 * else of DNS, Envoy's own queries and their answers above all, has none. Conntrack knows a UDP flow by its addresses
 * and ports alone, for up to two minutes, and a nat chain is asked for its first packet only: without zones, a query from a port that
 * Envoy asked the same server from just before would go to the server, and one of Envoy's from a port that an
 * application has just used would come back to Envoy. The zone depends on what is in force and on nothing else, so that a
 * socket that asks again and again is in another flow as soon as capture begins or ends, also where a trial ends by the
 * kernel's clock.
 *
 * <p>A redirected packet keeps its conntrack entry on its way through loopback, so that no rule is needed where packets
 * arrive, but for the queries of guests whose traffic counts as outbound. Masqueraded queries of others stay as they are.
 */
final class DnsRules {

    /** The chain in which queries get their zone, before conntrack sees them. */
    static final String ZONE_CHAIN = "dns_zone";

    /** Likewise those that arrive from virtual machines and containers behind this host. */
    static final String GUESTS_ZONE_CHAIN = "dns_zone_arriving";

    static final String GUESTS_ZONE = "dns_zone_forwarded";

    static final String SERVERS_IPV4 = "dns_servers_ip";
    static final String SERVERS_IPV6 = "dns_servers_ip6";

    private static final String INTO_ZONE = "ct zone set " + Step.Dns.ZONE;

    private static final String TO = Redirect.TO + "dns_";

    /** Comments of the rules of that chain that are no step. */
    private static final String NOT_UDP = "only flows of UDP have a zone";

    private static final String ANSWERS = "answers of Envoy's DNS listener belong to captured queries";
    private static final String NOT_DNS = "only DNS has a zone";
    private static final String QUERIES = "captured queries are flows apart from Envoy's own";

    private DnsRules() {}

    static String chainTo(Port listener) {
        return TO + listener;
    }

    /** Envoy's DNS listener that a chain sends to, or null where it does not. */
    static @Nullable Port listener(String chain) {
        try {
            return chain.startsWith(TO) ? Port.parse(chain.substring(TO.length())) : null;
        } catch (BadValue e) {
            return null;
        }
    }

    /** The rules of the chain that sends to the listener. */
    static List<String> rulesTo(Port listener, List<Decision.Ending> endings) {
        List<String> rules = new ArrayList<>();
        for (String rule : Redirect.rules(
                listener,
                endings.stream()
                        .filter(ending -> ending != Decision.Ending.REJECT_QUIC)
                        .toList())) {
            rules.add(rule.replace("meta l4proto tcp redirect", "meta l4proto { tcp, udp } redirect"));
        }
        return rules;
    }

    /** The sets of servers, for the families that have any. */
    static List<NftSet> sets(Step.Dns dns) {
        List<NftSet> sets = new ArrayList<>(2);
        add(sets, SERVERS_IPV4, "ipv4_addr", Family.IPV4, dns);
        add(sets, SERVERS_IPV6, "ipv6_addr", Family.IPV6, dns);
        return sets;
    }

    private static void add(List<NftSet> sets, String name, String type, Family family, Step.Dns dns) {
        Map<String, Element> elements = new LinkedHashMap<>();
        for (Address server : dns.servers()) {
            if (server.family() == family) {
                elements.put(server.toString(), Element.of(server.toString(), "", ""));
            }
        }
        if (!elements.isEmpty()) {
            sets.add(new NftSet(name, false, List.of("type " + type), elements));
        }
    }

    /** The rules that tell captured servers and lead to the listener, without comments. */
    static List<String> rules(Step.Dns dns) {
        List<String> rules = new ArrayList<>(2);
        for (String match : matches(dns)) {
            rules.add(match + " th dport " + Step.Dns.PORT + " counter goto " + chainTo(dns.listener()));
        }
        return rules;
    }

    private static List<String> matches(Step.Dns dns) {
        if (dns.any()) {
            return List.of("meta nfproto ipv4", "ip6 daddr != " + AlwaysDirect.IPV6_LINK_LOCAL);
        }
        List<String> matches = new ArrayList<>(2);
        for (NftSet set : sets(dns)) {
            matches.add((set.name().equals(SERVERS_IPV4) ? "ip" : "ip6") + " daddr @" + set.name());
        }
        return matches;
    }

    /**
     * The chain that gives captured queries their zone.
     *
     * @param guards the rules that keep queries direct, as they stand in the chain that decides
     * @param forwards whether guests are answered too, and not from loopback
     */
    static Chain zoneChain(Step.Dns dns, List<String> guards, boolean forwards) {
        String ipv4 = forwards ? "" : "ip saddr 127.0.0.0/8 ";
        String ipv6 = forwards ? "" : "ip6 saddr ::1 ";
        List<String> rules = new ArrayList<>();
        // most packets are; names of other protocols need /etc/protocols with libnftables 1.1
        rules.add("meta l4proto tcp accept" + RulesetBuilder.comment(NOT_UDP));
        rules.add(answer(refusals(ipv4 + "icmp", 20, 9, dns.listener())));
        rules.add(answer(refusals(ipv6 + "icmpv6", 40, 6, dns.listener())));
        rules.add("meta l4proto != udp accept" + RulesetBuilder.comment(NOT_UDP));
        rules.add(answer(ipv4 + "udp sport " + dns.listener() + " "));
        if (!forwards) {
            rules.add(answer(ipv6 + "udp sport " + dns.listener() + " "));
        }
        rules.addAll(queries(dns, guards));
        return new Chain(ZONE_CHAIN, null, rules);
    }

    private static String answer(String match) {
        return match + INTO_ZONE + " accept" + RulesetBuilder.comment(ANSWERS);
    }

    /**
     * The chain that gives captured queries of guests their zone.
     *
     * @param guards the rules that keep them direct, as they stand in the chain that decides
     */
    static Chain guestsZoneChain(Step.Dns dns, List<String> guards) {
        List<String> rules = new ArrayList<>();
        rules.add("meta l4proto != udp accept" + RulesetBuilder.comment(NOT_UDP));
        rules.addAll(queries(dns, guards));
        return new Chain(GUESTS_ZONE, null, rules);
    }

    private static List<String> queries(Step.Dns dns, List<String> guards) {
        List<String> rules = new ArrayList<>();
        rules.add("udp dport != " + Step.Dns.PORT + " accept" + RulesetBuilder.comment(NOT_DNS));
        rules.addAll(guards);
        for (String match : matches(dns)) {
            rules.add(match + " " + INTO_ZONE + RulesetBuilder.comment(QUERIES));
        }
        return rules;
    }

    /**
     * The kernel's answer where Envoy does not listen: an ICMP error, which quotes the datagram behind its own 8 bytes
     * (RFC 792, RFC 4443). In its zone it is translated, and the client hears at once.
     *
     * @param header bytes of the quoted header of IP
     * @param protocol where in it the protocol stands
     */
    private static String refusals(String from, int header, int protocol, Port listener) {
        return from + " type destination-unreachable @th," + 8 * (8 + protocol) + ",8 0x11 @th," + 8 * (8 + header + 2)
                + ",16 0x" + Integer.toHexString(listener.number()) + " ";
    }

    /** What a chain of that name has to hold while nothing is captured any more and answers are still on their way. */
    static Chain answersOnly(Chain zoneChain) {
        return new Chain(
                zoneChain.name(),
                zoneChain.base(),
                zoneChain.rules().stream()
                        .filter(rule -> LiveDecision.hasComment(rule, ANSWERS))
                        .toList());
    }

    /** Envoy's DNS listener in a ruleset, or null where DNS is not captured. */
    static @Nullable Port listener(Ruleset ruleset) {
        for (String chain : ruleset.chains().keySet()) {
            Port listener = listener(chain);
            if (listener != null) {
                return listener;
            }
        }
        return null;
    }

    /** How many flows the rules of a listing have sent to the listener; {@link ListingParser} leaves counters of rules out. */
    static long counted(String listing) {
        long sum = 0;
        String counter = "counter packets ";
        String to = " goto " + TO;
        for (int at = listing.indexOf(to); at >= 0; at = listing.indexOf(to, at + 1)) {
            int start = listing.lastIndexOf(counter, at);
            if (start > listing.lastIndexOf('\n', at)) {
                int digits = start + counter.length();
                sum += Long.parseLong(listing.substring(digits, listing.indexOf(' ', digits)));
            }
        }
        return sum;
    }

    /** Both ways in which a ruleset may capture DNS, told apart by their comment; none where it does not. */
    static List<Step> read(Ruleset ruleset) {
        Port listener = listener(ruleset);
        if (listener == null) {
            return List.of();
        }
        TreeSet<Address> servers = new TreeSet<>();
        addTo(servers, ruleset.sets().get(SERVERS_IPV4));
        addTo(servers, ruleset.sets().get(SERVERS_IPV6));
        SortedSet<Address> none = new TreeSet<>();
        return List.of(new Step.Dns(false, servers, listener), new Step.Dns(true, none, listener), new Step.OtherDns());
    }

    private static void addTo(SortedSet<Address> servers, @Nullable NftSet set) {
        if (set != null) {
            for (String server : set.elements().keySet()) {
                try {
                    servers.add(Address.parse(server));
                } catch (BadValue e) {
                    throw LiveDecision.notOurs("set " + set.name() + ": " + server);
                }
            }
        }
    }
}
