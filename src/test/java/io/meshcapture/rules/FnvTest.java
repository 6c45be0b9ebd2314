package io.meshcapture.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class FnvTest {

    /** Appendix C of draft-eastlake-fnv. */
    @Test
    void hashes_as_the_draft_does() {
        assertEquals("cbf29ce484222325", Fnv.hex(Fnv.hash("")));
        assertEquals("af63dc4c8601ec8c", Fnv.hex(Fnv.hash("a")));
        assertEquals("85944171f73967e8", Fnv.hex(Fnv.hash("foobar")));
    }

    @Test
    void writes_16_digits_whatever_the_number() {
        assertEquals("0000000000000000", Fnv.hex(0));
        assertEquals("000000000000002a", Fnv.hex(42));
        assertEquals("ffffffffffffffff", Fnv.hex(-1));
    }
}
