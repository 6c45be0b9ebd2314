package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Echo;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Applying again: nothing changes where nothing differs, and nothing else than what differs. */
@InNetns
@Tag("every-backend")
class RepeatKernelIT {
    private static final String TWO = ENVOY + """
            except: ["192.0.2.0/24"]
            services:
              orders: {from: {user: 1001}, except: [":5432"]}
              ledger: {from: {user: 1002}, to: [10.0.0.0/8, "[fd99::/16]:443"], outbound: 15002}
            """;

    private static final String ORDERS_ONLY = ENVOY + """
            except: ["192.0.2.0/24"]
            services:
              orders: {from: {user: 1001}, except: [":5432"]}
            """;

    @BeforeEach
    void world(Lab lab) {
        lab.proxy(15001);
        lab.proxy(15002);
        lab.server(8080);
        lab.server(5432);
    }

    @Tag("nftables")
    @Test
    void second_apply_changes_nothing_not_even_a_counter(Lab lab) {
        Program.apply(TWO);
        lab.caller().uid(1001).connect("10.99.0.1:8080");
        lab.caller().uid(1001).connect("10.99.0.1:5432");
        lab.caller().uid(1002).connect("10.99.0.1:8080");
        String first = lab.nft().list();
        assertTrue(first.contains("counter packets 1 bytes 60 comment \"ledger\""), first);
        Outcome second = Program.apply(TWO);
        assertEquals("in sync: 2 services captured, nothing to change\n", second.out());
        assertEquals("", second.err());
        assertEquals(first, lab.nft().list());
        assertEquals(
                "in sync: 2 services\n", Program.must(0, Program.check(TWO)).out());
        assertEquals(first, lab.nft().list());
    }

    @Test
    void dry_run_says_everything_and_changes_nothing(Lab lab) {
        Outcome outcome = Program.apply(TWO, "--dry-run");
        assertTrue(outcome.out().contains("would be captured: orders, ledger"), outcome::out);
        assertEquals("", lab.nft().list());
        Program.apply(TWO);
        String stands = lab.nft().list();
        outcome = Program.apply(ORDERS_ONLY, "--dry-run");
        assertTrue(outcome.out().contains("would be released: ledger"), outcome::out);
        assertEquals(stands, lab.nft().list());
    }

    @Tag("nftables")
    @Test
    void service_that_left_the_plan_is_released_and_the_others_keep_their_counters(Lab lab) {
        Program.apply(TWO);
        lab.caller().uid(1001).connect("10.99.0.1:8080");
        Outcome outcome = Program.apply(ORDERS_ONLY);
        assertTrue(outcome.out().contains("released: ledger"), outcome::out);
        assertEquals(new Direct("10.99.0.1:8080"), lab.caller().uid(1002).connect("10.99.0.1:8080"));
        assertTrue(lab.nft().ours().contains("counter packets 1 bytes 60 comment \"orders\""));
        assertFalse(lab.nft().ours().contains("ledger"), lab.nft().ours());
        assertFalse(lab.nft().ours().contains("to_15002"), lab.nft().ours());
        assertEquals(0, Program.check(ORDERS_ONLY).exit());
    }

    @Test
    void plan_that_was_emptied_releases_all_and_says_so(Lab lab) {
        Program.apply(TWO);
        Outcome outcome = Program.apply(ENVOY + "services: {}\n", "--drain", "0");
        assertTrue(outcome.err().contains("the plan has no services, so everything that was captured is released"));
        assertTrue(outcome.out().contains("released: ledger, orders"), outcome::out);
        assertEquals("", lab.nft().list());
        outcome = Program.apply(ENVOY + "services: {}\n");
        assertTrue(outcome.err().contains("the plan has no services, so nothing is captured"), outcome::err);
        assertEquals("", lab.nft().list());
    }

    @Tag("nftables")
    @Test
    void naming_a_service_leaves_the_others_as_they_stand(Lab lab) {
        Program.apply(ORDERS_ONLY);
        lab.caller().uid(1001).connect("10.99.0.1:8080");
        String other = TWO.replace(":5432", ":8080");
        Program.apply(other, "ledger");
        assertEquals(new Proxied(15001, "10.99.0.1:8080"), verdict(lab, 1001));
        assertEquals(new Proxied(15002, "10.99.0.1:8080"), verdict(lab, 1002));
        assertTrue(lab.nft().ours().contains("counter packets 2 bytes 120 comment \"orders\""));
        assertEquals(3, Program.check(other).exit());
        assertEquals(0, Program.check(other, "ledger").exit());
        Program.apply(other);
        assertEquals(new Direct("10.99.0.1:8080"), verdict(lab, 1001));
    }

    @Test
    void leftover_of_a_rollback_that_was_killed_is_taken_up_by_the_next_command(Lab lab) {
        for (String next : List.of("apply", "rollback", "apply of nothing")) {
            Program.apply(TWO);
            var captured = lab.caller().uid(1001).open("10.99.0.1:8080");
            var killed = lab.background(Program.DISTRIBUTION, "rollback", "--all", "--drain", "60s");
            killed.awaitError("waiting for 1 captured connection", Duration.ofSeconds(20));
            killed.kill();
            assertEquals(Echo.ANSWERED, captured.echo("nobody waits for it, and it lives"));
            captured.close();
            assertEquals(new Direct("10.99.0.1:8080"), verdict(lab, 1001));
            assertTrue(Program.run("status").out().contains("rules of ours are left over"));
            switch (next) {
                case "apply" -> {
                    Program.apply(TWO);
                    assertEquals(new Proxied(15001, "10.99.0.1:8080"), verdict(lab, 1001));
                    assertEquals(0, Program.check(TWO).exit());
                    Program.rollback("--all");
                }
                case "rollback" -> Program.rollback("--all");
                default -> Program.apply(ENVOY + "services: {}\n");
            }
            assertEquals("", lab.nft().list(), next);
        }
    }

    private static Verdict verdict(Lab lab, int uid) {
        return lab.caller().uid(uid).connect("10.99.0.1:8080");
    }
}
