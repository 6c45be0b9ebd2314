package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.plan.BadValue;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The record of captured connections whose service was rolled back: the cookies of their clients' sockets, which the kernel
 * never gives twice, each with its service and listener. No packet is asked about it. It is there so that a rollback that was
 * interrupted can be finished by the next command, which otherwise could not know whose connections these are.
 */
final class DrainingSet {
    private DrainingSet() {}

    /** Adds to the record. */
    static String adding(Map<Long, Draining> connections) {
        if (connections.isEmpty()) {
            return "";
        }
        NftSet set = new NftSet(Ruleset.DRAINING, false, List.of("type mark . mark"), new LinkedHashMap<>());
        List<Element> elements = new ArrayList<>();
        connections.forEach((cookie, one) -> elements.add(Element.of(key(cookie), one.comment(), "")));
        StringBuilder script = new StringBuilder("add set " + Ruleset.TABLE + " " + Ruleset.DRAINING + " { "
                + set.declaration().getFirst() + "; }\n");
        Transaction.elements(script, "add", set, elements);
        return script.toString();
    }

    /** Makes it the record of these alone. */
    static String becoming(Map<Long, Draining> connections) {
        String name = Ruleset.TABLE + " " + Ruleset.DRAINING;
        // added first, since deleting what is not there is an error
        return "add set " + name + " { type mark . mark; }\ndelete set " + name + "\n" + adding(connections);
    }

    static Map<Long, Draining> read(Ruleset table) {
        NftSet set = table.sets().get(Ruleset.DRAINING);
        Collection<Element> elements = set == null ? List.of() : set.elements().values();
        Map<Long, Draining> connections = new LinkedHashMap<>();
        for (Element element : elements) {
            try {
                connections.put(cookie(element.key()), Draining.parse(element.comment()));
            } catch (BadValue | NumberFormatException | IndexOutOfBoundsException e) {
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
