package io.meshcapture.backend.iptables;

import io.meshcapture.plan.Family;
import io.meshcapture.plan.Network;
import io.meshcapture.rules.AlwaysDirect;
import io.meshcapture.rules.EitherWay;
import io.meshcapture.rules.Step;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Writes each guard of a decision as rules of the chain that decides. */
final class GuardRules implements Step.Reader<@Nullable Void> {
    private final Ruleset ruleset;
    private final Slot slot;
    private final Family family;

    /** What the name of the chain begins with. */
    private final String plain;

    /** The chain that guards are written to. */
    private List<Rule> rules;

    GuardRules(Ruleset ruleset, Slot slot, Family family, String plain) {
        this.ruleset = ruleset;
        this.slot = slot;
        this.family = family;
        this.plain = plain;
        this.rules = ruleset.in(Table.NAT).chain(slot.chain(plain));
    }

    /** The chain that goes on after what was written. */
    List<Rule> rules() {
        return rules;
    }

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
    public @Nullable Void exceptInterfaces(EitherWay.ExceptInterfaces step) {
        step.interfaces().forEach(name -> direct("-o " + Renderer.spelled(name), step));
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
    public @Nullable Void linkLocal(EitherWay.LinkLocal step) {
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
    public @Nullable Void ipv6Bypass(EitherWay.Ipv6Bypass step) {
        return null; // the family has no rules at all
    }

    /**
     * A packet that conntrack takes for the first of a connection although it carries no lone SYN belongs to one that is
     * open and that conntrack has forgotten. Answers of servers here do not come from an ephemeral port. What remains
     * is decided as it was, and a captured one lands on the same socket of Envoy's.
     */
    @Override
    public @Nullable Void openConnections(EitherWay.OpenConnections step) {
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
