package io.meshcapture.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.List;
import org.junit.jupiter.api.Test;

class EditDistanceTest {

    @Test
    void counts_insertions_deletions_replacements_and_swaps() {
        assertEquals(0, EditDistance.between("envoy", "envoy"));
        assertEquals(1, EditDistance.between("envoy", "evnoy"));
        assertEquals(1, EditDistance.between("envoy", "envo"));
        assertEquals(1, EditDistance.between("envoy", "envoyy"));
        assertEquals(1, EditDistance.between("envoy", "envoi"));
        assertEquals(5, EditDistance.between("", "envoy"));
        assertEquals(3, EditDistance.between("kitten", "sitting"));
    }

    @Test
    void finds_the_nearest_word() {
        assertEquals("udp443", EditDistance.nearest("upd443", List.of("ipv6", "udp443")));
        assertNull(EditDistance.nearest("network", List.of("ipv6", "udp443")));
        assertNull(EditDistance.nearest("x".repeat(100_000), List.of("ipv6")));
    }
}
