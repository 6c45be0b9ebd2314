package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Network;
import io.meshcapture.rules.AlwaysDirect;
import io.meshcapture.rules.EitherWay;
import io.meshcapture.rules.Step;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Writes each step of a decision as sets and as rules of one chain that decides. */
final class StepRules implements Step.Reader<@Nullable Void> {

    private static final String FORGOTTEN =
            "Envoy's end of a captured connection waits until the client's is known again";

    static final String OPEN = "open when capture began";

    private final RulesetBuilder builder;
    private final LookupRenderer lookups;
    private final Kinds kinds;
    private final boolean forwards;
    private final List<String> rules = new ArrayList<>();

    /**
     * What is captured beside what this host's own programs open.
     *
     * @param inbound connections to this host
     * @param forwarded what it forwards for its guests
     */
    record Kinds(boolean inbound, boolean forwarded) {}

    /** @param forwards whether the chain decides about what is forwarded */
    StepRules(RulesetBuilder builder, LookupRenderer lookups, Kinds kinds, boolean forwards) {
        this.builder = builder;
        this.lookups = lookups;
        this.kinds = kinds;
        this.forwards = forwards;
    }

    /** Those of some steps. */
    List<String> of(List<Step> steps) {
        steps.forEach(step -> step.read(this));
        return rules;
    }

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
    public @Nullable Void exceptInterfaces(EitherWay.ExceptInterfaces step) {
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
            builder.set(set);
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
    public @Nullable Void linkLocal(EitherWay.LinkLocal step) {
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
    public @Nullable Void ipv6Bypass(EitherWay.Ipv6Bypass step) {
        return rule("meta nfproto ipv6 accept", step);
    }

    @Override
    public @Nullable Void openConnections(EitherWay.OpenConnections step) {
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
    private void declareOpenConnections(EitherWay.OpenConnections open) {
        List<String> opened = new ArrayList<>(List.of(
                "ip saddr 127.0.0.0/8 ip daddr != 127.0.0.0/8 tcp sport @listeners drop"
                        + RulesetBuilder.comment(FORGOTTEN),
                "ip6 saddr ::1 ip6 daddr != ::1 tcp sport @listeners drop" + RulesetBuilder.comment(FORGOTTEN),
                "ip saddr . tcp sport . ip daddr . tcp dport @open_ip accept" + RulesetBuilder.comment(OPEN),
                "ip6 saddr . tcp sport . ip6 daddr . tcp dport @open_ip6 accept" + RulesetBuilder.comment(OPEN)));
        if (kinds.forwarded()) {
            opened.add("tcp sport @listeners drop" + RulesetBuilder.comment(FORGOTTEN));
        }
        if (kinds.inbound()) {
            opened.add("tcp sport @inbound_listeners drop" + RulesetBuilder.comment(FORGOTTEN));
        }
        opened.add("tcp sport != " + open.ephemeral() + " accept"
                + RulesetBuilder.comment("answers of servers on this host"));
        builder.chain("open_connections", opened);
    }
}
