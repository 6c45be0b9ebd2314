package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What other people wrote stays, to the byte and to the counter. */
@InNetns
class ForeignRulesKernelIT {
    private static final String BEFORE = """
            table ip meshcapture {
              counter hits { packets 12 bytes 345 }
              chain output { type nat hook output priority 0
                tcp dport 9999 counter packets 5 bytes 300 redirect to :9998
              }
            }
            table inet meshcapture-of-others {
              chain to_15001 {
                counter packets 3 bytes 180 comment "identical"
                counter packets 3 bytes 180 comment "identical"
              }
            }
            table inet aaa {
              set users { type uid; elements = { 1337, 1000 } }
              map ports { type inet_service : verdict; elements = { 80 : accept } }
              chain out { type filter hook output priority -200
                meta skuid @users counter packets 1 bytes 60
                tcp dport vmap @ports
              }
              chain in { type filter hook input priority 0; ct state invalid counter packets 7 bytes 9 drop; }
            }
            """;

    private static final String BETWEEN = """
            table inet meshcapture2 {
              chain output { type nat hook output priority -50
                tcp dport 9999 counter packets 5 bytes 300 return
              }
            }
            table netdev zzz { }
            """;

    @Test
    void foreign_tables_before_and_after_ours_stay_byte_for_byte(Lab lab) {
        lab.nft().apply(BEFORE);
        Run.command("iptables-nft-restore", "--counters").orFail();
        String before = handles();
        Program.apply(ANY);
        assertEquals(before, handlesOfOthers(lab));
        lab.nft().apply(BETWEEN);
        String between = handlesOfOthers(lab);
        Program.apply(ENVOY + "services: {any: {to: [10.0.0.0/8]}, root: {from: {user: 0}}}\n");
        assertEquals(between, handlesOfOthers(lab));
        Program.check(ANY);
        Program.run("status");
        Program.rollback("root");
        Program.apply(ANY);
        assertEquals(between, handlesOfOthers(lab));
        Program.rollback("--all");
        assertEquals(between, handles());
    }

    @Test
    void foreign_redirect_still_takes_what_stays_direct_with_us(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
        lab.localServerAt(io.meshcapture.lab.Identity.APPLICATION, "127.0.0.1:7777");
        lab.nft().apply("""
                table ip theirs {
                  chain c { type nat hook output priority -100
                    ip daddr 10.0.0.7 tcp dport 80 dnat to 127.0.0.1:7777
                  }
                }
                """);
        Program.apply(ENVOY + "services: {any: {except: [10.0.0.0/24]}}\n");
        assertEquals(new Direct("127.0.0.1:7777"), lab.caller().connect("10.0.0.7:80"));
        assertEquals(new Proxied(15001, "10.0.1.7:80"), lab.caller().connect("10.0.1.7:80"));
    }

    @Test
    void table_of_our_name_without_our_comment_is_left_alone(Lab lab) {
        for (String comment : new String[] {"", "comment \"mine\"\n"}) {
            lab.nft().apply("table inet meshcapture {\n" + comment + "chain c { counter; }; }");
            String before = lab.nft().list();
            for (Outcome outcome : new Outcome[] {
                Program.withPlan(ANY, "apply"),
                Program.withPlan(ANY, "apply", "--dry-run"),
                Program.check(ANY),
                Program.run("status"),
                Program.run("rollback", "--all"),
                Program.run("rollback", "any"),
                Program.run("explain", "--live", "10.0.0.1:80")
            }) {
                Program.must(7, outcome);
                assertTrue(outcome.err().contains("meshcapture did not make it"), outcome::err);
                assertEquals(before, lab.nft().list());
            }
            lab.nft().apply("delete table inet meshcapture");
        }
    }

    @Test
    void table_of_another_schema_is_left_alone_but_for_a_full_rollback(Lab lab) {
        lab.nft().apply(BEFORE);
        String foreign = lab.nft().list();
        Program.apply(ANY);
        String ours = Run.command("nft", "list", "table", "inet", "meshcapture").orFail();
        lab.nft().apply("delete table inet meshcapture\n" + ours.replace("schema 2", "schema 99"));
        String before = lab.nft().list();
        for (Outcome outcome : new Outcome[] {
            Program.withPlan(ANY, "apply"), Program.check(ANY), Program.run("status"), Program.run("rollback", "any")
        }) {
            Program.must(7, outcome);
            assertTrue(outcome.err().contains("another version of meshcapture"), outcome::err);
            assertEquals(before, lab.nft().list());
        }
        Program.rollback("--all");
        assertEquals(foreign, lab.nft().list());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "services: {'a\"; flush ruleset; #': {}}",
                "services: {\"a\\n}\\nflush ruleset\\n\": {}}",
                "services: {a;b: {}}",
                "services: {a: {from: {user: '1000 }; flush ruleset; #'}}}",
                "services: {a: {from: {group: \"1000\\nflush ruleset\"}}}",
                "services: {a: {from: {cgroup: 'x\"; flush ruleset; #'}}}",
                "services: {a: {from: {unit: 'x\" accept; flush ruleset; #.service'}}}",
                "services: {a: {to: ['10.0.0.0/8 : accept }; flush ruleset; #']}}",
                "services: {a: {to: [\"10.0.0.1\\n:80\"]}}",
                "services: {a: {except: ['[fd00::1%\"; flush ruleset; #]:80']}}",
                "services: {a: {outbound: '15001; flush ruleset'}}",
                "services: {a: {}}\nexcept: ['0.0.0.0/0\"; flush ruleset; #']"
            })
    void plan_that_would_write_rules_of_its_own_is_refused(String injection, Lab lab) {
        lab.nft().apply(BEFORE);
        String before = lab.nft().list();
        Outcome outcome = Program.must(2, Program.withPlan(ENVOY + injection + "\n", "apply"));
        assertTrue(outcome.err().contains("standard input:"), outcome::err);
        assertFalse(outcome.err().contains("\nflush"), outcome::err);
        assertEquals(before, lab.nft().list());
    }

    private static String handles() {
        return Run.command("nft", "-a", "list", "ruleset").orFail();
    }

    /** With handles, which tell a rule that was replaced by its equal. */
    private static String handlesOfOthers(Lab lab) {
        var others = new StringBuilder();
        boolean ours = false;
        for (String line : handles().lines().toList()) {
            ours = ours || line.startsWith("table inet meshcapture {");
            if (!ours) {
                others.append(line).append('\n');
            }
            ours = ours && !line.equals("}");
        }
        assertTrue(lab.nft().ours().contains("meshcapture schema"));
        return others.toString();
    }
}
