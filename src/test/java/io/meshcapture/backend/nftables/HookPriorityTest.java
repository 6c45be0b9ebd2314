package io.meshcapture.backend.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HookPriorityTest {

    @ParameterizedTest
    @CsvSource({"-101, -101", "dstnat - 1, -101", "dstnat, -100", "mangle, -150", "raw + 5, -295", "filter + 10, 10"})
    void is_one_number_however_it_is_spelled(String spelled, int number) {
        Ruleset table =
                ListingParser.parse("table inet meshcapture {\n\tchain c {\n\t\ttype nat hook prerouting priority "
                        + spelled + "; policy accept;\n\t}\n}\n");
        assertEquals(
                "type nat hook prerouting priority " + number + "; policy accept;",
                table.chains().values().iterator().next().base());
    }
}
