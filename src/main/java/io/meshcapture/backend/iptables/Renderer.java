package io.meshcapture.backend.iptables;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Rank;
import io.meshcapture.rules.AlwaysDirect;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Forwarding;
import io.meshcapture.rules.Step;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes a decision as the rules of one family. Pure.
 *
 * <p>Direct is {@code RETURN}, back to the built-in chain, where rules of others are asked: what is not captured goes where
 * it would go without us. A captured connection is decided by {@code REDIRECT}, which ends the table. A chain of the nat
 * table is asked for the first packet of a connection only.
 *
 * <p>From within the tree of a look-up for exceptions nobody can return further than to where the tree was asked. So a
 * connection that it excepts has a bit of its mark turned over; the chain that asked sees that, turns it back, and returns.
 * What others keep in the mark is as it was then, that bit included.
 */
final class Renderer {

    /** The bit that is turned over. */
    private static final String BIT = "0x40000000";

    static final String EXCEPTED = "excepted: a bit of the mark is turned over until the look-up is left";
    static final String TURNED_BACK = "excepted, and the mark is as it was";

    /** The mark of what is rejected, on its way from nat to filter: "mesh". */
    static final String REJECTED = "0x6d657368";

    private final Decision decision;
    private final Family family;
    private final Slot slot;
    private final Ruleset ruleset = new Ruleset();
    private final boolean quicToo;
    private final Map<String, Long> groups;

    /** The chain that steps are written to. */
    private List<Rule> rules = new ArrayList<>();

    /** What names of chains of this decision begin with. */
    private String plain = "";

    private final Steps steps = new Steps();

    private Renderer(Decision decision, Family family, Slot slot, Memory memory) {
        this.groups = memory.groups();
        this.decision = decision;
        this.family = family;
        this.slot = slot;
        this.quicToo = decision.endings().contains(Decision.Ending.REJECT_QUIC);
    }

