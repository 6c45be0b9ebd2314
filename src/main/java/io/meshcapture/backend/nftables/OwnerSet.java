package io.meshcapture.backend.nftables;

import io.meshcapture.backend.Owned;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The record of captured connections of which the decision in force would not tell whose they are, since they were captured
 * by an earlier one: the cookies of Envoy's ends, which the kernel never gives twice, each with its service. No packet is asked
 * about it. It is there for the rollback of that service, also for one that has been interrupted.
 */
final class OwnerSet {
    static final List<String> DECLARATION = List.of("type mark . mark");

    private OwnerSet() {}

    /** Adds to the record. */
    static String adding(Map<Long, Owned> connections) {
        if (connections.isEmpty()) {
            return "";
        }
        NftSet set = new NftSet(Ruleset.OWNERS, false, DECLARATION, new LinkedHashMap<>());
        List<Element> elements = new ArrayList<>();
        connections.forEach((cookie, one) -> elements.add(Element.of(key(cookie), one.comment(), "")));
        StringBuilder script = new StringBuilder("add set " + Ruleset.TABLE + " " + Ruleset.OWNERS + " { "
                + set.declaration().getFirst() + "; }\n");
        Transaction.elements(script, "add", set, elements);
        return script.toString();
    }

    /** Makes it the record of these alone. */
    static String becoming(Map<Long, Owned> connections) {
        String name = Ruleset.TABLE + " " + Ruleset.OWNERS;
        // added first, since deleting what is not there is an error
        return "add set " + name + " { type mark . mark; }\ndelete set " + name + "\n" + adding(connections);
    }

    static Map<Long, Owned> read(Ruleset table) {
        NftSet set = table.sets().get(Ruleset.OWNERS);
        Collection<Element> elements = set == null ? List.of() : set.elements().values();
        Map<Long, Owned> connections = new LinkedHashMap<>();
        for (Element element : elements) {
            try {
                connections.put(cookie(element.key()), Owned.parse(element.comment()));
            } catch (NumberFormatException | IndexOutOfBoundsException e) {
                // written by hand: it says nothing
            }
        }
        return connections;
    }

    private static String key(long cookie) {
        return String.format("0x%08x . 0x%08x", cookie >>> 32, cookie & 0xffffffffL);
    }

    private static long cookie(String key) {
        List<String> halves = NftKey.fields(key);
        return Long.parseUnsignedLong(halves.get(0).substring(2), 16) << 32
                | Long.parseUnsignedLong(halves.get(1).substring(2), 16);
    }
}
