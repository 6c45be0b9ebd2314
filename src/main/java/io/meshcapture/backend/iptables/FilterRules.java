package io.meshcapture.backend.iptables;

import io.meshcapture.plan.Family;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.InboundDecision;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** What the nat table cannot do: rejecting, and holding packets back. */
final class FilterRules {

    private static final String FORGOTTEN =
            "Envoy's end of a captured connection waits until the client's is known again";

    private FilterRules() {}

    static void render(Decision decision, Family family, Slot slot, Memory memory, Ruleset ruleset) {
        Ruleset.Contents filter = ruleset.in(Table.FILTER);
        InboundDecision inbound = decision.inbound();
        List<Rule> rejects = rejects(decision.endings(), family);
        List<Rule> leaving = new ArrayList<>(rejects);
        leaving.addAll(forgotten(decision.forwarding() != null, inbound != null, family, memory));
        chain(filter, slot.chain("LEAVING"), leaving);
        if (decision.forwarding() != null) {
            chain(filter, slot.chain("PASSING"), rejects);
        }
        if (inbound != null) {
            chain(filter, slot.chain("ENTERING"), rejects(inbound.endings(), family));
        }
    }

    /** Makes what stands of a slot, and is to be in force again, know of the listeners that were sent to meanwhile. */
    static void remember(Memory memory, Ruleset ruleset, Family family, Slot slot) {
        Set<String> nat = ruleset.of(Table.NAT).chains().keySet();
        if (!nat.contains(slot.chain("OUTPUT"))) {
            return;
        }
        List<Rule> leaving = new ArrayList<>();
        for (Rule rule : ruleset.of(Table.FILTER).chains().getOrDefault(slot.chain("LEAVING"), List.of())) {
            if (!rule.comment().equals(FORGOTTEN)) {
                leaving.add(rule);
            }
        }
        boolean inbound = nat.contains(slot.chain("INBOUND"))
                || ruleset.of(Table.MANGLE).chains().containsKey(slot.chain("INBOUND"));
        leaving.addAll(forgotten(nat.contains(slot.chain("FWD")), inbound, family, memory));
        chain(ruleset.in(Table.FILTER), slot.chain("LEAVING"), leaving);
    }

    private static void chain(Ruleset.Contents filter, String chain, List<Rule> rules) {
        if (!rules.isEmpty()) {
            filter.chains().put(chain, rules);
        }
    }

    private static List<Rule> rejects(List<Decision.Ending> endings, Family family) {
        List<Rule> rules = new ArrayList<>();
        String rejected = "-m mark --mark " + Renderer.REJECTED;
        String unreachable = family == Family.IPV4 ? "icmp-port-unreachable" : "icmp6-port-unreachable";
        for (Decision.Ending ending : endings) {
            if (ending == Decision.Ending.REJECT_IPV6 && family == Family.IPV6) {
                // only a reset is quick: after an ICMP error the client's SYN is retried for a second
                rules.add(Rule.of("-p tcp " + rejected, ending.why(), "-j REJECT --reject-with tcp-reset"));
                rules.add(Rule.of(rejected, ending.why(), "-j REJECT --reject-with " + unreachable));
            } else if (ending == Decision.Ending.REJECT_QUIC) {
                rules.add(Rule.of("-p udp " + rejected, ending.why(), "-j REJECT --reject-with " + unreachable));
            }
        }
        return rules;
    }

    /**
     * Where conntrack has forgotten a captured connection and Envoy sends first, its packet cannot be translated, and the client
     * would answer it with a reset; so it waits, is sent again by Envoy's kernel, and passes once the client has sent.
     */
    private static List<Rule> forgotten(boolean forwarding, boolean inbound, Family family, Memory memory) {
        String loopback = family == Family.IPV4 ? "127.0.0.0/8" : "::1/128";
        String unknown = " -m conntrack --ctstate NEW";
        List<Rule> rules = new ArrayList<>();
        TreeSet<Integer> listeners = new TreeSet<>(memory.listeners());
        for (int port : listeners) {
            String from = forwarding ? "" : "-s " + loopback + " ! -d " + loopback + " ";
            rules.add(Rule.of(from + answers(port) + unknown, FORGOTTEN, "-j DROP"));
        }
        if (inbound) {
            for (int port : memory.inboundListeners()) {
                rules.add(Rule.of(answers(port) + unknown, FORGOTTEN, "-j DROP"));
            }
        }
        return rules;
    }

    private static String answers(int port) {
        return "-p tcp -m tcp --sport " + port + " ! --tcp-flags FIN,SYN,RST,ACK SYN";
    }
}
