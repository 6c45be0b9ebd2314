package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Iptables;
import io.meshcapture.lab.Lab;
import io.meshcapture.plan.Family;
import io.meshcapture.system.LegacyChains;
import io.meshcapture.system.LegacyTables;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Chains of iptables-legacy, asked of the kernel without a program. */
@InNetns
class LegacyChainsKernelIT {

    @Test
    void names_are_read_in_both_families_and_all_tables_whatever_rules_stand_between(Lab lab) {
        String longest = "A-CHAIN-NAME-OF-28-CHARACTER";
        String rules = """
                *filter
                :ERRORS - [0:0]
                -A ERRORS -m comment --comment "ERROR" -j DROP
                COMMIT
                *nat
                :%s - [0:0]
                :EMPTY - [0:0]
                -A OUTPUT -p tcp -m multiport --dports 1,2,3 -m comment --comment "many words" -j %1$s
                -A %1$s -p tcp -j REDIRECT --to-ports 9
                COMMIT
                """.formatted(longest);
        Iptables.LEGACY.restore4(rules);
        Iptables.LEGACY.restore6(rules.replace("EMPTY", "OF_IPV6"));
        assertEquals(Set.of("ERRORS", longest, "EMPTY"), LegacyChains.of(Family.IPV4));
        assertEquals(Set.of("ERRORS", longest, "OF_IPV6"), LegacyChains.of(Family.IPV6));
    }

    @Test
    void where_nobody_has_used_it_nothing_is_there_and_nothing_is_brought_about(Lab lab) {
        assertEquals(Set.of(), LegacyChains.of(Family.IPV4));
        assertEquals(Set.of(), LegacyChains.of(Family.IPV6));
        assertEquals(Set.of(), LegacyTables.names(Family.IPV4));
    }
}
