package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.Rank;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.EitherWay;
import io.meshcapture.rules.Entry;
import io.meshcapture.rules.Forwarding;
import io.meshcapture.rules.ServiceFacts;
import io.meshcapture.rules.ServiceRules;
import io.meshcapture.rules.Step;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Reads a decision back from a ruleset of ours. Elements are data and are read. A rule is told by its comment, not by its
 * text, which each version of the library spells its own way; whether the text says the same is for {@link Spelling}.
 */
final class LiveDecision {

    private static final Origin LIVE = Origin.of("live state");

    private final Ruleset ruleset;

    LiveDecision(Ruleset ruleset) {
        this.ruleset = ruleset;
    }

    /**
     * The whole decision.
     *
     * @throws Failure.Conflict where a rule stands there that is not ours
     */
    Decision read() {
        List<Port> listeners = new ArrayList<>();
        List<Decision.Ending> endings = new ArrayList<>();
        for (Chain chain : ruleset.chains().values()) {
            Port listener = LookupReader.listener("goto " + chain.name());
            if (listener != null) {
                List<Decision.Ending> here = endings(chain);
                if (!listeners.isEmpty() && !here.equals(endings)) {
                    throw notOurs("chain " + chain.name() + " ends otherwise than the others");
                }
                listeners.add(listener);
                endings = here;
            }
        }
        Port dns = DnsRules.listener(ruleset);
        if (dns != null && endings.isEmpty()) {
            Chain toDns = ruleset.chains().get(DnsRules.chainTo(dns));
            endings = toDns == null ? endings : endings(toDns);
        }
        List<ServiceFacts> facts = new ArrayList<>();
        services().forEach((name, rules) -> facts.add(new ServiceFacts(name, rules.digest())));
        return new Decision(
                steps(),
                endings,
                listeners,
                facts,
                LiveInbound.isIn(ruleset) ? LiveInbound.read(ruleset, ephemeral()) : null,
                forwarding());
    }

    private List<Step> steps() {
        for (BaseChain base : BaseChain.values()) {
            Chain chain = ruleset.chains().get(base.chain());
            for (String rule : chain == null ? List.<String>of() : chain.rules()) {
                if (base.led(rule) == null) {
                    throw notOurs(rule);
                }
            }
        }
        Chain outbound = ruleset.chains().get(BaseChain.OUTPUT.target());
        return steps(outbound);
    }

    private @Nullable Forwarding forwarding() {
        Chain forwarded = ruleset.chains().get(RulesetRenderer.FORWARDED);
        Chain arriving = ruleset.chains().get(BaseChain.PREROUTING.target());
        return forwarded == null || arriving == null
                ? null
                : new Forwarding(
                        LiveInbound.interfaces(arriving, "iifname", RulesetRenderer.FORWARDING), steps(forwarded));
    }

    private List<Step> steps(@Nullable Chain outbound) {
        List<Step> guards = guards();
        List<Step> steps = new ArrayList<>();
        for (String rule : outbound == null ? List.<String>of() : outbound.rules()) {
            Step step = step(rule, guards);
            Step before = steps.isEmpty() ? null : steps.getLast();
            if (step instanceof Step.Lookup more
                    && before instanceof Step.Lookup begun
                    && begun.why().equals(more.why())) {
                // the next map of the same look-up
                List<Entry> entries = new ArrayList<>(begun.entries());
                entries.addAll(more.entries());
                steps.set(steps.size() - 1, new Step.Lookup(begun.rank(), begun.layer(), entries));
            } else if (!step.equals(before)) { // some guards are two rules
                steps.add(step);
            }
        }
        return steps;
    }

    private static List<Decision.Ending> endings(Chain chain) {
        List<Decision.Ending> endings = new ArrayList<>();
        for (Decision.Ending ending : Decision.Ending.values()) {
            if (chain.rules().stream().anyMatch(rule -> hasComment(rule, ending.why()))) {
                endings.add(ending);
            }
        }
        if (!endings.contains(Decision.Ending.REDIRECT)) {
            throw notOurs("chain " + chain.name() + " does not redirect");
        }
        return endings;
    }

    static boolean hasComment(String rule, String why) {
        return rule.endsWith(" comment \"" + why + "\"");
    }

