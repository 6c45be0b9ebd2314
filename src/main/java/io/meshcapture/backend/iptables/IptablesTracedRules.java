package io.meshcapture.backend.iptables;

import io.meshcapture.backend.TracedRules;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Port;
import io.meshcapture.system.LegacyTrace;
import io.meshcapture.system.NftTrace;
import io.meshcapture.system.PacketTrace;
import io.meshcapture.system.PacketTrace.Event;
import io.meshcapture.system.PacketTrace.Verdict;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What the steps of a packet through tables of iptables mean. The kernel tells a rule by its handle (iptables-nft) or by its
 * position (iptables-legacy); what it says stands in what iptables-save printed, in the same order.
 */
final class IptablesTracedRules implements TracedRules {
    private final Flavour flavour;
    private final Map<Family, Ruleset> families;
    private final Function<String, Map<String, List<Long>>> handles;
    private final LegacyTrace.Keeper keeper;
    private final Map<String, Map<String, List<Long>>> known = new HashMap<>();

    /**
     * For what stands.
     *
     * @param handles those of the rules of a table such as {@code ip nat}, by chain and in their order
     * @param keeper keeps what a trace of iptables-legacy changes
     */
    IptablesTracedRules(
            Flavour flavour,
            Map<Family, Ruleset> families,
            Function<String, Map<String, List<Long>>> handles,
            LegacyTrace.Keeper keeper) {
        this.flavour = flavour;
        this.families = families;
        this.handles = handles;
        this.keeper = keeper;
    }

    @Override
    public PacketTrace listen() {
        return flavour == Flavour.NFT ? NftTrace.open() : LegacyTrace.open(keeper);
    }

    @Override
    public boolean isOurs(Event event) {
        return Slot.isOurs(event.chain());
    }

    @Override
    public String why(Event event) {
        Rule rule = rule(event);
        return rule == null ? "" : rule.comment();
    }

    private @Nullable Rule rule(Event event) {
        Ruleset ruleset = families.get(event.family());
        if (ruleset == null || event.rule() == 0) {
            return null;
        }
        for (Table table : Table.values()) {
            if (table.label().equals(event.table())) {
                Ruleset.Contents contents = ruleset.of(table);
                List<Rule> rules = contents.chains()
                        .getOrDefault(event.chain(), contents.builtin().getOrDefault(event.chain(), List.of()));
                int position = position(event);
                return position < 0 || position >= rules.size() ? null : rules.get(position);
            }
        }
        return null;
    }

    private int position(Event event) {
        if (flavour == Flavour.LEGACY) {
            return (int) event.rule() - 1;
        }
        String table = (event.family() == Family.IPV4 ? "ip " : "ip6 ") + event.table();
        return known.computeIfAbsent(table, handles)
                .getOrDefault(event.chain(), List.of())
                .indexOf(event.rule());
    }

    @Override
    public int listener(Event event) {
        for (Slot slot : Slot.values()) {
            String plain = slot.plain(event.chain());
            if (plain != null) {
                for (String prefix : List.of("TO_", "TO_DNS_", "TO_IN_", "TO_TP_")) {
                    Port port = StandingChains.port(plain, prefix);
                    if (port != null) {
                        return port.number();
                    }
                }
            }
        }
        return 0;
    }

    @Override
    public Verdict verdict(Event event) {
        Rule rule = rule(event);
        return switch (rule == null ? "" : rule.target()) {
            case "DROP", "REJECT" -> Verdict.DROP;
            case "ACCEPT", "REDIRECT", "DNAT" -> Verdict.ACCEPT;
            default -> rule == null ? event.verdict() : Verdict.OTHER;
        };
    }
}
