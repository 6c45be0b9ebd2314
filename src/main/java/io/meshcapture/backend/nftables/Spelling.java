package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.ffi.LibNftables;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Rules in the spelling of the library that lists them.
 *
 * <p>The renderer writes rules as nft 1.0.6 lists them. Another version may list the same rule otherwise, and then text
 * would differ without any drift. So where texts differ, the library is asked: the wanted chains are loaded into a table
 * where none is hooked, so that they do nothing, and listed. The table has {@code flags owner} (Linux 5.12): the kernel
 * removes it with the netlink socket that made it, so that it outlives neither this call nor this process.
 */
final class Spelling {

    private Spelling() {}

    /** The wanted ruleset, its chains and declarations spelled as the library spells them. */
    static Ruleset of(NftContext nft, Ruleset live, Ruleset wanted) {
        if (isSpelledAlike(live, wanted)) {
            return wanted;
        }
        Map<String, NftSet> bare = new LinkedHashMap<>();
        wanted.sets()
                .forEach((name, set) ->
                        bare.put(name, new NftSet(name, set.isMap(), set.declaration(), new LinkedHashMap<>())));
        Map<String, Chain> unhooked = new LinkedHashMap<>();
        wanted.chains().forEach((name, chain) -> unhooked.put(name, new Chain(name, null, chain.rules())));
        String table = scratch();
        String script = Transaction.between(null, new Ruleset(wanted.comment(), bare, unhooked))
                .replace(Ruleset.TABLE + " { comment", Ruleset.TABLE + " { flags owner; comment")
                .replace(Ruleset.TABLE, table);
        try (NftContext scratch = NftContext.open()) {
            NftContext.Answer loaded = scratch.run(script, 0);
            if (!loaded.accepted()) {
                throw Refusal.of(script, loaded.error());
            }
            Ruleset spelled = ListingParser.parse(scratch.run("list table " + table, LibNftables.OUTPUT_STATELESS)
                    .output());
            return merged(wanted, spelled);
        }
    }

    /** A name that neither a second run nor somebody else has: an owned table takes nothing from others. */
    private static String scratch() {
        return "inet meshcapture_spelling_" + ProcessHandle.current().pid() + "_" + Long.toHexString(System.nanoTime());
    }

    /** Whether no rule or declaration could be the same one in other words: same comment, other text. */
    private static boolean isSpelledAlike(Ruleset live, Ruleset wanted) {
        for (Chain chain : wanted.chains().values()) {
            Chain standing = live.chains().get(chain.name());
            if (standing != null && !standing.rules().equals(chain.rules())) {
                List<String> missing = without(chain.rules(), standing.rules());
                List<String> surplus = without(standing.rules(), chain.rules());
                if (missing.stream()
                        .anyMatch(rule ->
                                surplus.stream().anyMatch(other -> comment(rule).equals(comment(other))))) {
                    return false;
                }
            }
        }
        return wanted.sets().values().stream()
                .allMatch(set -> isDeclaredAlike(live.sets().get(set.name()), set));
    }

    private static List<String> without(List<String> rules, List<String> others) {
        return rules.stream().filter(rule -> !others.contains(rule)).toList();
    }

    private static String comment(String rule) {
        int at = rule.indexOf(" comment \"");
        return at < 0 ? "" : rule.substring(at);
    }

    private static boolean isDeclaredAlike(@Nullable NftSet standing, NftSet wanted) {
        return standing == null || standing.declaration().equals(wanted.declaration());
    }

    private static Ruleset merged(Ruleset wanted, Ruleset spelled) {
        Map<String, Chain> chains = new LinkedHashMap<>();
        wanted.chains().forEach((name, chain) -> {
            Chain listed = spelled.chains().get(name);
            chains.put(name, listed == null ? chain : new Chain(name, chain.base(), listed.rules()));
        });
        Map<String, NftSet> sets = new LinkedHashMap<>();
        wanted.sets().forEach((name, set) -> {
            NftSet listed = spelled.sets().get(name);
            List<String> declaration = listed == null ? set.declaration() : listed.declaration();
            sets.put(name, new NftSet(name, set.isMap(), declaration, set.elements()));
        });
        return new Ruleset(wanted.comment(), sets, chains);
    }
}
