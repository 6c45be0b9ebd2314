package io.meshcapture.backend.iptables;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Rank;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.EitherWay;
import io.meshcapture.rules.Forwarding;
import io.meshcapture.rules.Step;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Writes a decision as the rules of one family. Pure.
 *
 * <p>Direct is {@code RETURN}, back to the built-in chain, where rules of others are asked: what is not captured goes where
 * it would go without us. A captured connection is decided by {@code REDIRECT}, which ends the table. A chain of the nat
 * table is asked for the first packet of a connection only.
 */
final class Renderer {

    /** The mark of what is rejected, on its way from nat to filter: "mesh". */
    static final String REJECTED = "0x6d657368";

    private final Decision decision;
    private final Family family;
    private final Slot slot;
    private final Ruleset ruleset = new Ruleset();
    private final boolean quicToo;
    private final Map<String, Long> groups;

    private Renderer(Decision decision, Family family, Slot slot, Memory memory) {
        this.groups = memory.groups();
        this.decision = decision;
        this.family = family;
        this.slot = slot;
        this.quicToo = decision.endings().contains(Decision.Ending.REJECT_QUIC);
    }

    /** Nothing where the decision leaves the family alone. */
    static Ruleset render(Decision decision, Family family, Slot slot, Memory memory) {
        if (family == Family.IPV6 && decision.steps().contains(new EitherWay.Ipv6Bypass())) {
            return new Ruleset();
        }
        Renderer renderer = new Renderer(decision, family, slot, memory);
        renderer.render(memory);
        return renderer.ruleset;
    }

    private void render(Memory memory) {
        Ruleset.Contents nat = ruleset.in(Table.NAT);
        decide("OUTPUT", decision.steps());
        Forwarding forwarding = decision.forwarding();
        if (forwarding != null) {
            decide("FWD", forwarding.steps());
            List<Rule> arriving = nat.chain(slot.chain("ARRIVING"));
            for (InterfaceName name : forwarding.interfaces()) {
                arriving.add(Rule.of(
                        "-i " + spelled(name),
                        "what arrives on these interfaces is outbound",
                        "-j " + slot.chain("FWD")));
            }
        }
        if (decision.inbound() != null) {
            new ArrivalRules(decision, decision.inbound(), family, slot, ruleset).render();
        }
        for (Port listener : decision.listeners()) {
            to("TO_" + listener, listener, false);
        }
        Step.Dns dns = decision.dns();
        if (dns != null) {
            to("TO_DNS_" + dns.listener(), dns.listener(), true);
            ZoneRules.render(decision, dns, family, slot, ruleset);
        }
        FilterRules.render(decision, family, slot, memory, ruleset);
        Jumps.to(slot, ruleset, family);
        nat.chains().put(Slot.HOME, memory.rules(family == Family.IPV4));
        if (family == Family.IPV4) {
            nat.chains().put(slot.chain("NOTES"), memory.notes());
        }
    }

    private void decide(String plain, List<Step> all) {
        GuardRules guards = new GuardRules(ruleset, slot, family, plain);
        LookupRules lookups = new LookupRules(ruleset, slot, family, plain, groups, quicToo);
        List<Step.Lookup> last = new ArrayList<>();
        for (Step step : all) {
            if (step instanceof Step.Lookup lookup && lookup.rank() == Rank.NAME) {
                lookups.names(lookup, guards.rules()); // asked before the guard that leaves loopback alone
            } else if (step instanceof Step.Lookup lookup) {
                last.add(lookup);
            } else {
                step.read(guards);
            }
        }
        lookups.lookups(last, guards.rules());
    }

    /** The chain that sends to a listener. */
    private void to(String plain, Port listener, boolean udpToo) {
        List<Rule> chain = ruleset.in(Table.NAT).chain(slot.chain(plain));
        for (Decision.Ending ending : decision.endings()) {
            switch (ending) {
                case REJECT_IPV6 -> {
                    if (family == Family.IPV6) {
                        chain.addAll(rejection("", ending.why()));
                    }
                }
                case REJECT_QUIC -> {
                    if (!udpToo) {
                        chain.addAll(rejection("-p udp", ending.why()));
                    }
                }
                case DROP_INVALID -> {} // refused before
                case REDIRECT -> {
                    chain.add(Rule.of("-p tcp", ending.why(), "-j REDIRECT --to-ports " + listener));
                    if (udpToo) {
                        chain.add(Rule.of("-p udp", ending.why(), "-j REDIRECT --to-ports " + listener));
                    }
                }
            }
        }
    }

    /** The nat table cannot reject; the filter table, which is asked next, does, and nobody else is asked in between. */
    static List<Rule> rejection(String matches, String why) {
        return List.of(
                Rule.of(matches, why, "-j MARK --set-xmark " + REJECTED + "/0xffffffff"),
                Rule.of(matches, why, "-j ACCEPT"));
    }

    /** A prefix of names ends in {@code +} here. */
    static String spelled(InterfaceName name) {
        String value = name.value();
        return value.endsWith("*") ? value.substring(0, value.length() - 1) + "+" : value;
    }

    /** An address as iptables prints it. */
    static String spelled(Address address) {
        return address + "/" + address.family().bits();
    }
}
