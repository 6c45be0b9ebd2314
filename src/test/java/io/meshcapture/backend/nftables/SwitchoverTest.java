package io.meshcapture.backend.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.rules.SmallWorld;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** At every point of every change, each hook meets what it met before or what is wanted, whole. */
class SwitchoverTest {

    private static final int WORLDS = 80;
    private static final Duration TRIAL = Duration.ofMinutes(1);

    /** Two rulesets, each with some of the base chains. */
    static List<Arguments> pairs() {
        List<Arguments> pairs = new ArrayList<>();
        for (int seed = 0; seed < WORLDS; seed++) {
            Random random = new Random(seed);
            Ruleset from = random(seed, random);
            Ruleset to = random.nextInt(4) == 0 ? from : random(random.nextInt(4) == 0 ? seed : seed + WORLDS, random);
            pairs.add(Arguments.of(seed, from, to));
        }
        return pairs;
    }

    private static Ruleset random(int seed, Random random) {
        Ruleset ruleset = Listings.rendered(new SmallWorld(seed));
        for (BaseChain base : List.of(BaseChain.PREROUTING, BaseChain.INTERCEPTION)) {
            if (random.nextBoolean()) {
                ruleset = with(base, random.nextInt(3), ruleset);
            }
        }
        return ruleset;
    }

    /** Something that the other hook asks: a set with a number, a chain that is jumped to. */
    private static Ruleset with(BaseChain base, int number, Ruleset ruleset) {
        Map<String, NftSet> sets = new LinkedHashMap<>(ruleset.sets());
        String set = base.target() + "_ports";
        String port = String.valueOf(80 + number);
        sets.put(
                set,
                new NftSet(
                        set,
                        false,
                        List.of("type inet_service"),
                        new LinkedHashMap<>(Map.of(port, Element.of(port, "", "")))));
        Map<String, Chain> chains = new LinkedHashMap<>(ruleset.chains());
        chains.put(base.target() + "_more", new Chain(base.target() + "_more", null, List.of("accept")));
        chains.put(
                base.target(),
                new Chain(
                        base.target(),
                        null,
                        List.of("tcp dport @" + set + " jump " + base.target() + "_more", "accept")));
        return BaseChain.leading(new Ruleset(ruleset.comment(), sets, chains), Slot.FIRST, null, false);
    }

    /** What each hook meets: the contents of the slot that it is led to, nothing where it is led nowhere. */
    private static Map<BaseChain, Ruleset> met(Ruleset table, boolean trialLasts) {
        Map<BaseChain, Ruleset> met = new EnumMap<>(BaseChain.class);
        for (BaseChain base : BaseChain.values()) {
            Slot slot = slot(base, table, trialLasts);
            if (slot != null) {
                met.put(base, bare(slot.contents(table)));
            }
        }
        return met;
    }

    private static @Nullable Slot slot(BaseChain base, Ruleset table, boolean trialLasts) {
        Chain chain = table.chains().get(base.chain());
        for (String rule : chain == null ? List.<String>of() : chain.rules()) {
            if (trialLasts && BaseChain.isPass(rule)) {
                return null;
            }
            Slot tried = base.ledOnTrial(rule);
            Slot led = base.led(rule);
            assertTrue(tried != null || led != null || BaseChain.isPass(rule), rule);
            if (tried != null && trialLasts) {
                return tried;
            }
            if (led != null) {
                return led;
            }
        }
        return null;
    }

    private static Map<BaseChain, Ruleset> wantedOf(Ruleset ruleset) {
        Map<BaseChain, Ruleset> wanted = new EnumMap<>(BaseChain.class);
        for (BaseChain base : BaseChain.values()) {
            if (ruleset.chains().containsKey(base.chain())) {
                wanted.put(base, bare(Slot.FIRST.contents(ruleset)));
            }
        }
        return wanted;
    }

    /** What decides: without the comment of the table, and by name, in whatever order. */
    private static Ruleset bare(Ruleset contents) {
        return new Ruleset(null, new LinkedHashMap<>(contents.sets()), new LinkedHashMap<>(contents.chains()));
    }

    private static Ruleset applied(Ruleset ruleset) {
        NftChange change = Switchover.begin(ruleset, null, List.of());
        return TinyNft.run(TinyNft.run(null, change.preparation()), change.commitment());
    }

    private static NftChange change(Ruleset table, Ruleset wanted, @Nullable Duration trial) {
        return Switchover.between(StandingTable.of(table), wanted, trial, List.of());
    }

    private static Ruleset expired(Ruleset table) {
        Ruleset later = TinyNft.run(table, "flush set " + Ruleset.TABLE + " " + Ruleset.TRIAL + "\n");
        assertFalse(StandingTable.of(later).trialLeft() != null);
        return later;
    }

