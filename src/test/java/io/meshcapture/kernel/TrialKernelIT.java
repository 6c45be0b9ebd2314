package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import io.meshcapture.lab.Await;
import io.meshcapture.lab.Connection;
import io.meshcapture.lab.Echo;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A trial is held by the kernel: it ends in time, whoever is dead by then, and what stood before is in force again. */
@InNetns
class TrialKernelIT {
    private static final String V4 = "10.99.0.1:8080";
    private static final String V6 = "[fd99::1]:8080";

    private static final String EARLIER = ENVOY + """
            services:
              orders: {from: {user: 1001}}
              ledger: {from: {user: 1002}}
            """;

    private static final String TRIED = ENVOY + """
            services:
              orders: {from: {user: 1001}, except: [":5432"], outbound: 15002}
              batch: {from: {user: 1003}}
            """;

    @BeforeEach
    void world(Lab lab) {
        lab.proxy(15001);
        lab.proxy(15002);
        lab.server(8080);
    }

    @Test
    void ends_by_itself_in_nothing_where_nothing_stood_before_and_its_connections_live_on(Lab lab) {
        Outcome outcome = Program.apply(EARLIER, "--confirm-within", "2s");
        assertTrue(
                outcome.out().endsWith("on trial: ends by itself in 2 s unless confirmed with: meshcapture confirm\n"),
                outcome::out);
        assertEquals(new Proxied(15001, V4), verdict(lab, 1001, V4));
        assertEquals(new Proxied(15001, V6), verdict(lab, 1001, V6));
        Connection captured = lab.caller().uid(1001).open(V4);
        assertEquals(0, Program.check(EARLIER).exit());
        awaitEnd(lab, 1001, new Direct(V4));
        assertEquals(new Direct(V6), verdict(lab, 1001, V6));
        assertEquals(Echo.ANSWERED, captured.echo("captured on trial"));

        assertTrue(Program.run("status").out().contains("nothing is captured"));
        Outcome check = Program.check(EARLIER);
        assertEquals(3, check.exit());
        assertTrue(check.err().contains("a trial ended because it was not confirmed in time"), check::err);
        Outcome late = Program.run("confirm");
        assertEquals(7, late.exit());
        assertTrue(late.err().contains("the trial has ended"), late::err);
        captured.close();
        Program.rollback("--all");
        assertEquals("", lab.nft().list());
    }

    @Test
    void ends_by_itself_in_the_earlier_plan_with_its_counters(Lab lab) {
        Program.apply(EARLIER);
        verdict(lab, 1001, V4);
        Program.apply(TRIED, "--confirm-within", "2s");
        assertEquals(new Proxied(15002, V4), verdict(lab, 1001, V4));
        assertEquals(new Direct(V4), verdict(lab, 1002, V4));
        assertEquals(new Proxied(15001, V4), verdict(lab, 1003, V4));
        assertEquals(0, Program.check(TRIED).exit());
        assertEquals(3, Program.check(EARLIER).exit());
        Connection captured = lab.caller().uid(1003).open(V4);

        awaitEnd(lab, 1001, new Proxied(15001, V4));
        assertEquals(new Proxied(15001, V4), verdict(lab, 1002, V4));
        assertEquals(new Direct(V4), verdict(lab, 1003, V4));
        assertEquals(Echo.ANSWERED, captured.echo("captured on trial"));
        Outcome check = Program.must(0, Program.check(EARLIER));
        assertTrue(check.err().contains("a trial ended because it was not confirmed in time"), check::err);
        assertTrue(lab.nft().ours().contains("counter packets 2 bytes 120 comment \"orders\""));

        Outcome next = Program.apply(EARLIER);
        assertTrue(next.err().contains("a trial ended because it was not confirmed in time"), next::err);
        assertFalse(lab.nft().ours().contains("batch"), lab.nft().ours());
        assertFalse(lab.nft().ours().contains("@trial"), lab.nft().ours());
        assertEquals(0, Program.check(EARLIER).exit());
        assertEquals("", Program.check(EARLIER).err());
    }

