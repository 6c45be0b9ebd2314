package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * A ruleset that renderers add to, each its part.
 *
 * @param ruleset what they have added so far
 */
record RulesetBuilder(Ruleset ruleset) {

    /** A set or map without elements, which may be added. */
    NftSet set(String name, boolean isMap, String... declaration) {
        NftSet set = new NftSet(name, isMap, List.of(declaration), new LinkedHashMap<>());
        set(set);
        return set;
    }

    void set(NftSet set) {
        ruleset.sets().put(set.name(), set);
    }

    /** A set of ports, typed or as numbers. */
    void ports(String name, Collection<?> ports) {
        values(name, "inet_service", ports);
    }

    /** A set of single values, which are written as Java writes them. */
    void values(String name, String type, Collection<?> values) {
        NftSet set = set(name, false, "type " + type);
        for (Object value : values) {
            set.elements().put(value.toString(), Element.of(value.toString(), "", ""));
        }
    }

    void chain(String name, List<String> rules) {
        chain(new Chain(name, null, List.copyOf(rules)));
    }

    void chain(Chain chain) {
        ruleset.chains().put(chain.name(), chain);
    }

    /** The end of a rule that says why it is there. */
    static String comment(String why) {
        return " comment \"" + why + "\"";
    }
}
