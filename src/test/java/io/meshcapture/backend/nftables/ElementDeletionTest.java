package io.meshcapture.backend.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ElementDeletionTest {

    @Test
    void anElementOfConcatenatedIntervalsIsDeletedAsTheRangeThatItIs() {
        assertEquals(
                "delete element inet meshcapture m { 2001 . 10.0.0.1 . 8080-8080 }\n",
                deletion("uid . ipv4_addr . inet_service", "2001 . 10.0.0.1 . 8080"));
        assertEquals(
                "delete element inet meshcapture m { fd98::1 . 2001-2001 . 80-90 }\n",
                deletion("ipv6_addr . uid . inet_service", "fd98::1 . 2001 . 80-90"));
        assertEquals(
                "delete element inet meshcapture m { 10.0.0.0/8 . 0-65535 }\n",
                deletion("ipv4_addr . inet_service", "10.0.0.0/8 . 0-65535"));
    }

    private static String deletion(String type, String key) {
        Element element = Element.of(key, "orders", "accept");
        return Transaction.between(ruleset(type, Map.of(key, element)), ruleset(type, Map.of()));
    }

    private static Ruleset ruleset(String type, Map<String, Element> elements) {
        NftSet map =
                new NftSet("m", true, List.of("type " + type + " : verdict", "flags interval", "counter"), elements);
        return new Ruleset("comment", new LinkedHashMap<>(Map.of("m", map)), new LinkedHashMap<>());
    }
}
