package io.meshcapture.backend.iptables;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class RestoreScriptTest {
    private static final List<Table> ALL = List.of(Table.values());

    private static Ruleset stands() {
        return parsed("""
                *nat
                :OUTPUT ACCEPT [0:0]
                :DOCKER - [0:0]
                :MESHCAPTURE_OUTPUT - [0:0]
                :MESHCAPTURE_X - [0:0]
                [0:0] -A OUTPUT -j MESHCAPTURE_OUTPUT
                [0:0] -A OUTPUT -j DOCKER
                [5:300] -A MESHCAPTURE_OUTPUT -p tcp -m comment --comment a -j RETURN
                COMMIT
                """);
    }

    private static Ruleset target(String rule) {
        Ruleset target = new Ruleset();
        target.in(Table.NAT).chain("MESHCAPTURE_OUTPUT").add(Rule.of(rule));
        target.in(Table.NAT).jump("OUTPUT", Rule.of("-j MESHCAPTURE_OUTPUT"));
        return target;
    }

    @Test
    void what_stands_already_needs_no_script() {
        assertEquals("", RestoreScript.between(stands(), target("-p tcp -m comment --comment a -j RETURN"), ALL));
    }

    @Test
    void chain_that_differs_is_replaced_whole_and_keeps_what_it_has_counted() {
        assertEquals(
                """
                *nat
                :MESHCAPTURE_OUTPUT - [0:0]
                [5:300] -A MESHCAPTURE_OUTPUT -p tcp --dport 1 -m comment --comment a -j RETURN
                COMMIT
                """, RestoreScript.between(stands(), target("-p tcp --dport 1 -m comment --comment a -j RETURN"), ALL));
    }

    @Test
    void only_what_is_ours_is_taken_away() {
        assertEquals("""
                *nat
                :MESHCAPTURE_OUTPUT - [0:0]
                -D OUTPUT -j MESHCAPTURE_OUTPUT
                -X MESHCAPTURE_OUTPUT
                COMMIT
                """, RestoreScript.between(stands(), new Ruleset(), ALL));
    }

    @Test
    void jump_that_is_missing_doubled_or_shadowed_becomes_the_first() {
        for (String jumps : List.of(
                "[0:0] -A OUTPUT -j DOCKER\n",
                "[0:0] -A OUTPUT -j MESHCAPTURE_OUTPUT\n[0:0] -A OUTPUT -j MESHCAPTURE_OUTPUT\n",
                "[0:0] -A OUTPUT -j DOCKER\n[0:0] -A OUTPUT -j MESHCAPTURE_OUTPUT\n")) {
            Ruleset stands = parsed("*nat\n:OUTPUT ACCEPT [0:0]\n:MESHCAPTURE_OUTPUT - [0:0]\n" + jumps
                    + "[0:0] -A MESHCAPTURE_OUTPUT -p tcp -j RETURN\nCOMMIT\n");
            String script = RestoreScript.between(stands, target("-p tcp -j RETURN"), ALL);
            long ours =
                    jumps.lines().filter(line -> line.contains("MESHCAPTURE")).count();
            assertEquals(
                    "*nat\n" + "-D OUTPUT -j MESHCAPTURE_OUTPUT\n".repeat((int) ours)
                            + "-I OUTPUT 1 -j MESHCAPTURE_OUTPUT\nCOMMIT\n",
                    script);
        }
    }

    private static Ruleset parsed(String saved) {
        return SaveParser.parse(saved).orElseThrow();
    }
}
