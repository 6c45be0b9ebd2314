package io.meshcapture.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class YamlDocumentTest {

    private static final String HEAD = Sources.HEAD;

    private static void assertProblem(String expected, String text) {
        assertEquals(List.of(expected), Sources.problems(text));
    }

    private static List<String> problemsOfBytes(int... bytes) {
        byte[] content = new byte[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            content[i] = (byte) bytes[i];
        }
        return Sources.problems(new PlanSource("plan.yaml", content));
    }

    @Test
    void accepts_a_plan_without_services_when_it_says_so() {
        assertEquals(List.of(), Sources.read(HEAD).plan().services());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\n\n", "# only a comment\n", "---\n", "---\n...\n", "~\n", "null"})
    void refuses_an_empty_document_since_it_may_be_a_cut_off_file(String text) {
        assertProblem(
                "the plan is empty; plan.yaml; write a plan; to remove every service, write services: {} in it", text);
    }

    @Test
    void refuses_a_plan_that_leaves_services_out() {
        assertProblem(
                "the plan has no services; plan.yaml; write services: with at least one, or services: {} to capture none",
                "version: 1\nenvoy: {user: envoy}\n");
    }

    @Test
    void refuses_services_without_a_value() {
        assertProblem(
                "services has no value; plan.yaml:3:10; write KEY: VALUE lines, or {KEY: VALUE}, or take it out",
                "version: 1\nenvoy: {user: envoy}\nservices:\n");
    }

    @Test
    void refuses_a_document_that_is_no_mapping() {
        assertProblem(
                "the plan is a list where a mapping is wanted; plan.yaml:1:1; write KEY: VALUE lines, or {KEY: VALUE}",
                "- a\n");
    }

    @Test
    void tolerates_a_byte_order_mark_and_counts_columns_without_it() {
        assertEquals(1, Sources.read("\ufeff" + HEAD).plan().envoy().users().size());
        assertProblem(
                "key \"x\" is not known in the plan; plan.yaml:1:2; known keys: version, envoy, backend, ipv6, udp443, "
                        + "invalid, hosts-ports, on-envoy-down, except, services, inbound, dns, zones, interfaces",
                "\ufeff{x: 1, version: 1, envoy: {user: envoy}, services: {}}");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\n", "\r\n", "\r"})
    void counts_lines_whatever_ends_them(String end) {
        assertProblem(
                "ipv6 \"x\" is not known; plan.yaml:5:7; write auto, capture, bypass or reject",
                (HEAD + "ipv6: x\n").replace("\n", end));
    }

    @Test
    void counts_columns_in_characters_not_in_bytes() {
        assertProblem(
                "backend \"\ud83d\ude00ü\" is not known; plan.yaml:5:18; write auto, nftables, iptables, iptables-nft or iptables-legacy",
                HEAD + "\"backend\" :      \ud83d\ude00ü\n");
    }

    @Test
    void refuses_bytes_that_are_not_utf_8_with_their_place() {
        assertEquals(
                List.of("the plan is not UTF-8: byte 0xc3 begins no character; plan.yaml:2:3; save it as UTF-8"),
                problemsOfBytes('a', '\n', 'b', 'c', 0xc3, '('));
    }

    @Test
    void refuses_a_character_that_is_cut_off_at_the_end() {
        assertEquals(
                List.of("the plan is not UTF-8: byte 0xe2 begins no character; plan.yaml:1:2; save it as UTF-8"),
                problemsOfBytes('a', 0xe2, 0x82));
    }

    @Test
    void refuses_surrogates_overlong_forms_and_utf_16() {
        assertEquals(1, problemsOfBytes(0xed, 0xa0, 0x80).size());
        assertEquals(1, problemsOfBytes(0xc0, 0x80).size());
        PlanSource utf16 = new PlanSource("plan.yaml", HEAD.getBytes(StandardCharsets.UTF_16));
        assertEquals(
                List.of("the plan is not UTF-8: byte 0xfe begins no character; plan.yaml:1:1; save it as UTF-8"),
                Sources.problems(utf16));
    }

    @Test
    void refuses_control_characters_with_their_place() {
        assertProblem(
                "the plan has a control character \"\\u{0}\"; plan.yaml:5:12; remove it", HEAD + "backend: au\0to\n");
        assertProblem(
                "the plan has a control character \"\\u{1b}\"; plan.yaml:5:3; remove it", HEAD + "# \u001b[31m red\n");
    }

    @Test
    void refuses_a_tab_as_indentation() {
        assertProblem(
                "a tab stands where YAML wants spaces; plan.yaml:2:1; indent with spaces", "envoy:\n\tuser: envoy\n");
    }

    @Test
    void refuses_a_key_that_stands_twice_and_names_both_lines() {
        assertProblem(
                "key \"services\" stands twice in the plan; plan.yaml:5:1; keep one; the other is at plan.yaml:4:1",
                HEAD + "services: {}\n");
    }

    @Test
    void refuses_a_service_that_stands_twice_and_names_both_lines() {
        assertProblem(
                "key \"orders\" stands twice in services; plan.yaml:5:3; keep one; the other is at plan.yaml:4:3",
                "version: 1\nenvoy: {user: envoy}\nservices:\n  orders: {}\n  orders: {to: any}\n");
    }

    @Test
    void suggests_the_key_that_was_meant() {
        assertProblem(
                "key \"evnoy\" is not known in the plan; plan.yaml:5:1; did you mean \"envoy\"? known keys: version, "
                        + "envoy, backend, ipv6, udp443, invalid, hosts-ports, on-envoy-down, except, services, inbound, "
                        + "dns, zones, interfaces",
                HEAD + "evnoy: {}\n");
    }

    @Test
    void suggests_nothing_where_no_key_is_near() {
        assertProblem(
                "key \"Übermut\" is not known in envoy; plan.yaml:2:22; known keys: user, group, outbound, inbound, dns, admin",
                "version: 1\nenvoy: {user: envoy, Übermut: 1}\nservices: {}\n");
    }

    @Test
    void refuses_a_key_that_is_no_word() {
        assertProblem("a key of the plan is not a word; plan.yaml:5:3; write KEY: VALUE", HEAD + "? [a]\n: b\n");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"!!javax.script.ScriptEngineManager [x]", "!x auto", "! auto", "!!str auto", "!!binary aGk="})
    void refuses_every_tag(String value) {
        List<String> problems = Sources.problems(HEAD + "backend: " + value + "\n");
        assertEquals(1, problems.size());
        assertTrue(
                problems.getFirst().matches("tag \".+\" is refused; plan.yaml:5:10; remove it; plans need no tags"),
                problems.getFirst());
    }

    @Test
    void refuses_a_second_document() {
        assertProblem(
                "a second document begins here; plan.yaml:5:1; write one plan into one file, without --- between its parts",
                HEAD + "---\n" + HEAD);
    }

    @Test
    void refuses_merge_keys_in_words_of_its_own() {
        assertEquals(
                "key \"<<\" is not known in envoy; plan.yaml:2:22; write the keys out: merging mappings is not supported",
                Sources.problems("version: 1\nenvoy: {user: envoy, <<: {dns: 1}}\nservices: {}\n")
                        .getFirst());
    }

    @Test
    void understands_an_alias() {
        Configuration.Reading reading =
                Sources.read(HEAD.replace("{}", "{a: {except: &net [10.0.0.0/8]}, b: {except: *net}}"));
        assertEquals(
                reading.plan().services().get(0).except(),
                reading.plan().services().get(1).except());
    }

    @Test
    void tells_a_mistake_below_an_anchor_once() {
        assertProblem(
                "prefix \"33\" of \"10.0.0.0/33\" is not a number from 0 to 32; plan.yaml:4:30; write a prefix length such as 10.0.0.0/8",
                HEAD.replace("{}", "{a: {except: &net [10.0.0.0/33]}, b: {except: *net}}"));
    }

    @Test
    void refuses_an_alias_without_an_anchor() {
        assertProblem(
                "no anchor stands before alias *net; plan.yaml:5:9; quote the value if no alias is meant",
                HEAD + "except: *net\n");
    }

    @Test
    void refuses_a_wildcard_that_yaml_takes_for_an_alias() {
        assertProblem(
                "a value begins with * or &, which YAML takes for an alias or anchor; plan.yaml:5:11; quote the value",
                HEAD + "except: [*.internal]\n");
    }

    @Test
    void refuses_an_alias_within_what_it_stands_for() {
        assertProblem(
                "alias \"*a\" stands within what it stands for; plan.yaml:5:13; write the value out",
                HEAD + "except: &a [*a]\n");
        assertProblem(
                "alias \"*a\" stands within what it stands for; plan.yaml:1:15; write the value out",
                "&a {services: *a}\n");
    }

    @Test
    void refuses_many_aliases() {
        assertProblem(
                "the plan has more than 50 aliases; plan.yaml:6:160; write the values out",
                HEAD + "ipv6: &a auto\nexcept: [" + "*a,".repeat(60) + "]\n");
    }

    @Test
    void refuses_a_billion_laughs_at_once() {
        StringBuilder text = new StringBuilder("a0: &a0 [ha]\n");
        for (int i = 1; i < 20; i++) {
            text.append("a" + i + ": &a" + i + " [" + ("*a" + (i - 1) + ",").repeat(9) + "]\n");
        }
        assertTimeoutPreemptively(
                Duration.ofSeconds(5),
                () -> assertProblem(
                        "the plan has aliases that stand for more than 100000 values; plan.yaml:6:34; write the values out",
                        text.toString()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"[", "{a: ", "- ", "? "})
    void refuses_ten_thousand_levels_without_running_out_of_stack(String level) {
        List<String> problems = Sources.problems(HEAD + "except:\n " + level.repeat(10_000));
        assertEquals(1, problems.size());
        assertTrue(
                problems.getFirst().startsWith("the plan is nested deeper than 20 levels; plan.yaml:6:"),
                problems.getFirst());
    }

    @Test
    void refuses_indentation_that_never_ends() {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 3000; i++) {
            text.append(" ".repeat(i)).append("a:\n");
        }
        assertProblem(
                "the plan is nested deeper than 20 levels; plan.yaml:21:21; compare it with the example in the documentation",
                text.toString());
    }

    @Test
    void shows_no_more_of_a_huge_value_than_fits_a_line() {
        assertProblem(
                "backend \"" + "x".repeat(80)
                        + "...\" is not known; plan.yaml:5:10; write auto, nftables, iptables, iptables-nft or iptables-legacy",
                HEAD + "backend: " + "x".repeat(1_000_000) + "\n");
    }

    @Test
    void shows_no_more_of_a_huge_key_than_fits_a_line() {
        String key = "x".repeat(900);
        for (String problem : Sources.problems("? " + key + "\n: {" + key + ": [" + key + "]}\n")) {
            assertTrue(problem.length() < 300, problem);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "backend: a: b",
                "except: [:22]",
                "except: [::1]",
                "except: [a, b",
                "backend: \"auto",
                "backend: 'auto",
                "backend: \"\\q\"",
                "backend: @auto",
                "backend: %auto",
                "backend: `auto`",
                "backend auto",
                " ipv6: auto",
                "except:\n- [fd00::1]:443",
                "backend: &",
                "backend: *",
                "{",
                "]",
                "}",
                "%YAML 3.0",
                "backend: |9\n x",
                "except: [a]]"
            })
    void says_in_one_line_with_a_place_what_is_no_yaml(String line) {
        List<String> problems = Sources.problems(HEAD + line + "\n");
        assertEquals(1, problems.size(), problems.toString());
        assertTrue(problems.getFirst().matches("[^;\n]+; plan\\.yaml:[5-7]:\\d+; [^\n]+"), problems.getFirst());
    }

    @Test
    void tells_the_mistakes_of_flags_even_where_the_plan_is_no_yaml() {
        assertEquals(
                List.of(
                        "port \"0\" is out of range (1-65535); --envoy-outbound; write a port or a range such as 8000-8100",
                        "a quotation mark is not closed; plan.yaml:2:1; close it"),
                Sources.problems(() -> Configuration.read(
                        Sources.plan("backend: \"auto\n"),
                        java.util.Map.of("--envoy-outbound", List.of("0")),
                        java.util.Map.of())));
    }
}
