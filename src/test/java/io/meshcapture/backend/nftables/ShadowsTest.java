package io.meshcapture.backend.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShadowsTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '\'',
            value = {
                "tcp dport 8080 redirect to :9 | true",
                "redirect | true",
                "ip daddr 10.0.0.1 dnat to 10.0.0.2 | true",
                "dnat ip to tcp dport map { 80 : 10.0.0.2 } | true",
                "jump theirs | true",
                "ip daddr vmap { 10.0.0.1 : goto theirs } | true",
                "accept comment \"no redirect here, jump over it\" | false",
                "log prefix \"dnat to \" accept | false",
                "ct status dnat accept | false",
                "ip daddr @redirect accept | false",
                "chain redirect { | false",
                "counter packets 0 bytes 0 | false"
            })
    void rule_that_sends_connections_elsewhere_is_told_from_one_that_speaks_of_it(String rule, boolean translates) {
        assertEquals(translates, Shadows.translates(rule));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '\'',
            value = {
                "notrack | true",
                "tcp dport 443 notrack | true",
                "meta l4proto { tcp, udp } th dport 53 notrack | true",
                "meta l4proto tcp notrack | true",
                "udp dport 53 notrack | false",
                "meta l4proto udp notrack | false",
                "oifname \"lo\" notrack | true",
                "oif \"lo\" notrack | true",
                "accept comment \"notrack\" | false"
            })
    void rule_that_keeps_tcp_from_conntrack_is_told_from_others(String rule, boolean untracks) {
        assertEquals(untracks, Shadows.untracks(rule));
    }
}
