package io.meshcapture.backend.nftables;

import io.meshcapture.plan.Port;
import io.meshcapture.rules.Decision;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The chains that send what is captured to a listener of Envoy's, or reject it. */
final class Redirect {

    /** What the name of such a chain begins with. */
    static final String TO = "to_";

    private static final String REUSED = RulesetBuilder.comment("a connection that was open before is over");

    private static final Pattern QUIC_REJECTED = Pattern.compile(
            "counter packets (\\d+) bytes \\d+ reject[^\n]*\"" + Decision.Ending.REJECT_QUIC.why() + "\"");

    private Redirect() {}

    static String chainTo(Port listener) {
        return TO + listener;
    }

    static List<String> rules(Port listener, List<Decision.Ending> endings) {
        List<String> rules = new ArrayList<>();
        for (Decision.Ending ending : endings) {
            String why = RulesetBuilder.comment(ending.why());
            switch (ending) {
                case REJECT_IPV6 -> {
                    rules.add(resetOfIpv6());
                    rules.add("meta nfproto ipv6 counter reject with icmpv6 port-unreachable" + why);
                }
                case REJECT_QUIC -> rules.add("meta l4proto udp counter reject" + why);
                case DROP_INVALID -> rules.addAll(InvalidPackets.remembering(why));
                case REDIRECT -> {
                    rules.addAll(forgetting("ip saddr . tcp sport . ip daddr . tcp dport"));
                    rules.add("meta l4proto tcp redirect to :" + listener + why);
                }
            }
        }
        return rules;
    }

    /** How many packets of QUIC the rules of a listing have rejected; {@link ListingParser} leaves counters of rules out. */
    static long quicRejected(String listing) {
        Matcher rule = QUIC_REJECTED.matcher(listing);
        long sum = 0;
        while (rule.find()) {
            sum += Long.parseLong(rule.group(1));
        }
        return sum;
    }

    /** Only a reset is quick: after an ICMP error the client's SYN is retried for a second. */
    static String resetOfIpv6() {
        return "meta nfproto ipv6 meta l4proto tcp counter reject with tcp reset"
                + RulesetBuilder.comment(Decision.Ending.REJECT_IPV6.why());
    }

    /**
     * A tuple that was open once and is used again is captured from now on, also after conntrack -F.
     *
     * @param tuple which ends of the packet are whose, for IPv4
     */
    static List<String> forgetting(String tuple) {
        return List.of(
                "delete @open_ip { " + tuple + " }" + REUSED,
                "delete @open_ip6 { " + tuple.replace("ip ", "ip6 ") + " }" + REUSED);
    }
}
