package io.meshcapture.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.plan.Account;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.HostName;
import io.meshcapture.plan.HostsCapture;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Scalars are read by our types, not by YAML's. */
class ScalarsTest {

    private static String envoy(String key, String value) {
        return "version: 1\nenvoy: {group: proxy, " + key + ": " + value + "}\nservices: {}\n";
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "08",
                "010",
                "0x50",
                "0b11",
                "1_000",
                "8080.0",
                "1e3",
                "1:30",
                "+80",
                "-80",
                "80 80",
                "\"80 \"",
                "\" 80\"",
                "\"\"",
                "0",
                "65536",
                "99999999999999999999",
                "٨٠",
                "８０",
                "true",
                "http",
                "80-90",
                "\"80,\"",
                ".inf"
            })
    void refuses_a_port_that_is_no_plain_decimal_number_from_1_to_65535(String text) {
        List<String> problems = Sources.problems(envoy("outbound", text));
        assertEquals(1, problems.size(), problems.toString());
        assertTrue(problems.getFirst().startsWith("port \""), problems.getFirst());
        assertTrue(problems.getFirst().contains("; plan.yaml:2:33; "), problems.getFirst());
    }

    @ParameterizedTest
    @ValueSource(strings = {"8080", "\"8080\"", "'8080'"})
    void reads_a_port_quoted_or_not(String text) {
        assertEquals(
                8080,
                Sources.read(envoy("outbound", text)).plan().envoy().outbound().number());
    }

    @ParameterizedTest
    @ValueSource(strings = {"no", "on", "yes", "off", "true", "y", "\"null\"", "'~x'", "NaN"})
    void takes_a_word_that_yaml_gives_a_type_for_the_name_it_is(String text) {
        boolean name = !text.contains("~");
        if (name) {
            assertEquals(
                    text.replace("\"", ""),
                    Sources.read(envoy("user", text))
                            .plan()
                            .envoy()
                            .users()
                            .getFirst()
                            .text());
        } else {
            assertEquals(
                    List.of(
                            "user \"~x\" is neither a name nor an id; plan.yaml:2:29; write a name such as envoy or a number such as 1337"),
                    Sources.problems(envoy("user", text)));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "~", "null", "Null", "NULL"})
    void takes_a_plain_null_for_a_missing_value(String text) {
        List<String> problems =
                Sources.problems("version: 1\nservices: {}\nbackend: " + text + "\nenvoy:\n  user: envoy\n");
        assertEquals(1, problems.size(), problems.toString());
        assertTrue(problems.getFirst().startsWith("backend has no value; plan.yaml:3:"), problems.getFirst());
    }

    @Test
    void takes_a_null_in_a_list_for_a_missing_value() {
        assertEquals(
                List.of(
                        "an item of except has no value; plan.yaml:5:22; write a value; one with brackets or colons stands in quotes, or take it out"),
                Sources.problems(Sources.HEAD + "except: [10.0.0.0/8, ~]\n"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "4294967295|user \"4294967295\" is not an id from 0 to 4294967294",
                "4294967296|user \"4294967296\" is not an id from 0 to 4294967294",
                "-1|user \"-1\" is neither a name nor an id",
                "\"1337 \"|user \"1337 \" is neither a name nor an id",
                "٣|user \"٣\" is neither a name nor an id",
                "007|user \"007\" is not an id from 0 to 4294967294",
                "1e3|user \"1e3\" is neither a name nor an id",
                "\"a\\nb\"|user \"a\\nb\" is neither a name nor an id",
                "'a;b'|user \"a;b\" is neither a name nor an id",
                "'a\"b'|user \"a\\\"b\" is neither a name nor an id",
                "'a#b'|user \"a#b\" is neither a name nor an id",
                "'$(id)'|user \"$(id)\" is neither a name nor an id",
                "\"a\\0b\"|user \"a\\u{0}b\" is neither a name nor an id",
                "\"a\\u202Eb\"|user \"a\\u{202e}b\" is neither a name nor an id",
                "\"\\uD800\"|user \"\\u{d800}\" is neither a name nor an id",
                "'../root'|user \"../root\" is neither a name nor an id"
            })
    void refuses_an_account_that_is_neither_a_name_nor_an_id(String text, String what) {
        List<String> problems = Sources.problems(envoy("user", text));
        assertEquals(1, problems.size(), problems.toString());
        assertTrue(problems.getFirst().startsWith(what + "; plan.yaml:2:29; "), problems.getFirst());
    }

    @Test
    void takes_uid_0_and_the_largest_uid() {
        assertEquals(
                List.of("0", "4294967294"),
                Sources.read(envoy("user", "[0, 4294967294]")).plan().envoy().users().stream()
                        .map(Account::text)
                        .toList());
    }

    private static final List<String> HOSTILE = List.of(
            "a\" b",
            "a\nb",
            "a\n10.0.0.1 bank",
            "a; flush ruleset",
            "a # b",
            "a\0b",
            "$(id)",
            "`id`",
            "a\u202eb",
            "\u0663",
            "a\u2028b",
            "a\rb",
            "a\tb",
            "../../etc/passwd",
            "evil\"; flush ruleset; add table ip pwned; #",
            "-F",
            "--flush",
            "a b",
            "");

    @Test
    void lets_no_hostile_text_through_anywhere_and_shows_it_on_one_line() {
        String[] places = {
            "version: %s\nenvoy: {user: envoy}\nservices: {}",
            "version: 1\nenvoy: {user: %s}\nservices: {}",
            "version: 1\nenvoy: {group: %s}\nservices: {}",
            "version: 1\nenvoy: {user: envoy, outbound: %s}\nservices: {}",
            "version: 1\nenvoy: {user: envoy, admin: %s}\nservices: {}",
            "version: 1\nenvoy: {user: envoy}\nbackend: %s\nservices: {}",
            "version: 1\nenvoy: {user: envoy}\nexcept: [%s]\nservices: {}",
            "version: 1\nenvoy: {user: envoy}\nservices: {%s: {}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {a: {%s: any}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {a: {from: {user: %s}}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {a: {from: {group: %s}}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {a: {from: {unit: %s}}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {a: {from: {cgroup: %s}}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {a: {from: {network: %s}}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {a: {from: %s}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {a: {to: %s}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {a: {on-envoy-down: %s}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {a: {outbound: %s}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {a: {hosts: %s}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {a: {hosts: a.b, ports: {%s: 1}}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {a: {hosts: a.b, ports: {1: %s}}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {a: {hosts: a.b, instances: [%s]}}",
            "version: 1\nenvoy: {user: envoy, inbound: 15006}\ninbound: {mode: %s}\nservices: {}",
            "version: 1\nenvoy: {user: envoy, inbound: 15006}\ninbound: {except: [%s]}\nservices: {}",
            "version: 1\nenvoy: {user: envoy, dns: 15053}\ndns: {servers: [%s]}\nservices: {}",
            "version: 1\nenvoy: {user: envoy}\nservices: {}\nzones: {%s: {networks: 10.0.0.0/8, front-proxy: \"a:1\"}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {}\nzones: {e: {networks: %s, front-proxy: \"a:1\"}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {}\nzones: {e: {networks: 10.0.0.0/8, front-proxy: %s}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {}\nzones: {e: {services: [%s], front-proxy: \"a:1\"}}",
            "version: 1\nenvoy: {user: envoy}\nservices: {}\ninterfaces: {outbound: [%s]}",
        };
        for (String place : places) {
            for (String text : HOSTILE) {
                List<String> problems = Sources.problems(place.formatted(doubleQuoted(text)));
                assertFalse(problems.isEmpty(), place + " with " + doubleQuoted(text));
                for (String problem : problems) {
                    assertTrue(
                            problem.codePoints().noneMatch(c -> c < 0x20 || c == 0x7f || c == 0x202e || c == 0x2028),
                            problem);
                }
            }
        }
    }

    /** YAML's double-quoted form, every character escaped. */
    private static String doubleQuoted(String text) {
        StringBuilder yaml = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            yaml.append("\\u")
                    .append(Integer.toHexString(0x10000 | text.charAt(i)).substring(1));
        }
        return yaml.append('"').toString();
    }

    @Test
    void lets_no_hostile_text_through_a_flag_or_the_environment() {
        for (ServiceFlag flag : ServiceFlag.values()) {
            for (String text : HOSTILE) {
                Map<String, List<String>> flags = Map.of("--envoy-user", List.of("envoy"), flag.flag(), List.of(text));
                assertFalse(
                        Sources.problems(() -> Configuration.read(null, flags, Map.of()))
                                .isEmpty(),
                        flag + text);
            }
        }
        for (Setting setting : Setting.values()) {
            for (String text : HOSTILE) {
                Map<String, String> environment = Map.of(setting.variable(), text);
                List<String> problems =
                        Sources.problems(() -> Configuration.read(Sources.plan(Sources.HEAD), Map.of(), environment));
                assertFalse(problems.isEmpty(), setting + text);
            }
        }
    }

    @Test
    void reads_the_same_under_a_turkish_locale() {
        Locale before = Locale.getDefault();
        try {
            Locale.setDefault(Locale.forLanguageTag("tr-TR"));
            String plan = """
                    version: 1
                    envoy: {user: envoy}
                    backend: iptables
                    ipv6: bypass
                    invalid: drop
                    services: {a: {hosts: [PAYMENTS.INTERNAL]}}
                    """;
            Configuration.Reading reading = Configuration.read(
                    Sources.plan(plan),
                    Map.of(),
                    Map.of("MESHCAPTURE_INVALID", "accept", "MESHCAPTURE_IPV6", "reject"));
            HostsCapture hosts = reading.plan().services().getFirst().hosts();
            assertNotNull(hosts);
            assertEquals(List.of(new HostName("payments.internal")), hosts.names());
            assertEquals(Choices.Ipv6.REJECT, reading.plan().ipv6());
            assertEquals(Choices.Backend.IPTABLES, reading.plan().backend());
            assertEquals(
                    List.of(
                            "backend \"Iptables\" is not known; plan.yaml:5:10; write auto, nftables, iptables, iptables-nft or iptables-legacy"),
                    Sources.problems(Sources.HEAD + "backend: Iptables\n"));
        } finally {
            Locale.setDefault(before);
        }
    }
}