    @Test
    void confirmed_it_lasts_and_nothing_of_the_earlier_plan_is_left(Lab lab) {
        Program.apply(EARLIER);
        Program.apply(TRIED, "--confirm-within", "2s");
        double left = status().get("trialSecondsLeft").getAsDouble();
        assertTrue(left > 0.5 && left <= 2, "left: " + left);
        assertTrue(Program.run("status").out().contains("on trial: ends by itself in "));
        assertEquals(
                "confirmed: batch, orders\n",
                Program.must(0, Program.run("confirm")).out());
        assertTrue(status().get("trialSecondsLeft").isJsonNull());
        assertFalse(lab.nft().ours().contains("ledger"), lab.nft().ours());
        Await.until(
                Duration.ofSeconds(10),
                "the time to be over",
                () -> !lab.nft().ours().contains("expires"));
        assertEquals(new Proxied(15002, V4), verdict(lab, 1001, V4));
        assertEquals(0, Program.check(TRIED).exit());
        assertEquals(
                "nothing to confirm: no trial is running\n",
                Program.must(0, Program.run("confirm")).out());
        // and it can be changed, tried and taken back like any other
        Program.apply(EARLIER, "--confirm-within", "60s");
        assertEquals(new Proxied(15001, V4), verdict(lab, 1001, V4));
        assertEquals("confirmed: ledger, orders\n", Program.run("confirm").out());
        assertEquals(0, Program.check(EARLIER).exit());
        Program.rollback("--all");
        assertEquals("", lab.nft().list());
    }

    @Test
    void another_apply_meanwhile_is_refused_and_the_same_one_extends_it(Lab lab) {
        Program.apply(EARLIER);
        Program.apply(TRIED, "--confirm-within", "30s");
        String stands = withoutTime(lab);
        for (Outcome refused : List.of(
                Program.withPlan(EARLIER, "apply"),
                Program.withPlan(TRIED, "apply"),
                Program.withPlan(EARLIER, "apply", "--confirm-within", "60s"))) {
            assertEquals(7, refused.exit(), refused::out);
            assertTrue(refused.err().contains("on trial") || refused.err().contains("a trial is running"));
            assertTrue(refused.err().contains("left to be confirmed"), refused::err);
            assertEquals(stands, withoutTime(lab));
        }
        Program.apply(TRIED, "--confirm-within", "90s");
        double left = status().get("trialSecondsLeft").getAsDouble();
        assertTrue(left > 60 && left <= 90, "left: " + left);
        Program.apply(TRIED, "--confirm-within", "20s");
        left = status().get("trialSecondsLeft").getAsDouble();
        assertTrue(left > 0 && left <= 20, "left: " + left);
        Outcome dry = Program.must(0, Program.withPlan(EARLIER, "apply", "--dry-run"));
        assertTrue(dry.out().contains("would be captured: ledger"), dry::out);
    }

    @Test
    void rollback_can_end_it_early(Lab lab) {
        Program.apply(EARLIER);
        Program.apply(TRIED, "--confirm-within", "60s");
        Connection captured = lab.caller().uid(1003).open(V4);
        Outcome ended = Program.must(0, Program.run("rollback", "--trial"));
        assertEquals("released: batch\nstill captured: ledger, orders\n", ended.out());
        assertEquals(new Proxied(15001, V4), verdict(lab, 1002, V4));
        assertEquals(0, Program.check(EARLIER).exit());
        assertEquals(Echo.ANSWERED, captured.echo("captured on trial"));
        assertEquals(
                "nothing to do\nstill captured: ledger, orders\n",
                Program.must(0, Program.run("rollback", "--trial")).out());

        Program.rollback("--all");
        Program.apply(TRIED, "--confirm-within", "60s");
        assertEquals(
                "released: batch, orders\n",
                Program.must(0, Program.run("rollback", "--trial", "--drain", "0"))
                        .out());
        assertEquals("", lab.nft().list());
    }

