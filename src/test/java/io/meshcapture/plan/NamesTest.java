package io.meshcapture.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Names of hosts, services, units, control groups and interfaces, and how a bad value is shown. */
class NamesTest {
    private static final Origin HERE = Origin.of("test");

    @ParameterizedTest
    @CsvSource({
        "payments, payments",
        "Payments.INTERNAL, payments.internal",
        "a_b.c, a_b.c",
        "_dmarc.example, _dmarc.example",
        "xn--mnchen-3ya.example, xn--mnchen-3ya.example",
        "1a.2b, 1a.2b",
        "a--b.c, a--b.c",
        "10.in-addr.arpa, 10.in-addr.arpa"
    })
    void reads_a_host_name_in_lower_case(String text, String value) throws BadValue {
        assertEquals(value, HostName.parse(text).value());
    }

    @Test
    void reads_a_host_name_in_lower_case_under_a_turkish_locale() throws BadValue {
        Locale before = Locale.getDefault();
        try {
            Locale.setDefault(Locale.forLanguageTag("tr-TR"));
            assertEquals("iii.internal", HostName.parse("III.INTERNAL").value());
            assertEquals("iptables-nft", Choices.word(Choices.Backend.IPTABLES_NFT));
        } finally {
            Locale.setDefault(before);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "*.x|host name \"*.x\" is a wildcard, which a hosts file cannot hold",
                "münchen|host name \"münchen\" is not ASCII",
                "İ.example|host name \"İ.example\" is not ASCII",
                "\u212a.example|host name \"\u212a.example\" is not ASCII",
                "a\u3002b|host name \"a\u3002b\" has the character U+3002 (IDEOGRAPHIC FULL STOP), which no host name has",
                "a\u00adb|host name \"a\\u{ad}b\" has the character U+00AD (SOFT HYPHEN), which no host name has",
                "a\u202eb|host name \"a\\u{202e}b\" has the character U+202E (RIGHT-TO-LEFT OVERRIDE), which no host name has",
                "p\u0430yments|host name \"p\u0430yments\" mixes scripts, so that it looks like another name: U+0430 (CYRILLIC SMALL LETTER A)",
                "xn--99999999|host name \"xn--99999999\" has the label \"xn--99999999\", which begins as an A-label and is none (RFC 5890)",
                "a.|host name \"a.\" ends with a dot",
                ".|host name \".\" ends with a dot",
                "10.0.0.1|host name \"10.0.0.1\" reads as an address",
                "1|host name \"1\" reads as an address",
                "a.1|host name \"a.1\" reads as an address",
                "0x7f000001|host name \"0x7f000001\" reads as an address",
                "a.0X1|host name \"a.0X1\" reads as an address",
                "\ufb01le|host name \"\ufb01le\" has the character U+FB01 (LATIN SMALL LIGATURE FI), which no host name has",
                "xn--mi7c|host name \"xn--mi7c\" has the label \"xn--mi7c\", which begins as an A-label and is none (RFC 5890)",
                "a..b|host name \"a..b\" has an empty label",
                ".a|host name \".a\" has an empty label",
                "-a|host name \"-a\" has a label that begins or ends with -",
                "a-.b|host name \"a-.b\" has a label that begins or ends with -",
                "a b|host name \"a b\" has the character \" \", which no host name has",
                "a#b|host name \"a#b\" has the character \"#\", which no host name has",
                "a/b|host name \"a/b\" has the character \"/\", which no host name has",
                "::1|host name \"::1\" has the character \":\", which no host name has",
                "''|host name \"\" has an empty label"
            })
    void refuses_what_is_no_host_name(String text, String what) {
        assertEquals(
                what, assertThrows(BadValue.class, () -> HostName.parse(text)).what());
    }

    @ParameterizedTest
    @CsvSource({
        "münchen.example, xn--mnchen-3ya.example",
        "faß.de, xn--fa-hia.de",
        "ÜBER.example, xn--ber-goa.example",
        "日本語.example, xn--wgv71a119e.example",
        "παράδειγμα.gr, xn--hxajbheg2az3al.gr",
        "\u212a.example, k.example"
    })
    void a_name_outside_ascii_is_refused_with_its_a_label_as_the_mend(String text, String label) {
        BadValue bad = assertThrows(BadValue.class, () -> HostName.parse(text));
        assertEquals("write its A-label (IDNA 2008): " + label, bad.mend());
    }

    @ParameterizedTest
    @ValueSource(strings = {"xn--mnchen-3ya.example", "XN--FA-HIA.DE", "xn--wgv71a119e.example"})
    void an_a_label_is_a_name(String text) throws BadValue {
        assertEquals(
                text.toLowerCase(java.util.Locale.ROOT), HostName.parse(text).value());
    }

