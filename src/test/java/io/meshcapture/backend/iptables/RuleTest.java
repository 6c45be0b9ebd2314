package io.meshcapture.backend.iptables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RuleTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "-p tcp -m tcp --dport 80 -j RETURN | --dport 80 -p tcp -j RETURN",
                "-d 10.0.0.0/8 -m owner --uid-owner 7 | -m owner --uid-owner 7 -d 10.0.0.0/8",
                "-m comment --comment orders -j RETURN | -j RETURN -m comment --comment \"orders\"",
                "-m comment --comment \"Envoy's\" | -m comment --comment \"Envoy\\'s\"",
            })
    void spelling_of_versions_and_flavours_makes_no_difference(String one, String other) {
        assertEquals(Rule.of(one.strip()), Rule.of(other.strip()));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "-p tcp -j RETURN | ! -p tcp -j RETURN",
                "-p tcp -j RETURN | -p tcp -g RETURN",
                "-p tcp -m socket -j RETURN | -p tcp -j RETURN",
                "-m comment --comment a -j RETURN | -m comment --comment b -j RETURN",
                "-p tcp -m tcp --dport 80 -j RETURN | -p tcp -m tcp --sport 80 -j RETURN",
            })
    void what_is_asked_makes_one(String one, String other) {
        assertNotEquals(Rule.of(one.strip()), Rule.of(other.strip()));
    }

    @Test
    void values_are_told_from_their_negations() {
        Rule rule = Rule.of("-p tcp -m tcp ! --sport 1:2 --dport 80 -m comment --comment \"-j DROP\" -j RETURN");
        assertEquals("80", rule.value("--dport"));
        assertNull(rule.value("--sport"));
        assertEquals("1:2", rule.exceptValue("--sport"));
        assertEquals("-j DROP", rule.comment());
        assertEquals("RETURN", rule.target());
    }

    @Test
    void comment_that_could_end_its_quotes_or_its_line_is_refused() {
        for (String comment : new String[] {"a\"b", "a\nb", "a\\b", "\u0663"}) {
            assertThrows(IllegalArgumentException.class, () -> Rule.of("", comment, "-j RETURN"));
        }
    }
}
