package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Iptables;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict.Proxied;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tables of iptables-nft into which nft put what iptables has no words for: its programs end well, and print nothing of them. */
@InNetns
class IptablesClosedTablesKernelIT {
    private static final String V4 = "10.99.0.1:8080";
    private static final String PLAN = ENVOY + "backend: iptables-nft\nservices: {orders: {from: {user: 1001}}}\n";

    @BeforeEach
    void world(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
    }

    private static String ruleset() {
        return Run.command("nft", "-s", "list", "ruleset").orFail();
    }

    private static void close(Lab lab, String table, String hook) {
        lab.nft().apply("table " + table + " { chain OUTPUT { " + hook + "; ct state new tcp dport 7 accept; }; }");
    }

    @ParameterizedTest
    @CsvSource({
        "ip nat, type nat hook output priority -100",
        "ip6 nat, type nat hook output priority -100",
        "ip filter, type filter hook output priority 0"
    })
    void nothing_is_written_where_it_could_not_be_read_again(String table, String hook, Lab lab) {
        close(lab, table, hook);
        String before = ruleset();
        Outcome apply = Program.must(4, Program.withPlan(PLAN, "apply"));
        assertTrue(
                apply.err().contains("iptables-nft cannot be used with the rules that are in table " + table),
                apply::err);
        assertTrue(apply.err().contains("--backend nftables"), apply::err);
        Program.must(4, Program.withPlan(PLAN, "apply", "--dry-run"));
        assertEquals(before, ruleset());
        assertTrue(Program.must(3, Program.check(PLAN)).out().contains("not captured"));
        assertTrue(Program.must(0, Program.run("status")).out().contains("nothing is captured"));
        Program.rollback("--all");
        assertEquals(before, ruleset());
    }

    @Test
    void capture_in_a_table_of_its_own_is_not_concerned(Lab lab) {
        close(lab, "ip nat", "type nat hook output priority -100");
        String before = ruleset();
        String plan = PLAN.replace("iptables-nft", "auto");
        Program.apply(plan);
        assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).connect(V4));
        assertTrue(Program.must(0, Program.run("status")).out().contains("orders"));
        Program.must(0, Program.check(plan));
        Program.rollback("--all");
        assertEquals(before, ruleset());
    }

    /** Somebody adds such a rule while a table captures. */
    @Test
    void nobody_says_that_nothing_stands_where_something_does(Lab lab) {
        Program.apply(PLAN);
        Run.command("nft", "add", "rule", "ip", "nat", "OUTPUT", "ct state new tcp dport 7 accept")
                .orFail();
        String before = ruleset();
        for (Outcome outcome : new Outcome[] {
            Program.run("status"),
            Program.check(PLAN),
            Program.withPlan(PLAN, "apply"),
            Program.run("rollback", "--all", "--drain", "0")
        }) {
            Program.must(4, outcome);
            assertTrue(
                    outcome.err().contains("what iptables-nft holds of ours in table ip nat cannot be read"),
                    outcome::err);
        }
        assertEquals(before, ruleset());
        assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).connect(V4));

        String handle = Run.command("nft", "-a", "list", "chain", "ip", "nat", "OUTPUT")
                .orFail()
                .replaceFirst("(?s).*dport 7 accept # handle (\\d+).*", "$1");
        Run.command("nft", "delete", "rule", "ip", "nat", "OUTPUT", "handle", handle)
                .orFail();
        Program.must(0, Program.check(PLAN));
        Program.rollback("--all");
        assertTrue(!Iptables.NFT.save4().contains("MESHCAPTURE"), Iptables.NFT::save4);
    }
}
