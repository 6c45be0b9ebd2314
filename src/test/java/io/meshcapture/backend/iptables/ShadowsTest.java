package io.meshcapture.backend.iptables;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.plan.Family;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShadowsTest {

    /** Our chains stand behind a rule of somebody's. */
    @ParameterizedTest
    @CsvSource({
        "raw, '-p udp', -p tcp -j ACCEPT, false",
        "raw, '-p udp', -p 6 -j ACCEPT, false",
        "raw, '-p udp|-p icmp', -p tcp -j NOTRACK, false",
        "raw, '-p udp|-p icmp', -p udp -j NOTRACK, true",
        "raw, '-p udp|-p icmp', -p 17 -j NOTRACK, true",
        "raw, '-p udp|-p icmp', -j NOTRACK, true",
        "raw, '-p udp|-p icmp', ! -p tcp -j NOTRACK, true",
        "nat, '', -p tcp -j ACCEPT, true",
        "nat, '', -p udp -j ACCEPT, false",
        "nat, '', -p tcp -j LOG, false",
        "nat, '-p tcp', -p tcp -j ACCEPT, true",
        "nat, '-p 6', -p tcp -j ACCEPT, true",
        "filter, '-p udp|', -p tcp -j ACCEPT, true",
    })
    void rule_takes_what_one_of_our_jumps_asks_for(String table, String jumps, String theirs, boolean takes) {
        StringBuilder saved = new StringBuilder("*" + table + "\n:OUTPUT ACCEPT [0:0]\n:MESHCAPTURE_ZONE - [0:0]\n");
        saved.append("[0:0] -A OUTPUT ").append(theirs).append('\n');
        for (String jump : jumps.split("\\|", -1)) {
            saved.append("[0:0] -A OUTPUT ")
                    .append(jump)
                    .append(jump.isEmpty() ? "" : " ")
                    .append("-j MESHCAPTURE_ZONE\n");
        }
        Ruleset ruleset = SaveParser.parse(saved + "COMMIT\n").orElseThrow();
        List<String> expected =
                takes ? List.of("IPv4 table " + table + " chain OUTPUT (iptables-nft) rule 1: " + theirs) : List.of();
        assertEquals(expected, Shadows.of(Flavour.NFT, Map.of(Family.IPV4, ruleset)));
    }
}
