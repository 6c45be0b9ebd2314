package io.meshcapture.backend.iptables;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Family;
import io.meshcapture.system.ConntrackHooks;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The tables of one flavour, read and written by its programs, in the calling thread's network namespace. No program is
 * started that can be done without: an apply takes two that read and two that write, or, where nothing of ours stands, two
 * that switch conntrack on and two that write, and where others have tables of iptables-nft, two that see what they are like.
 */
final class LiveTables {

    private final Programs programs;
    private final IptablesBackend.TableNames names;

    /** What stands, as far as it was read and written here; rules of others included. */
    private Map<Family, Ruleset> stands = new EnumMap<>(Family.class);

    /** What stood of ours before the change that has begun, or null between changes. */
    private @Nullable Map<Family, Ruleset> before;

    /** Whether nobody has asked yet for what was read last. */
    private boolean isFresh;

    LiveTables(Programs programs, IptablesBackend.TableNames names) {
        this.programs = programs;
        this.names = names;
    }

    /** Reads everything, for the next who asks. */
    Map<Family, Ruleset> look() {
        Map<Family, Ruleset> families = new EnumMap<>(Family.class);
        for (Family family : Family.values()) {
            families.put(family, saved(family));
        }
        stands = families;
        isFresh = true;
        return new EnumMap<>(stands);
    }

    /** For what is ours: where nothing of ours can stand, nobody is asked, and jumps of ours go before all others. */
    private Ruleset saved(Family family) {
        if (!names.mayHoldOurs(family)) {
            return new Ruleset();
        }
        Ruleset ruleset = everything(family);
        for (Table table : ruleset.closed()) {
            Set<String> chains = names.chains(family, table.label());
            if (chains == null || chains.stream().anyMatch(Slot::isOurs)) {
                throw programs.notToBeRead(family, table);
            }
        }
        return ruleset;
    }

    /**
     * Sees whether what is written could be read back.
     *
     * @throws Failure.Unavailable where it could not
     */
    void requireOpen(Map<Family, Ruleset> target) {
        target.forEach((family, ruleset) -> {
            if (ruleset.isEmpty()) {
                return;
            }
            Set<Table> closed = names.mayHoldOurs(family)
                    ? of(family).closed()
                    : programs.closed(family, names.of(family)); // nobody has looked
            for (Table table : closed) {
                Ruleset.Contents contents = ruleset.of(table);
                if (!contents.builtin().isEmpty() || !contents.chains().isEmpty()) {
                    throw programs.notToBeWritten(family, table);
                }
            }
        });
    }

    private Ruleset everything(Family family) {
        Set<String> there = names.of(family);
        return there != null && there.isEmpty() ? new Ruleset() : programs.save(family, there);
    }

    /** What stands now, also where nothing of it is ours. */
    Map<Family, Ruleset> ofAll() {
        Map<Family, Ruleset> families = new EnumMap<>(Family.class);
        for (Family family : Family.values()) {
            families.put(family, everything(family));
        }
        return families;
    }

    /** What stands now: what was looked at a moment ago by the same command, or read anew. */
    Map<Family, Ruleset> read() {
        Map<Family, Ruleset> families = isFresh ? new EnumMap<>(stands) : look();
        isFresh = false;
        return families;
    }

    /** Whether they have been read by this command. */
    boolean areRead() {
        return !stands.isEmpty();
    }

    /** What stands, as far as it was read and written here. */
    Ruleset of(Family family) {
        return stands.getOrDefault(family, new Ruleset());
    }

    /** Of ours, by family. */
    Map<Family, Ruleset> ours() {
        Map<Family, Ruleset> ours = new EnumMap<>(Family.class);
        stands.forEach((family, ruleset) -> ours.put(family, Standing.ours(ruleset, null)));
        return ours;
    }

    /**
     * Sees to it that conntrack knows every new connection from now on. A chain that nothing leads to is enough: its second
     * rule keeps conntrack on. Where something else does already, nothing is written before the change itself.
     */
    void prepare(Map<Family, Ruleset> wanted) {
        List<Family> needed = new ArrayList<>();
        wanted.forEach((family, target) -> {
            if (target.of(Table.NAT).chains().containsKey(Slot.HOME)) {
                programs.requireThere(family);
                needed.add(family);
            }
        });
        begin();
        try {
            for (Family family : needed) {
                Ruleset here = of(family);
                // missing, or emptied by somebody
                boolean isHeld = !here.of(Table.NAT)
                        .chains()
                        .getOrDefault(Slot.HOME, List.of())
                        .isEmpty();
                if (!isHeld && !ConntrackHooks.areOn(family)) {
                    Ruleset held = Standing.ours(here, null);
                    held.in(Table.NAT).chains().put(Slot.HOME, new Memory().rules(false));
                    programs.restore(family, RestoreScript.between(here, held, List.of(Table.NAT)));
                    stands.put(family, Standing.after(here, held));
                }
            }
        } catch (Failure refused) {
            takeBack(refused);
            throw refused;
        }
    }

    /**
     * All or nothing: what a family or a table has taken before another one refused is taken back, and so is what was
     * prepared.
     *
     * @param takesAway whether less is captured afterwards, so that what captures goes first
     */
    void write(Map<Family, Ruleset> target, boolean takesAway) {
        List<Table> order = takesAway ? Table.backwards() : List.of(Table.values());
        begin();
        isFresh = false;
        try {
            // the notes stand with IPv4, so that they are true when they are written
            for (Family family : List.of(Family.IPV6, Family.IPV4)) {
                programs.restore(
                        family, RestoreScript.between(of(family), target.getOrDefault(family, new Ruleset()), order));
            }
        } catch (Failure refused) {
            takeBack(refused);
            throw refused;
        }
        stands.replaceAll((family, here) -> Standing.after(here, target.getOrDefault(family, new Ruleset())));
        before = null;
    }

    private void begin() {
        if (before == null) {
            before = ours();
        }
    }

    /** Makes stand again what stood before a change that cannot be finished, as far as it has begun. */
    void takeBack(Failure why) {
        Map<Family, Ruleset> stood = before == null ? ours() : before;
        before = null;
        for (Family family : Family.values()) {
            try {
                Ruleset now = saved(family);
                Ruleset again = stood.getOrDefault(family, new Ruleset());
                programs.restore(family, RestoreScript.between(now, again, Table.backwards()));
                stands.put(family, Standing.after(now, again));
            } catch (Failure alsoRefused) {
                why.addSuppressed(alsoRefused);
            }
        }
    }

    /** The rules that say whose captured connections are left to end. */
    List<Rule> owners() {
        return of(Family.IPV4).of(Table.NAT).chains().getOrDefault(Slot.OWNERS, List.of());
    }

    /** Forgets what was read. */
    void forget() {
        stands = new EnumMap<>(Family.class);
        isFresh = false;
    }
}
