package io.meshcapture.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PortsTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "80|80",
                "443,80|80,443",
                "80,80|80",
                "80,81|80-81",
                "80-90,85-95|80-95",
                "80-90,91|80-91",
                "80-90,92|80-90,92",
                "1-65535|1-65535",
                "65535|65535",
                "3,1-2,5|1-3,5",
                "80-80|80"
            })
    void writes_ranges_in_order_and_merged(String text, String canonical) throws BadValue {
        assertEquals(canonical, Ports.parse(text).toString());
        assertEquals(Ports.parse(text), Ports.parse(canonical));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0|port \"0\" is out of range (1-65535)",
                "0-80|port \"0\" is out of range (1-65535)",
                "65536|port \"65536\" is out of range (1-65535)",
                "4294967376|port \"4294967376\" is out of range (1-65535)",
                "18446744073709551696|port \"18446744073709551696\" is out of range (1-65535)",
                "80-79|port range \"80-79\" runs backwards",
                "80-|port range \"80-\" lacks an end",
                "-80|port range \"-80\" lacks an end",
                "-|port range \"-\" lacks an end",
                "80--90|port \"-90\" is not a decimal number",
                "80,443,|port list \"80,443,\" has an empty item",
                ",80|port list \",80\" has an empty item",
                "80,,443|port list \"80,,443\" has an empty item",
                "80, 443|port \" 443\" is not a decimal number",
                "http|port \"http\" is not a decimal number",
                "0x50|port \"0x50\" is not a decimal number",
                "08|port \"08\" has a leading zero, which some read as octal",
                "00|port \"00\" has a leading zero, which some read as octal",
                "8000:8100|port \"8000:8100\" is not a decimal number",
                "٨٠|port \"٨٠\" is not a decimal number"
            })
    void refuses_what_is_no_list_of_ports(String text, String what) {
        assertEquals(what, assertThrows(BadValue.class, () -> Ports.parse(text)).what());
    }

    @Test
    void refuses_an_empty_text() {
        assertThrows(BadValue.class, () -> Ports.parse(""));
        assertThrows(BadValue.class, () -> Port.parse(""));
    }

    @Test
    void adds_and_subtracts_like_a_set_of_bits() {
        Random random = new Random(1);
        for (int i = 0; i < 3_000; i++) {
            List<PortRange> oneRanges = ranges(random);
            List<PortRange> otherRanges = ranges(random);
            Ports one = new Ports(oneRanges);
            Ports other = new Ports(otherRanges);
            BitSet oneBits = bits(oneRanges);
            BitSet otherBits = bits(otherRanges);
            assertEquals(oneBits, bits(one.ranges()));

            BitSet union = (BitSet) oneBits.clone();
            union.or(otherBits);
            assertSame(union, one.plus(other));
            BitSet difference = (BitSet) oneBits.clone();
            difference.andNot(otherBits);
            assertSame(difference, one.minus(other));
            assertEquals(oneBits.intersects(otherBits), one.overlaps(other));
            int port = random.nextInt(65536);
            assertEquals(oneBits.get(port), one.contains(port));
            assertEquals(oneBits.isEmpty(), one.isEmpty());
            assertEquals(oneBits.cardinality() == 65536, one.isAll());
        }
    }

    private static void assertSame(BitSet expected, Ports actual) {
        assertEquals(expected, bits(actual.ranges()));
        PortRange previous = null;
        for (PortRange range : actual.ranges()) {
            assertTrue(previous == null || previous.last() + 1 < range.first(), "ranges touch: " + actual);
            previous = range;
        }
    }

    private static BitSet bits(List<PortRange> ranges) {
        BitSet bits = new BitSet(65536);
        for (PortRange range : ranges) {
            bits.set(range.first(), range.last() + 1);
        }
        return bits;
    }

    private static List<PortRange> ranges(Random random) {
        List<PortRange> ranges = new ArrayList<>();
        int width = random.nextBoolean() ? 65536 : 64; // narrow ones touch and overlap often
        int base = random.nextBoolean() ? 0 : 65536 - width;
        for (int i = random.nextInt(12); i > 0; i--) {
            int a = base + random.nextInt(width);
            int b = base + random.nextInt(width);
            ranges.add(new PortRange(Math.min(a, b), Math.max(a, b)));
        }
        return ranges;
    }

    @Test
    void leaves_nothing_of_all_minus_all() {
        assertEquals(Ports.NONE, Ports.ALL.minus(Ports.ALL));
        assertTrue(Ports.ALL.minus(Ports.NONE).isAll());
        assertFalse(Ports.ALL.minus(new Ports(List.of(new PortRange(80, 80)))).contains(80));
    }

    @Test
    void is_not_made_of_numbers_out_of_range() {
        assertThrows(IllegalArgumentException.class, () -> new Port(0));
        assertThrows(IllegalArgumentException.class, () -> new Port(65536));
        assertThrows(IllegalArgumentException.class, () -> new PortRange(-1, 5));
        assertThrows(IllegalArgumentException.class, () -> new PortRange(5, 65536));
        assertThrows(IllegalArgumentException.class, () -> new PortRange(6, 5));
    }
}