    /** Nothing where the decision leaves the family alone. */
    static Ruleset render(Decision decision, Family family, Slot slot, Memory memory) {
        if (family == Family.IPV6 && decision.steps().contains(new Step.Ipv6Bypass())) {
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

    private void decide(String name, List<Step> all) {
        plain = name;
        rules = ruleset.in(Table.NAT).chain(slot.chain(plain));
        List<Step.Lookup> lookups = new ArrayList<>();
        for (Step step : all) {
            if (step instanceof Step.Lookup lookup && lookup.rank() == Rank.NAME) {
                names(lookup); // asked before the guard that leaves loopback alone
            } else if (step instanceof Step.Lookup lookup) {
                lookups.add(lookup);
            } else {
                step.read(steps);
            }
        }
        lookups(lookups);
    }

    /**
     * A look-up as it is asked.
     *
     * @param rules where they are few, the empty list otherwise
     * @param trees the chains that its trees begin with
     */
    private record Asked(boolean excepts, List<Rule> rules, List<String> trees) {}

    /** It excepts nothing. */
    private void names(Step.Lookup lookup) {
        List<Leaf> leaves = Leaf.of(lookup, family, quicToo, groups);
        if (leaves.size() <= DispatchTree.FEW) {
            leaves.forEach(leaf -> rules.add(rule(leaf, "-j RETURN")));
        } else {
            Map<String, List<Rule>> chains = ruleset.in(Table.NAT).chains();
            new DispatchTree(chains, leaf -> rule(leaf, "-j RETURN"), slot::chain)
                    .write(name(lookup), leaves)
                    .forEach(tree -> rules.add(Rule.of("-j " + tree)));
        }
    }

    private void lookups(List<Step.Lookup> lookups) {
        List<Asked> asked = new ArrayList<>();
        boolean marks = false;
        for (Step.Lookup lookup : lookups) {
            List<Leaf> leaves = Leaf.of(lookup, family, quicToo, groups);
            boolean excepts = leaves.stream().anyMatch(leaf -> leaf.listener() == null);
            if (leaves.size() <= DispatchTree.FEW) {
                asked.add(new Asked(
                        excepts,
                        leaves.stream().map(leaf -> rule(leaf, "-j RETURN")).toList(),
                        List.of()));
            } else {
                Map<String, List<Rule>> chains = ruleset.in(Table.NAT).chains();
                String direct = "-g " + slot.chain("DIRECT");
                List<String> trees =
                        new DispatchTree(chains, leaf -> rule(leaf, direct), slot::chain).write(name(lookup), leaves);
                asked.add(new Asked(excepts, List.of(), trees));
                marks |= excepts;
            }
        }
        if (marks) {
            Rule turn = Rule.of("", EXCEPTED, "-j MARK --set-xmark " + BIT + "/0x0");
            ruleset.in(Table.NAT).chains().put(slot.chain("DIRECT"), List.of(turn));
            Rule back = Rule.of("", TURNED_BACK, "-j MARK --set-xmark " + BIT + "/0x0");
            ruleset.in(Table.NAT).chains().put(slot.chain("UNDO"), List.of(back));
            String marked = slot.chain(plain + "_MARKED");
            rules.add(Rule.of("-m mark --mark " + BIT + "/" + BIT + " -g " + marked));
            ask(ruleset.in(Table.NAT).chain(marked), asked, "! ");
        }
        ask(rules, asked, "");
    }

    private void ask(List<Rule> chain, List<Asked> lookups, String unless) {
        for (Asked lookup : lookups) {
            chain.addAll(lookup.rules());
            for (String tree : lookup.trees()) {
                chain.add(Rule.of("-j " + tree));
                if (lookup.excepts()) {
                    chain.add(Rule.of("-m mark " + unless + "--mark " + BIT + "/" + BIT + " -g " + slot.chain("UNDO")));
                }
            }
        }
    }

    private Rule rule(Leaf leaf, String direct) {
        return Rule.of(
                leaf.matches(),
                leaf.comment(),
                leaf.listener() == null ? direct : "-g " + slot.chain("TO_" + leaf.listener()));
    }

    /** {@code U2} for the second look-up of services by user; forwarded ones have a letter of their own. */
    private String name(Step.Lookup lookup) {
        if (plain.equals("FWD")) {
            return "F" + (lookup.rank() == null ? 0 : lookup.layer());
        }
        if (lookup.rank() == null) {
            return "X1";
        }
        return switch (lookup.rank()) {
                    case NAME -> "H";
                    case CGROUP -> "C";
                    case USER -> "U";
                    case GROUP -> "G";
                    case ANY -> "N";
                }
                + lookup.layer();
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

    /** Writes each guard as rules of the chain that decides. */
    private final class Steps implements Step.Reader<@Nullable Void> {
        @Override
        public @Nullable Void otherProtocols(Step.OtherProtocols step) {
            if (!step.quicToo() && !step.dnsToo()) {
                return direct("! -p tcp", step);
            }
            String ports = step.quicToo() && step.dnsToo() ? "53,443" : step.quicToo() ? "443" : "53";
            String asked = slot.chain(plain + "_ASKED");
            rules.add(Rule.of("-p tcp", step.why(), "-g " + asked));
            rules.add(Rule.of("-p udp -m multiport --dports " + ports, step.why(), "-g " + asked));
            rules = ruleset.in(Table.NAT).chain(asked);
            return null;
        }

        @Override
        public @Nullable Void exceptInterfaces(Step.ExceptInterfaces step) {
            step.interfaces().forEach(name -> direct("-o " + spelled(name), step));
            return null;
        }

        @Override
        public @Nullable Void envoyToItself(Step.EnvoyToItself step) {
            String itself = "-j " + slot.chain("ITSELF");
            step.uids().forEach(uid -> rules.add(Rule.of("-m owner --uid-owner " + uid, step.why(), itself)));
            step.gids().forEach(gid -> rules.add(Rule.of("-m owner --gid-owner " + gid, step.why(), itself)));
            return null;
        }

        @Override
        public @Nullable Void envoyUsers(Step.EnvoyUsers step) {
            step.uids().forEach(uid -> direct("-m owner --uid-owner " + uid, step));
            return null;
        }

        @Override
        public @Nullable Void envoyGroups(Step.EnvoyGroups step) {
            step.gids().forEach(gid -> direct("-m owner --gid-owner " + gid, step));
            return null;
        }

        @Override
        public @Nullable Void dns(Step.Dns step) {
            String to = "-g " + slot.chain("TO_DNS_" + step.listener());
            for (String match : ZoneRules.servers(step, family)) {
                for (String protocol : List.of("udp", "tcp")) {
                    rules.add(Rule.of(
                            ZoneRules.with(match, "-p " + protocol + " -m " + protocol + " --dport " + Step.Dns.PORT),
                            step.why(),
                            to));
                }
            }
            return null;
        }

        @Override
        public @Nullable Void otherDns(Step.OtherDns step) {
            return direct("-p udp -m udp --dport " + Step.Dns.PORT, step);
        }

        @Override
        public @Nullable Void ownAddresses(Step.OwnAddresses step) {
            return direct("-m addrtype --dst-type LOCAL", step);
        }

        @Override
        public @Nullable Void linkLocal(Step.LinkLocal step) {
            return networks(AlwaysDirect.LINK_LOCAL, step);
        }

        @Override
        public @Nullable Void multicast(Step.Multicast step) {
            return networks(AlwaysDirect.MULTICAST, step);
        }

        /** IPv6 has none, and ip6tables refuses to ask. */
        @Override
        public @Nullable Void broadcast(Step.Broadcast step) {
            return family == Family.IPV4 ? direct("-m addrtype --dst-type BROADCAST", step) : null;
        }

        @Override
        public @Nullable Void ipv6Bypass(Step.Ipv6Bypass step) {
            return null; // the family has no rules at all
        }

        /**
         * A packet that conntrack takes for the first of a connection although it carries no lone SYN belongs to one that is
         * open and that conntrack has forgotten. Answers of servers here do not come from an ephemeral port. What remains
         * is decided as it was, and a captured one lands on the same socket of Envoy's.
         */
        @Override
        public @Nullable Void openConnections(Step.OpenConnections step) {
            return direct(
                    "-p tcp -m tcp ! --sport " + Leaf.spelled(step.ephemeral()) + " ! --tcp-flags FIN,SYN,RST,ACK SYN",
                    step);
        }

        @Override
        public @Nullable Void underway(Step.Underway step) {
            return direct("-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN", step);
        }

        @Override
        public @Nullable Void lookup(Step.Lookup step) {
            throw new IllegalArgumentException(step.why());
        }

        private @Nullable Void direct(String matches, Step step) {
            rules.add(Rule.of(matches, step.why(), "-j RETURN"));
            return null;
        }

        private @Nullable Void networks(List<Network> networks, Step step) {
            for (Network network : networks) {
                if (network.family() == family) {
                    direct("-d " + Leaf.spelled(network), step);
                }
            }
            return null;
        }
    }

    /** An address as iptables prints it. */
    static String spelled(Address address) {
        return address + "/" + address.family().bits();
    }
}
