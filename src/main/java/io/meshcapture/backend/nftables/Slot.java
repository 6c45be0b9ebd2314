package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One of the two places in the table that hold a whole decision: chains, sets and maps. The base chains lead to one of
 * them, each by one rule, so that one transaction says what is in force.
 *
 * <p>A change is built in the slot that is free and then switched to. The kernel changes rules in one instant, but each map of
 * intervals by itself, a moment later ({@code nft_pipapo_commit}); a connection that is opened in that moment could meet
 * new rules and old maps. After a switch it meets one slot or the other, whatever the kernel's version. A trial is
 * a second slot that is asked first, as long as the kernel keeps its timeout.
 */
enum Slot {
    FIRST(""),
    SECOND("_b");

    private static final Set<String> SHARED_SETS = Set.of(
            Ruleset.TRIAL,
            Ruleset.OPEN_IPV4,
            Ruleset.OPEN_IPV6,
            Ruleset.LISTENERS,
            Ruleset.INBOUND_LISTENERS,
            Ruleset.CAPTURED_IPV4,
            Ruleset.CAPTURED_IPV6,
            Ruleset.OWNERS);

    private static final Set<String> SHARED_CHAINS =
            Stream.of(BaseChain.values()).map(BaseChain::chain).collect(Collectors.toUnmodifiableSet());

    private final String suffix;

    Slot(String suffix) {
        this.suffix = suffix;
    }

    Slot other() {
        return this == FIRST ? SECOND : FIRST;
    }

    /** What is called so in a ruleset alone has this name in this slot. */
    String name(String plain) {
        return plain + suffix;
    }

    /** What a chain, set or map of any slot is called in a ruleset alone. */
    static String plainName(String name) {
        return !isShared(name) && name.endsWith(SECOND.suffix) ? SECOND.plain(name) : name;
    }

    /** Whether a set or map belongs to the table rather than to a slot. */
    static boolean isSharedSet(String name) {
        return SHARED_SETS.contains(name);
    }

    /** Likewise of a chain. */
    static boolean isSharedChain(String name) {
        return SHARED_CHAINS.contains(name);
    }

    private static boolean isShared(String name) {
        return isSharedSet(name) || isSharedChain(name);
    }

    private boolean holdsSet(String name) {
        return !isSharedSet(name) && name.endsWith(SECOND.suffix) == (this == SECOND);
    }

    private boolean holdsChain(String name) {
        return !isSharedChain(name) && name.endsWith(SECOND.suffix) == (this == SECOND);
    }

    /** What this slot holds, under the names that a ruleset alone has. */
    Ruleset contents(Ruleset table) {
        Ruleset contents = new Ruleset(table.comment(), new LinkedHashMap<>(), new LinkedHashMap<>());
        for (NftSet set : table.sets().values()) {
            if (holdsSet(set.name())) {
                NftSet plain = renamed(set, plain(set.name()));
                contents.sets().put(plain.name(), plain);
            }
        }
        for (Chain chain : table.chains().values()) {
            if (holdsChain(chain.name())) {
                Chain plain = new Chain(plain(chain.name()), chain.base(), renamed(chain.rules(), false));
                contents.chains().put(plain.name(), plain);
            }
        }
        return contents;
    }

    /** Puts what a ruleset has beside what is shared into this slot of a table, which must be free. */
    void fill(Ruleset table, Ruleset contents) {
        for (NftSet set : contents.sets().values()) {
            if (!isSharedSet(set.name())) {
                table.sets().put(set.name() + suffix, renamed(set, set.name() + suffix));
            }
        }
        for (Chain chain : contents.chains().values()) {
            if (!isSharedChain(chain.name())) {
                String name = chain.name() + suffix;
                table.chains().put(name, new Chain(name, chain.base(), renamed(chain.rules(), true)));
            }
        }
    }

    /** Takes everything out of this slot of a table. */
    void clear(Ruleset table) {
        table.sets().keySet().removeIf(this::holdsSet);
        table.chains().keySet().removeIf(this::holdsChain);
    }

    boolean isFree(Ruleset table) {
        return table.sets().keySet().stream().noneMatch(this::holdsSet)
                && table.chains().keySet().stream().noneMatch(this::holdsChain);
    }

    private String plain(String name) {
        return name.substring(0, name.length() - suffix.length());
    }

    private NftSet renamed(NftSet set, String name) {
        if (suffix.isEmpty()) {
            return set;
        }
        boolean adding = name.endsWith(suffix);
        Map<String, Element> elements = new LinkedHashMap<>(set.elements().size() * 2);
        set.elements().forEach((key, element) -> elements.put(key, renamed(element, adding)));
        return new NftSet(name, set.isMap(), set.declaration(), elements);
    }

    private Element renamed(Element element, boolean adding) {
        if (!element.verdict().startsWith("goto ")) {
            return element;
        }
        String verdict = element.verdict();
        if (!adding && !verdict.endsWith(suffix)) {
            return element; // into the other slot, by hand; it is told as it is
        }
        return element.deciding(adding ? verdict + suffix : plain(verdict));
    }

    private List<String> renamed(List<String> rules, boolean adding) {
        return suffix.isEmpty()
                ? rules
                : rules.stream().map(rule -> renamed(rule, adding)).toList();
    }

    /** Renames what a rule refers to: {@code @set}, {@code jump chain}, {@code goto chain}. */
    private String renamed(String rule, boolean adding) {
        int comment = rule.indexOf(" comment \"");
        int end = comment < 0 ? rule.length() : comment;
        StringBuilder text = new StringBuilder(rule.length() + 8);
        int copied = 0;
        int at = reference(rule, 0, end);
        while (at >= 0) {
            int last = at;
            while (last < end && isOfAName(rule.charAt(last))) {
                last++;
            }
            String name = rule.substring(at, last);
            text.append(rule, copied, at);
            boolean isPayload = last < end && rule.charAt(last) == ','; // @th,240,16
            if (isPayload || isShared(name) || (!adding && !name.endsWith(suffix))) {
                text.append(name);
            } else {
                text.append(adding ? name + suffix : plain(name));
            }
            copied = last;
            at = reference(rule, last, end);
        }
        return text.append(rule, copied, rule.length()).toString();
    }

    /** Where the next name begins, or -1. */
    private static int reference(String rule, int from, int end) {
        int nearest = -1;
        for (String before : List.of("@", "jump ", "goto ")) {
            int at = rule.indexOf(before, from);
            if (at >= 0 && at < end && (nearest < 0 || at + before.length() < nearest)) {
                nearest = at + before.length();
            }
        }
        return nearest;
    }

    private static boolean isOfAName(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || (c >= 'A' && c <= 'Z');
    }
}