    private Step step(String rule, List<Step> guards) {
        int map = rule.indexOf(" vmap @");
        if (map >= 0) {
            return lookup(rule, map);
        }
        for (Step guard : guards) {
            if (hasComment(rule, guard.why())) {
                return guard;
            }
        }
        throw notOurs(rule);
    }

    static Failure.Conflict notOurs(String rule) {
        return new Failure.Conflict(
                "the live table holds a rule that meshcapture did not write",
                rule,
                "see the difference with: meshcapture check; repair it with: meshcapture apply");
    }

    private List<Step> guards() {
        List<Step> guards = new ArrayList<>(List.of(
                new Step.OtherProtocols(false),
                new Step.OtherProtocols(true),
                new EitherWay.ExceptInterfaces(interfaces()),
                new Step.EnvoyToItself(ids("envoy_users"), ids("envoy_groups")),
                new Step.EnvoyUsers(ids("envoy_users")),
                new Step.EnvoyGroups(ids("envoy_groups")),
                new Step.OwnAddresses(),
                new EitherWay.LinkLocal(),
                new Step.Multicast(),
                new Step.Broadcast(),
                new EitherWay.Ipv6Bypass(),
                new Step.Underway()));
        if (DnsRules.listener(ruleset) != null) {
            guards.add(new Step.OtherProtocols(false, true));
            guards.add(new Step.OtherProtocols(true, true));
            guards.addAll(DnsRules.read(ruleset));
        }
        guards.add(new EitherWay.OpenConnections(ephemeral()));
        return guards;
    }

    private List<InterfaceName> interfaces() {
        Chain outbound = ruleset.chains().get(BaseChain.OUTPUT.target());
        return outbound == null ? List.of() : LiveInbound.interfaces(outbound, "oifname");
    }

    /** From {@code tcp sport != 32768-60999 accept …} in the chain of open connections. */
    private PortRange ephemeral() {
        String prefix = "tcp sport != ";
        Chain chain = ruleset.chains().get("open_connections");
        for (String rule : chain == null ? List.<String>of() : chain.rules()) {
            if (rule.startsWith(prefix)) {
                try {
                    return PortRange.parse(rule.substring(prefix.length(), rule.indexOf(' ', prefix.length())));
                } catch (BadValue | StringIndexOutOfBoundsException e) {
                    throw notOurs(rule);
                }
            }
        }
        throw notOurs("chain open_connections does not tell the ephemeral ports");
    }

    private SortedSet<Long> ids(String name) {
        TreeSet<Long> ids = new TreeSet<>();
        NftSet set = ruleset.sets().get(name);
        if (set != null) {
            set.elements().keySet().forEach(id -> ids.add(Long.valueOf(id)));
        }
        return ids;
    }

    private Step.Lookup lookup(String rule, int vmap) {
        int start = vmap + " vmap @".length();
        int end = rule.indexOf(' ', start);
        NftSet map = ruleset.sets().get(end < 0 ? rule.substring(start) : rule.substring(start, end));
        if (map == null || map.declaration().isEmpty()) {
            throw notOurs(rule);
        }
        boolean ofThePlan = map.name().startsWith("except");
        Rank rank = ofThePlan ? null : LookupReader.rank(map);
        return new Step.Lookup(rank, LookupReader.layer(rule), LookupReader.entries(map, false));
    }

    /** The services with their entries, as they would have to be compiled again. */
    Map<ServiceName, ServiceRules> services() {
        return services(false);
    }

    /**
     * Likewise.
     *
     * @param gone whether entries of control groups that are gone are among them
     */
    Map<ServiceName, ServiceRules> services(boolean gone) {
        List<Entry> all = new ArrayList<>();
        Set<ServiceName> byName = new HashSet<>();
        for (NftSet map : ruleset.sets().values()) {
            if (map.isMap()) {
                for (Entry entry : LookupReader.entries(map, gone)) {
                    // what anybody may be is in the maps of this host's callers too
                    boolean again = map.name().startsWith(RulesetRenderer.FORWARDED)
                            && entry.caller().network() == null;
                    if (entry.service() != null && !again) {
                        all.add(entry);
                        if (LookupReader.rank(map) == Rank.NAME) {
                            byName.add(entry.service());
                        }
                    }
                }
            }
        }
        return ServiceRules.of(all, byName, LIVE);
    }
}
