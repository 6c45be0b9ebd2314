package io.meshcapture.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AddressTest {

    @ParameterizedTest
    @CsvSource({
        "0.0.0.0, 0.0.0.0",
        "255.255.255.255, 255.255.255.255",
        "10.0.0.1, 10.0.0.1",
        "::, ::",
        "::1, ::1",
        "1::, 1::",
        "0:0:0:0:0:0:0:1, ::1",
        "FE80::ABCD, fe80::abcd",
        "2001:0db8:0000:0000:0000:ff00:0042:8329, 2001:db8::ff00:42:8329",
        "2001:db8:0:0:1:0:0:1, 2001:db8::1:0:0:1",
        "2001:db8:0:1:1:1:1:1, 2001:db8:0:1:1:1:1:1",
        "1:0:0:2:0:0:0:3, 1:0:0:2::3",
        "1:2:3:4:5:6:7::, 1:2:3:4:5:6:7:0",
        "::2:3:4:5:6:7:8, 0:2:3:4:5:6:7:8",
        "::ffff:10.0.0.1, 10.0.0.1",
        "::ffff:a00:1, 10.0.0.1",
        "0:0:0:0:0:ffff:10.0.0.1, 10.0.0.1",
        "64:ff9b::192.0.2.1, 64:ff9b::c000:201",
        "::10.0.0.1, ::10.0.0.1",
        "::fffe:10.0.0.1, ::fffe:a00:1",
        "::1:0:0, ::1:0:0"
    })
    void writes_what_it_read_as_inet_ntop_does(String text, String canonical) throws BadValue {
        assertEquals(canonical, Address.parse(text).toString());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "10",
                "10.1",
                "10.0.0",
                "10.0.0.0.0",
                "10.0.0.256",
                "10.0.0.-1",
                "10..0.1",
                ".10.0.0.1",
                "10.0.0.1.",
                "0x0a.0.0.1",
                "167772161",
                "10.0.0.1 ",
                "١٠.0.0.1",
                "１0.0.0.1",
                "1e1.0.0.1",
                ":",
                ":::",
                "1:::2",
                "::1::",
                "1::2::3",
                "1:2:3:4:5:6:7",
                "1:2:3:4:5:6:7:8:9",
                "1:2:3:4:5:6:7:8::",
                "::1:2:3:4:5:6:7:8",
                "12345::",
                "g::",
                "1:",
                ":1",
                "::10.0.0",
                "::10.0.0.256",
                "10.0.0.1::",
                "::10.0.0.1:1",
                "::ffff:010.0.0.1",
                "[::1]",
                "::١",
                "localhost",
                "any",
                "*",
                "-1",
                "+1.0.0.0"
            })
    void refuses_what_is_no_address(String text) {
        BadValue bad = assertThrows(BadValue.class, () -> Address.parse(text));
        assertTrue(bad.what().startsWith("address \""), bad.what());
    }

    @ParameterizedTest
    @ValueSource(strings = {"010.0.0.1", "10.0.0.01", "00.0.0.0", "192.168.001.002"})
    void refuses_a_leading_zero_since_some_read_it_as_octal(String text) {
        BadValue bad = assertThrows(BadValue.class, () -> Address.parse(text));
        assertEquals("address \"" + text + "\" has a leading zero, which some read as octal", bad.what());
    }

    @ParameterizedTest
    @ValueSource(strings = {"fe80::1%eth0", "fe80::1%", "10.0.0.1%1"})
    void refuses_zones(String text) {
        BadValue bad = assertThrows(BadValue.class, () -> Address.parse(text));
        assertEquals("address \"" + text + "\" has a zone", bad.what());
    }

    @Test
    void reads_back_what_it_wrote_and_agrees_with_the_jdk() throws Exception {
        Random random = new Random(20261101);
        for (int i = 0; i < 50_000; i++) {
            Address address = random(random);
            String text = address.toString();
            assertEquals(address, Address.parse(text));
            assertEquals(text, Address.parse(text.toUpperCase(Locale.ROOT)).toString());
            // a literal is never looked up; for IPv4-mapped ones the JDK makes an Inet4Address too
            assertEquals(jdk(text), bits(address), text);
        }
    }

    @Test
    void agrees_with_the_jdk_about_every_way_to_write_an_ipv6_address() throws Exception {
        Random random = new Random(7);
        for (int i = 0; i < 20_000; i++) {
            StringBuilder text = new StringBuilder();
            int groups = 1 + random.nextInt(9);
            int gap = random.nextInt(12);
            for (int g = 0; g < groups; g++) {
                if (g == gap) {
                    text.append(g == 0 ? "::" : ":");
                }
                text.append(Integer.toHexString(random.nextInt(4) == 0 ? random.nextInt(65536) : 0));
                if (g + 1 < groups) {
                    text.append(':');
                }
            }
            if (gap == groups) {
                text.append("::");
            }
            String written = text.toString();
            if (written.indexOf(':') < 0) {
                continue;
            }
            String ours;
            try {
                ours = bits(Address.parse(written));
            } catch (BadValue bad) {
                ours = "refused";
            }
            String theirs;
            try {
                theirs = jdk(written);
            } catch (UnknownHostException e) {
                theirs = "refused";
            }
            assertEquals(theirs, ours, written);
        }
    }

    private static String jdk(String text) throws UnknownHostException {
        return HexFormat.of()
                .formatHex(InetAddress.getByName(text.indexOf(':') < 0 ? text : "[" + text + "]")
                        .getAddress());
    }

    private static String bits(Address address) {
        HexFormat hex = HexFormat.of();
        return address.family() == Family.IPV4
                ? hex.toHexDigits((int) address.low())
                : hex.toHexDigits(address.high()) + hex.toHexDigits(address.low());
    }

    private static Address random(Random random) {
        if (random.nextInt(3) == 0) {
            return Address.ipv4(random.nextInt());
        }
        long high = sparse(random);
        long low = sparse(random);
        boolean mapped = high == 0 && low >>> 32 == 0xffff;
        return mapped ? Address.ipv4((int) low) : new Address(Family.IPV6, high, low);
    }

    /** Many groups of zeros, so that runs of them are met in every place. */
    private static long sparse(Random random) {
        long bits = 0;
        for (int i = 0; i < 4; i++) {
            bits = bits << 16 | (random.nextInt(3) == 0 ? random.nextInt(65536) : 0);
        }
        return bits;
    }

    @Test
    void orders_addresses_without_sign_and_ipv4_first() throws BadValue {
        assertTrue(Address.parse("9.0.0.0").compareTo(Address.parse("200.0.0.0")) < 0);
        assertTrue(Address.parse("::1").compareTo(Address.parse("ffff::")) < 0);
        assertTrue(Address.parse("1::8000:0:0:0").compareTo(Address.parse("1::7000:0:0:0")) > 0);
        assertTrue(Address.parse("255.0.0.0").compareTo(Address.parse("::")) < 0);
        assertEquals(0, Address.parse("::1").compareTo(Address.parse("0::1")));
    }
}
