package io.meshcapture.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NetworkTest {

    @ParameterizedTest
    @CsvSource({
        "10.1.2.3/8, 10.0.0.0/8",
        "10.0.0.5, 10.0.0.5",
        "10.0.0.5/32, 10.0.0.5",
        "10.0.0.5/31, 10.0.0.4/31",
        "255.255.255.255/1, 128.0.0.0/1",
        "1.2.3.4/0, 0.0.0.0/0",
        "fd00::1/8, fd00::/8",
        "fd00::1/128, fd00::1",
        "::ffff:ffff:ffff:ffff/64, ::/64",
        "1:2:3:4:5:6:7:8/65, 1:2:3:4::/65",
        "1:2:3:4:ffff::/65, 1:2:3:4:8000::/65",
        "1:2:3:4:5:6:7:8/63, 1:2:3:4::/63",
        "1::/0, ::/0",
        "::ffff:10.0.0.1, 10.0.0.1"
    })
    void clears_host_bits(String text, String canonical) throws BadValue {
        assertEquals(canonical, Network.parse(text).toString());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "10.0.0.0/",
                "10.0.0.0/33",
                "10.0.0.0/-1",
                "10.0.0.0/+8",
                "10.0.0.0/08",
                "10.0.0.0/8 ",
                "10.0.0.0/8/8",
                "10.0.0.0/255.0.0.0",
                "10.0.0.0/٨",
                "fd00::/129",
                "fd00::/1000",
                "/8",
                "10/8",
                "10.1/16",
                "",
                "::ffff:0:0/96",
                "::ffff:10.0.0.0/104",
                "10.0.0.0/00"
            })
    void refuses_what_is_no_network(String text) {
        assertThrows(BadValue.class, () -> Network.parse(text));
    }

    @Test
    void contains_what_arithmetic_says() {
        Random random = new Random(42);
        for (int i = 0; i < 20_000; i++) {
            Family family = random.nextBoolean() ? Family.IPV4 : Family.IPV6;
            Network one = random(random, family);
            Network other = random(random, family);
            BigInteger first = value(one.base());
            BigInteger last = value(one.last());
            assertEquals(
                    BigInteger.ONE.shiftLeft(family.bits() - one.prefix()),
                    last.subtract(first).add(BigInteger.ONE));
            boolean inside = first.compareTo(value(other.base())) <= 0
                    && value(other.last()).compareTo(last) <= 0;
            assertEquals(inside, one.contains(other), one + " contains " + other);
            boolean holds = first.compareTo(value(other.base())) <= 0
                    && value(other.base()).compareTo(last) <= 0;
            assertEquals(holds, one.contains(other.base()));
            assertTrue(one.widened(random.nextInt(one.prefix() + 1)).contains(one));
        }
    }

    private static Network random(Random random, Family family) {
        // few distinct high bits, so that networks lie in each other often
        long bits = random.nextLong() & 0x8000_0001_c000_0003L;
        Address address = family == Family.IPV4
                ? Address.ipv4((int) bits)
                : new Address(Family.IPV6, bits, random.nextLong() & 0xc000_0000_0000_0001L);
        return new Network(address, random.nextInt(family.bits() + 1));
    }

    private static BigInteger value(Address address) {
        BigInteger high = new BigInteger(Long.toUnsignedString(address.high()));
        return high.shiftLeft(64).add(new BigInteger(Long.toUnsignedString(address.low())));
    }

    @Test
    void never_contains_what_is_of_the_other_family() throws BadValue {
        assertFalse(Network.ALL_IPV4.contains(Address.parse("::1")));
        assertFalse(Network.ALL_IPV6.contains(Network.parse("10.0.0.0/8")));
    }

    @Test
    void orders_wider_networks_first() throws BadValue {
        assertTrue(Network.parse("10.0.0.0/8").compareTo(Network.parse("10.0.0.0/16")) < 0);
        assertTrue(Network.parse("10.0.0.0/16").compareTo(Network.parse("10.1.0.0/8")) > 0);
        assertTrue(Network.parse("10.0.0.0/16").compareTo(Network.parse("11.0.0.0/8")) < 0);
    }
}
