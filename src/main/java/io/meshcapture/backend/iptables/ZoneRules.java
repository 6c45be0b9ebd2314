package io.meshcapture.backend.iptables;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Network;
import io.meshcapture.rules.AlwaysDirect;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.EitherWay;
import io.meshcapture.rules.Forwarding;
import io.meshcapture.rules.Step;
import java.util.ArrayList;
import java.util.List;

/**
 * The conntrack zone of captured DNS over UDP, given before conntrack sees the packet: captured queries and the answers of
 * Envoy's listener to them are in one of their own, everything else of DNS in none, so that a query from a port that Envoy
 * has just asked the same server from is another flow.
 */
final class ZoneRules {

    static final String ANSWERS = "answers of Envoy's DNS listener belong to captured queries";
    private static final String QUERIES = "captured queries are flows apart from Envoy's own";
    private static final String NOT_DNS = "only DNS over UDP has a zone";

    private static final String INTO = "-j CT --zone " + Step.Dns.ZONE;

    private ZoneRules() {}

    /** What tells the servers that are meant, one match each. */
    static List<String> servers(Step.Dns dns, Family family) {
        if (dns.any()) {
            return List.of(family == Family.IPV4 ? "" : "! -d " + Leaf.spelled(AlwaysDirect.IPV6_LINK_LOCAL));
        }
        List<String> matches = new ArrayList<>();
        for (Address server : dns.servers()) {
            if (server.family() == family) {
                matches.add("-d " + Renderer.spelled(server));
            }
        }
        return matches;
    }

    /** Both matches. */
    static String with(String match, String more) {
        return match.isEmpty() ? more : match + " " + more;
    }

    /** What the jump to the chain asks: most packets are neither. */
    static List<String> asked(Family family) {
        return List.of("-p udp", refusals(family, true));
    }

    static void render(Decision decision, Step.Dns dns, Family family, Slot slot, Ruleset ruleset) {
        Ruleset.Contents raw = ruleset.in(Table.RAW);
        List<Rule> rules = raw.chain(slot.chain("ZONE"));
        boolean forwards = decision.forwarding() != null;
        rules.add(Rule.of(
                refusals(family, forwards) + " "
                        + quoting(family, dns.listener().number()),
                ANSWERS,
                INTO));
        rules.add(Rule.of("! -p udp", NOT_DNS, "-j RETURN"));
        // guests are not answered from loopback
        rules.add(Rule.of(from(family, forwards) + "-p udp -m udp --sport " + dns.listener(), ANSWERS, INTO));
        queries(decision.steps(), dns, family, rules);
        Forwarding forwarding = decision.forwarding();
        if (forwarding != null) {
            queries(forwarding.steps(), dns, family, raw.chain(slot.chain("ZONE_FWD")));
            for (InterfaceName name : forwarding.interfaces()) {
                raw.chain(slot.chain("GUESTS"))
                        .add(Rule.of("-i " + Renderer.spelled(name) + " -j " + slot.chain("ZONE_FWD")));
            }
        }
    }

    private static void queries(List<Step> before, Step.Dns dns, Family family, List<Rule> rules) {
        rules.add(Rule.of("-p udp -m udp ! --dport " + Step.Dns.PORT, NOT_DNS, "-j RETURN"));
        for (Step step : before) {
            if (step.equals(dns)) {
                break;
            }
            guard(step, family, rules);
        }
        for (String match : servers(dns, family)) {
            rules.add(Rule.of(with(match, "-p udp"), QUERIES, INTO));
        }
    }

    private static String from(Family family, boolean anywhere) {
        return anywhere ? "" : family == Family.IPV4 ? "-s 127.0.0.0/8 " : "-s ::1/128 ";
    }

    /** What keeps a query direct where it is decided keeps it out of the zone. */
    private static void guard(Step step, Family family, List<Rule> rules) {
        List<String> matches = new ArrayList<>();
        if (step instanceof EitherWay.ExceptInterfaces except) {
            for (InterfaceName name : except.interfaces()) {
                matches.add("-o " + Renderer.spelled(name));
            }
        } else if (step instanceof Step.EnvoyUsers envoy) {
            envoy.uids().forEach(uid -> matches.add("-m owner --uid-owner " + uid));
        } else if (step instanceof Step.EnvoyGroups envoy) {
            envoy.gids().forEach(gid -> matches.add("-m owner --gid-owner " + gid));
        } else if (step instanceof Step.OwnAddresses) {
            matches.add("-m addrtype --dst-type LOCAL"); // of guests only: here they come after DNS
        } else if (step instanceof Step.Multicast) {
            for (Network network : AlwaysDirect.MULTICAST) {
                if (network.family() == family) {
                    matches.add("-d " + Leaf.spelled(network));
                }
            }
        } else if (step instanceof Step.Broadcast && family == Family.IPV4) {
            matches.add("-m addrtype --dst-type BROADCAST");
        }
        matches.forEach(match -> rules.add(Rule.of(match, step.why(), "-j RETURN")));
    }

    private static String refusals(Family family, boolean anywhere) {
        return from(family, anywhere)
                + (family == Family.IPV4 ? "-p icmp -m icmp --icmp-type 3" : "-p ipv6-icmp -m icmp6 --icmpv6-type 1");
    }

    /**
     * The kernel's answer where Envoy does not listen quotes the datagram behind its own 8 bytes (RFC 792, RFC 4443): UDP, to
     * the listener's port. In its zone it is translated, and the client hears at once.
     */
    private static String quoting(Family family, int port) {
        int header = family == Family.IPV4 ? 20 : 40;
        int protocol = family == Family.IPV4 ? 9 : 6;
        int quoted = header + 8; // the header of IP without options, which loopback has none of, and that of ICMP
        return "-m u32 --u32 \"0x" + Integer.toHexString(quoted + protocol - 3) + "&0xff=0x11&&0x"
                + Integer.toHexString(quoted + header) + "&0xffff=0x" + Integer.toHexString(port) + "\"";
    }

    /** What stays while nothing is captured any more and answers are still on their way. */
    static List<Rule> answersOnly(List<Rule> zone) {
        return zone.stream().filter(rule -> rule.comment().equals(ANSWERS)).toList();
    }
}
