package io.meshcapture.backend.nftables;

import io.meshcapture.backend.Finding;
import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.plan.ServiceName;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The differences between what stands and what should, each with both. */
final class Drift {

    private final List<Finding> findings = new ArrayList<>();
    private final @Nullable Set<ServiceName> only;

    private Drift(@Nullable Set<ServiceName> only) {
        this.only = only;
    }

    /**
     * All differences, in the order of the wanted ruleset.
     *
     * @param only the services whose elements are compared, or null for all; everything shared is always compared
     */
    static List<Finding> between(Ruleset live, Ruleset wanted, @Nullable Set<ServiceName> only) {
        Drift drift = new Drift(only);
        if (live.isDormant()) {
            drift.add(null, "table " + Ruleset.TABLE, "flags dormant", "");
        }
        live.foreign().forEach(thing -> drift.add(null, "table " + Ruleset.TABLE, thing, ""));
        wanted.chains().values().forEach(chain -> drift.chain(live.chains().get(chain.name()), chain));
        live.chains().keySet().stream()
                .filter(name -> !wanted.chains().containsKey(name))
                .forEach(name -> drift.add(null, "chain " + name, "chain " + name, ""));
        wanted.sets().values().forEach(set -> drift.set(live.sets().get(set.name()), set));
        live.sets().values().stream()
                .filter(set -> !wanted.sets().containsKey(set.name()) && !Ruleset.isLiving(set.name()))
                .forEach(drift::surplusSet);
        return drift.findings;
    }

    private void add(@Nullable String service, String where, String stands, String should) {
        findings.add(new Finding(service, where, stands, should));
    }

    private void chain(@Nullable Chain live, Chain wanted) {
        String where = "chain " + wanted.name();
        if (live == null) {
            add(null, where, "", where);
            return;
        }
        if (!String.valueOf(live.base()).equals(String.valueOf(wanted.base()))) {
            add(null, where, String.valueOf(live.base()), String.valueOf(wanted.base()));
        }
        rules(where, live.rules(), wanted.rules());
    }

    /**
     * Rules that are too many, too few, or not in their order, by a longest common subsequence: whatever is not part of
     * it is told with its position, a missing one with the position that it should have, so that one rule moved is two differences and not as many as there are rules.
     */
    private void rules(String where, List<String> stands, List<String> should) {
        int[][] common = new int[stands.size() + 1][should.size() + 1];
        for (int i = stands.size() - 1; i >= 0; i--) {
            for (int k = should.size() - 1; k >= 0; k--) {
                common[i][k] = stands.get(i).equals(should.get(k))
                        ? 1 + common[i + 1][k + 1]
                        : Math.max(common[i + 1][k], common[i][k + 1]);
            }
        }
        int i = 0;
        int k = 0;
        while (i < stands.size() || k < should.size()) {
            boolean left = i < stands.size();
            boolean right = k < should.size();
            if (left && right && stands.get(i).equals(should.get(k))) {
                i++;
                k++;
            } else if (left && right && common[i][k] == common[i + 1][k + 1]) {
                add(null, rulePlace(where, i), stands.get(i), should.get(k));
                i++;
                k++;
            } else if (left && (!right || common[i][k] == common[i + 1][k])) {
                add(null, rulePlace(where, i), stands.get(i), "");
                i++;
            } else {
                add(null, rulePlace(where, k), "", should.get(k));
                k++;
            }
        }
    }

    private static String rulePlace(String where, int position) {
        return where + " rule " + (position + 1);
    }

    private void set(@Nullable NftSet live, NftSet wanted) {
        String where = wanted.keyword() + " " + wanted.name();
        if (live == null) {
            add(null, where, "", where);
        } else if (!live.declaration().equals(wanted.declaration())) {
            add(null, where, String.join("; ", live.declaration()), String.join("; ", wanted.declaration()));
        }
        if (Ruleset.isLiving(wanted.name()) && !Ruleset.remembersListeners(wanted.name())) {
            return;
        }
        for (Element element : wanted.elements().values()) {
            Element stands = live == null ? null : live.elements().get(element.key());
            if (stands == null || !stands.isSame(element)) {
                element(where, stands, element);
            }
        }
        if (live != null && !Ruleset.isLiving(wanted.name())) {
            for (Element element : live.elements().values()) {
                if (!wanted.elements().containsKey(element.key())) {
                    element(where, element, null);
                }
            }
        }
    }

    private void element(String where, @Nullable Element stands, @Nullable Element should) {
        String service = should != null ? owner(should) : stands != null ? owner(stands) : null;
        if (only != null
                && service != null
                && only.stream().noneMatch(name -> name.value().equals(service))) {
            return;
        }
        add(service, where, stands == null ? "" : stands.text(), should == null ? "" : should.text());
    }

    /** The first word of an element's comment is its service. */
    private static @Nullable String owner(Element element) {
        if (element.comment().isEmpty()) {
            return null;
        }
        int space = element.comment().indexOf(' ');
        return space < 0 ? element.comment() : element.comment().substring(0, space);
    }

    /** Likewise, the empty text for none. */
    static String ownerOrNothing(Element element) {
        String owner = owner(element);
        return owner == null ? "" : owner;
    }

    private void surplusSet(NftSet set) {
        String where = set.keyword() + " " + set.name();
        add(null, where, where, "");
        set.elements().values().forEach(element -> element(where, element, null));
    }
}
