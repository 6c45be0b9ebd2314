package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A base chain that the table may have. It holds nothing but its ways into slots, so that all of them are switched by one
 * transaction; the chain that it leads to is one that a slot may hold, and a base chain that no slot needs is not there.
 */
enum BaseChain {

    /**
     * What is opened here. One before NF_IP_PRI_NAT_DST (-100), where Docker, kube-proxy and iptables have theirs: among
     * hooks of equal priority the one registered last is asked first, and whoever translates first decides. This chain always stands, and says which slot is in force.
     */
    OUTPUT("output", "type nat hook output priority -101; policy accept;", "outbound"),

    /** What arrives. At the same priority. */
    PREROUTING("prerouting", "type nat hook prerouting priority -101; policy accept;", "arriving"),

    /** Every packet that arrives, before any is translated. */
    INTERCEPTION("interception", "type filter hook prerouting priority -150; policy accept;", "intercepted"),

    /** Likewise, to be checked. */
    ENTERING("entering", "type filter hook prerouting priority -150; policy accept;", "invalid_arrivals"),

    /** Every packet that is sent here, after conntrack has looked at it and before it is translated. */
    LEAVING("leaving", "type filter hook output priority -150; policy accept;", "invalid"),

    /**
     * Every packet that is sent, before conntrack sees it (NF_IP_PRI_CONNTRACK, -200): captured queries get their zone. It
     * is asked before the raw table of iptables (-300), where Kubernetes' NodeLocal DNSCache lets conntrack overlook
     * queries: conntrack does what it is told first. Every version of nft prints this priority as a number.
     */
    QUERIES("queries", "type filter hook output priority -311; policy accept;", DnsRules.ZONE_CHAIN),

    /** Likewise what arrives, for the queries of guests. */
    GUESTS_QUERIES(
            "guests_queries", "type filter hook prerouting priority -311; policy accept;", DnsRules.GUESTS_ZONE_CHAIN);

    private static final String IN_FORCE = " comment \"what is in force\"";
    private static final String ON_TRIAL = " comment \"on trial: ends by itself unless it is confirmed\"";
    private static final String WHILE_TRIED = "meta nfproto @" + Ruleset.TRIAL + " ";
    private static final String PASS = WHILE_TRIED + "accept";

    private final String chain;
    private final String properties;
    private final String target;

    BaseChain(String chain, String properties, String target) {
        this.chain = chain;
        this.properties = properties;
        this.target = target;
    }

    /** Its name. */
    String chain() {
        return chain;
    }

    /** Type, hook, priority and policy as nft prints them; see {@link HookPriority}. */
    String properties() {
        return properties;
    }

    /** The chain of a slot that it leads to, under the name that a ruleset alone has. */
    String target() {
        return target;
    }

    /** The rule that puts a slot in force. */
    String way(Slot slot) {
        return "goto " + slot.name(target) + IN_FORCE;
    }

    /** The rule that puts a slot in force as long as the trial lasts. */
    String wayOnTrial(Slot slot) {
        return WHILE_TRIED + "goto " + slot.name(target) + ON_TRIAL;
    }

    /** The slot that a rule puts in force, or null where it does not. */
    @Nullable
    Slot led(String rule) {
        return leading(rule, "goto ");
    }

    /** Likewise for a trial. */
    @Nullable
    Slot ledOnTrial(String rule) {
        return leading(rule, WHILE_TRIED + "goto ");
    }

    private @Nullable Slot leading(String rule, String to) {
        for (Slot slot : Slot.values()) {
            if (is(rule, to + slot.name(target))) {
                return slot;
            }
        }
        return null;
    }

    /** Whether a rule keeps what stood before from being asked while a trial lasts that has nothing to ask here. */
    static boolean isPass(String rule) {
        return is(rule, PASS);
    }

    private static boolean is(String rule, String way) {
        return rule.equals(way) || rule.startsWith(way + " comment ");
    }

    boolean isLedToIn(Slot slot, Ruleset table) {
        return table.chains().containsKey(slot.name(target));
    }

    Chain with(List<String> rules) {
        return new Chain(chain, properties, rules);
    }

    /**
     * The table with the ways to a slot, and without base chains that nothing needs.
     *
     * @param slot the slot that is to be in force, or null for none
     * @param before where it is only on trial, the slot that is in force afterwards, or null for none
     * @param onTrial whether it is
     */
    static Ruleset leading(Ruleset table, @Nullable Slot slot, @Nullable Slot before, boolean onTrial) {
        Map<String, Chain> chains = new LinkedHashMap<>(table.chains());
        for (BaseChain base : values()) {
            List<String> ways = slot == null ? List.of() : base.ways(table, slot, before, onTrial);
            boolean isNeeded = base == OUTPUT || !ways.isEmpty() || (slot == null && base.isLedToInAny(table));
            if (isNeeded) {
                chains.put(base.chain, base.with(ways));
            } else {
                chains.remove(base.chain);
            }
        }
        return new Ruleset(table.comment(), table.isDormant(), table.sets(), chains, table.foreign());
    }

    /** The table with every base chain that it or its slots have, and nothing in those that are not there yet. */
    static Ruleset prepared(Ruleset table) {
        Map<String, Chain> chains = new LinkedHashMap<>(table.chains());
        for (BaseChain base : values()) {
            if (base.isLedToInAny(table)) {
                chains.putIfAbsent(base.chain, base.with(List.of()));
            }
        }
        return new Ruleset(table.comment(), table.isDormant(), table.sets(), chains, table.foreign());
    }

    private boolean isLedToInAny(Ruleset table) {
        for (Slot slot : Slot.values()) {
            if (isLedToIn(slot, table)) {
                return true;
            }
        }
        return false;
    }

    private List<String> ways(Ruleset table, Slot slot, @Nullable Slot before, boolean onTrial) {
        boolean here = isLedToIn(slot, table);
        if (!onTrial) {
            return here ? List.of(way(slot)) : List.of();
        }
        boolean hereBefore = before != null && isLedToIn(before, table);
        List<String> ways = new ArrayList<>(2);
        if (here) {
            ways.add(wayOnTrial(slot));
        } else if (hereBefore) {
            ways.add(PASS + ON_TRIAL);
        }
        if (before != null && hereBefore) {
            ways.add(way(before));
        }
        return ways;
    }
}