    @Test
    void refuses_labels_of_64_and_names_of_254_characters() throws BadValue {
        String label = "a".repeat(63);
        assertEquals(label, HostName.parse(label).value());
        assertThrows(BadValue.class, () -> HostName.parse(label + "a"));
        String name = (label + ".").repeat(3) + "a".repeat(61);
        assertEquals(253, HostName.parse(name).value().length());
        assertThrows(BadValue.class, () -> HostName.parse(name + "a"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "a-b", "0", "svc-1", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
    void reads_a_service_name(String text) throws BadValue {
        assertEquals(text, ServiceName.parse(text).value());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "A",
                "a_b",
                "a.b",
                "-a",
                "a-",
                "a b",
                "a\nb",
                "ä",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            })
    void refuses_a_service_name_that_is_no_label_of_40_characters(String text) {
        assertThrows(BadValue.class, () -> ServiceName.parse(text));
        assertThrows(IllegalArgumentException.class, () -> new ServiceName(text));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"a.service", "a@b.service", "a@*.service", "run-r1.scope", "a-b.slice", "sys\\x2dfoo.service"})
    void reads_a_unit(String text) throws BadValue {
        assertEquals(text, UnitName.parse(text, HERE).value());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "a",
                "a.socket",
                ".service",
                "a b.service",
                "../a.service",
                "a/b.service",
                "-.slice",
                "a.service\n"
            })
    void refuses_what_is_no_unit_with_a_control_group(String text) {
        assertThrows(BadValue.class, () -> UnitName.parse(text, HERE));
    }

    @ParameterizedTest
    @CsvSource({
        "/system.slice/a.service, system.slice/a.service",
        "system.slice/a.service/, system.slice/a.service",
        "kubepods.slice/kubepods-pod1.slice, kubepods.slice/kubepods-pod1.slice",
        "a\\x2db, a\\x2db"
    })
    void reads_a_control_group(String text, String value) throws BadValue {
        assertEquals(value, CgroupPath.parse(text, HERE).value());
        assertEquals("/" + value, CgroupPath.parse(text, HERE).toString());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "/", "//", "a//b", "a/../b", "./a", "..", "a b", "a\"b", "a\nb", "a*", "-a", "a;b", "//a"})
    void refuses_what_is_no_control_group(String text) {
        assertThrows(BadValue.class, () -> CgroupPath.parse(text, HERE));
    }

    @ParameterizedTest
    @ValueSource(strings = {"eth0", "veth*", "br-1234567890ab", "wg0.100", "a@b", "12345678901234*"})
    void reads_an_interface(String text) throws BadValue {
        assertEquals(text, InterfaceName.parse(text).value());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ".",
                "..",
                "*",
                "a*b",
                "a b",
                "a/b",
                "eth0:1",
                "1234567890123456",
                "123456789012345*",
                "-i",
                "ü"
            })
    void refuses_what_is_no_interface(String text) {
        assertThrows(BadValue.class, () -> InterfaceName.parse(text));
    }

    @ParameterizedTest
    @CsvSource({
        "127.0.0.1:9901, 127.0.0.1:9901",
        "[::1]:9901, [::1]:9901",
        "localhost:9901, localhost:9901",
        "Proxy.East.example:1, proxy.east.example:1"
    })
    void reads_a_host_and_port(String text, String canonical) throws BadValue {
        assertEquals(canonical, HostPort.parse(text).toString());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ":1",
                "a",
                "a:",
                "a:0",
                "a:http",
                "::1",
                "::1:80",
                "[::1]",
                "[10.0.0.1]:80",
                "[a]:80",
                "[::1:80",
                "10.0.0:80",
                "http://a:80",
                "a b:80"
            })
    void refuses_what_is_no_host_and_port(String text) {
        assertThrows(BadValue.class, () -> HostPort.parse(text));
    }

    @Test
    void shows_a_bad_value_so_that_it_cannot_forge_a_line() {
        assertEquals("\"a\\\"b\\\\c\\nd\\re\\tf\"", BadValue.quote("a\"b\\c\nd\re\tf"));
        assertEquals("\"\\u{0}\\u{1b}[31m\\u{7f}\\u{85}\"", BadValue.quote("\0\u001b[31m\u007f\u0085"));
        assertEquals("\"\\u{202e}\\u{200b}\\u{2028}\\u{a0}\\u{ad}\"", BadValue.quote("\u202e\u200b\u2028\u00a0\u00ad"));
        assertEquals("\"\\u{d800}\\u{e000}\"", BadValue.quote("\ud800\ue000"));
        assertEquals("\"münchen \ud83d\ude00\"", BadValue.quote("münchen \ud83d\ude00"));
    }

    @Test
    void shows_80_characters_of_a_long_value() {
        assertEquals("\"" + "x".repeat(80) + "\"", BadValue.quote("x".repeat(80)));
        assertEquals("\"" + "x".repeat(80) + "...\"", BadValue.quote("x".repeat(10_000_000)));
        assertEquals(100, BadValue.printable("x".repeat(100)).length());
    }

    @Test
    void says_where_a_value_was_written() {
        assertEquals("plan.yaml:3:7", new Origin("plan.yaml", 3, 7).toString());
        assertEquals("--to", Origin.of("--to").toString());
        assertEquals("default", Origin.DEFAULT.toString());
    }

    @Test
    void ranks_callers_by_how_narrowly_they_are_named() throws BadValue {
        Account user = Account.parse(Account.Kind.USER, "a", HERE);
        Account group = Account.parse(Account.Kind.GROUP, "b", HERE);
        List<Account> none = List.of();
        assertEquals(Rank.ANY, From.ANYBODY.rank());
        assertEquals("any caller", From.ANYBODY.toString());
        From both = new From(List.of(user), List.of(group), List.of(), List.of(), List.of());
        assertEquals(Rank.USER, both.rank());
        assertEquals("user a and group b", both.toString());
        assertEquals(Rank.GROUP, new From(none, List.of(group), List.of(), List.of(), List.of()).rank());
        assertEquals(
                Rank.CGROUP,
                new From(List.of(user), none, List.of(UnitName.parse("a.service", HERE)), List.of(), List.of()).rank());
    }
}
