package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.ffi.LibNftables;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Rules in the spelling of the library that lists them.
 *
 * <p>The renderer writes rules as nft 1.0.6 lists them. Another version may list the same rule otherwise, and then text
 * would differ without any drift. So where texts differ, the library is asked: the wanted chains are loaded into a
 * dormant table, which hooks nothing, and listed. The table has {@code flags owner}: the kernel removes it with the
 * netlink socket that made it, so that it outlives neither this call nor this process.
 */
final class Spelling {

    private static final String SCRATCH = "inet meshcapture_spelling";

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
        String script = Transaction.between(null, new Ruleset(wanted.comment(), bare, wanted.chains()))
                .replace(Ruleset.TABLE + " { comment", Ruleset.TABLE + " { flags dormant,owner; comment")
                .replace(Ruleset.TABLE, SCRATCH);
        try (NftContext scratch = NftContext.open()) {
            NftContext.Answer loaded = scratch.run(script, 0);
            if (!loaded.accepted()) {
                throw Refusal.of(script, loaded.error());
            }
            Ruleset spelled = ListingParser.parse(scratch.run("list table " + SCRATCH, LibNftables.OUTPUT_STATELESS)
                    .output());
            return merged(wanted, spelled);
        }
    }

    private static boolean isSpelledAlike(Ruleset live, Ruleset wanted) {
        return live.chains().keySet().containsAll(wanted.chains().keySet())
                && wanted.chains().values().stream()
                        .allMatch(chain -> chain.equals(live.chains().get(chain.name())))
                && wanted.sets().values().stream()
                        .allMatch(set -> live.sets().get(set.name()) instanceof NftSet standing
                                && standing.declaration().equals(set.declaration()));
    }

    private static Ruleset merged(Ruleset wanted, Ruleset spelled) {
        Map<String, Chain> chains = new LinkedHashMap<>();
        wanted.chains()
                .forEach((name, chain) -> chains.put(name, spelled.chains().getOrDefault(name, chain)));
        Map<String, NftSet> sets = new LinkedHashMap<>();
        wanted.sets().forEach((name, set) -> {
            NftSet listed = spelled.sets().get(name);
            List<String> declaration = listed == null ? set.declaration() : listed.declaration();
            sets.put(name, new NftSet(name, set.isMap(), declaration, set.elements()));
        });
        return new Ruleset(wanted.comment(), sets, chains);
    }
}