    @Test
    void service_rolled_back_meanwhile_stays_direct_when_the_earlier_plan_is_back(Lab lab) {
        Program.apply(EARLIER);
        Program.apply(TRIED, "--confirm-within", "2s");
        assertEquals(
                "released: orders\nstill captured: batch, ledger\n",
                Program.rollback("orders").out());
        assertEquals(new Direct(V4), verdict(lab, 1001, V4));
        assertEquals(new Proxied(15001, V4), verdict(lab, 1003, V4));
        awaitEnd(lab, 1002, new Proxied(15001, V4));
        assertEquals(new Direct(V4), verdict(lab, 1001, V4));
        assertEquals(new Direct(V4), verdict(lab, 1003, V4));
    }

    @Test
    void full_rollback_meanwhile_leaves_nothing_to_come_back(Lab lab) {
        Program.apply(EARLIER);
        Program.apply(TRIED, "--confirm-within", "60s");
        assertEquals(
                "released: batch, ledger, orders\n", Program.rollback("--all").out());
        assertEquals("", lab.nft().list());
        assertEquals(new Direct(V4), verdict(lab, 1001, V4));
    }

    @Test
    void no_process_and_no_clock_is_needed_for_its_end(Lab lab) {
        Program.apply(EARLIER);
        Path plan = lab.file("/run/tried.yaml", TRIED);
        // a process whose clocks are a day off applies it, and is gone
        Run.Result applied = Run.command(
                "unshare",
                "--time",
                "--fork",
                "--monotonic",
                "86400",
                "--boottime",
                "86400",
                Program.DISTRIBUTION,
                "apply",
                "-f",
                plan.toString(),
                "--confirm-within",
                "2s",
                "--state-dir",
                "/run/gone");
        assertEquals(0, applied.exit(), applied.err());
        assertEquals(new Proxied(15002, V4), verdict(lab, 1001, V4));
        awaitEnd(lab, 1001, new Proxied(15001, V4));
        assertEquals(0, Program.check(EARLIER).exit());
    }

    @Test
    void plan_in_sync_has_nothing_to_try_and_an_empty_one_cannot_be_tried(Lab lab) {
        Program.apply(EARLIER);
        Outcome same = Program.apply(EARLIER, "--confirm-within", "60s");
        assertEquals("in sync: 2 services captured, nothing to change\n", same.out());
        assertTrue(status().get("trialSecondsLeft").isJsonNull());
        assertEquals(0, Program.run("confirm").exit());
        Outcome empty = Program.withPlan(ENVOY + "services: {}\n", "apply", "--confirm-within", "60s");
        assertEquals(2, empty.exit());
        assertTrue(
                empty.err().contains("a plan without services cannot be put on trial; --confirm-within; "), empty::err);
        Outcome brief = Program.withPlan(TRIED, "apply", "--confirm-within", "10ms");
        assertEquals(2, brief.exit());
        assertTrue(brief.err().contains("a trial of 10 ms is too short"), brief::err);
        assertEquals(0, Program.check(EARLIER).exit());
    }

    private static void awaitEnd(Lab lab, int uid, Verdict afterwards) {
        Await.until(
                Duration.ofSeconds(10),
                "the trial to end",
                () -> verdict(lab, uid, V4).equals(afterwards));
    }

    private static JsonObject status() {
        return new Gson().fromJson(Program.run("status", "-o", "json").out(), JsonObject.class);
    }

    private static String withoutTime(Lab lab) {
        return lab.nft().ours().replaceAll("expires \\w+", "");
    }

    private static Verdict verdict(Lab lab, int uid, String server) {
        return lab.caller().uid(uid).connect(server);
    }
}