    private static void assertIs(Ruleset wanted, Ruleset table, String when) {
        assertEquals(wantedOf(wanted), met(table, StandingTable.of(table).trialLeft() != null), when);
        assertEquals(List.of(), Drift.between(StandingTable.of(table).ruleset(), wanted, null), when);
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("pairs")
    void what_is_met_changes_at_the_commitment_and_all_of_it(int seed, Ruleset from, Ruleset to) {
        Ruleset stands = applied(from);
        assertIs(from, stands, "begun");
        NftChange change = change(stands, to, null);
        Ruleset cleared = TinyNft.run(stands, change.clearing());
        Ruleset prepared = TinyNft.run(cleared, change.preparation());
        assertIs(from, prepared, "prepared");
        Ruleset after = TinyNft.run(prepared, change.commitment());
        assertIs(to, after, "committed");
        assertEquals(null, StandingTable.of(after).leftover());
        assertEquals(baseChains(to), baseChains(after));
        assertTrue(change(after, to, null).isNothing());

        // interrupted after the preparation: the next change clears what it left
        NftChange again = change(prepared, from, null);
        Ruleset back = TinyNft.run(
                TinyNft.run(TinyNft.run(prepared, again.clearing()), again.preparation()), again.commitment());
        assertIs(from, back, "interrupted");
        assertEquals(baseChains(from), baseChains(back));
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("pairs")
    void a_trial_is_all_that_is_met_while_it_lasts_and_nothing_of_it_afterwards(int seed, Ruleset from, Ruleset to) {
        Ruleset stands = applied(from);
        NftChange change = change(stands, to, TRIAL);
        Ruleset prepared = TinyNft.run(TinyNft.run(stands, change.clearing()), change.preparation());
        assertIs(from, prepared, "prepared");
        Ruleset tried = TinyNft.run(prepared, change.commitment());
        assertEquals(TRIAL, StandingTable.of(tried).trialLeft());
        assertIs(to, tried, "on trial");

        Ruleset confirmed = TinyNft.run(
                tried, Switchover.confirmation(StandingTable.of(tried)).commitment());
        assertIs(to, expired(confirmed), "confirmed");
        assertEquals(baseChains(to), baseChains(confirmed));

        Ruleset abandoned = TinyNft.run(
                tried, Switchover.abandonment(StandingTable.of(tried)).commitment());
        assertIs(from, expired(abandoned), "abandoned");
        assertEquals(baseChains(from), baseChains(abandoned));

        Ruleset expired = expired(tried);
        assertTrue(StandingTable.of(expired).hasEndedTrial());
        assertIs(from, expired, "expired");
        NftChange next = change(expired, from, null);
        Ruleset cleared = TinyNft.run(expired, next.clearing());
        assertIs(from, cleared, "cleared");
        assertEquals(baseChains(from), baseChains(cleared));
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("pairs")
    void a_first_plan_on_trial_falls_back_to_nothing(int seed, Ruleset first, Ruleset second) {
        NftChange change = Switchover.begin(first, TRIAL, List.of());
        Ruleset prepared = TinyNft.run(null, change.preparation());
        assertEquals(Map.of(), met(prepared, true));
        Ruleset tried = TinyNft.run(prepared, change.commitment());
        assertIs(first, tried, "on trial");
        assertEquals(Map.of(), met(expired(tried), false));
        Ruleset abandoned = TinyNft.run(
                tried, Switchover.abandonment(StandingTable.of(tried)).commitment());
        assertEquals(Map.of(), met(abandoned, false));
        assertEquals(List.of("output"), baseChains(abandoned));

        NftChange next = change(expired(tried), second, null);
        Ruleset cleared = TinyNft.run(expired(tried), next.clearing());
        assertEquals(Map.of(), met(cleared, false));
        Ruleset after = TinyNft.run(TinyNft.run(cleared, next.preparation()), next.commitment());
        assertIs(second, after, "after the trial");
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("pairs")
    void ways_that_somebody_took_away_are_made_again(int seed, Ruleset from, Ruleset to) {
        Random random = new Random(seed);
        Ruleset damaged = applied(from);
        for (BaseChain base : BaseChain.values()) {
            if (damaged.chains().containsKey(base.chain()) && random.nextBoolean()) {
                damaged.chains().put(base.chain(), base.with(List.of()));
            }
        }
        NftChange change = change(damaged, to, null);
        Ruleset after = TinyNft.run(
                TinyNft.run(TinyNft.run(damaged, change.clearing()), change.preparation()), change.commitment());
        assertIs(to, after, "repaired");
        assertEquals(baseChains(to), baseChains(after));
    }

    private static List<String> baseChains(Ruleset table) {
        return table.chains().values().stream()
                .filter(chain -> chain.base() != null)
                .map(Chain::name)
                .sorted()
                .toList();
    }
}
