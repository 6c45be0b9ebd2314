package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Await;
import io.meshcapture.lab.Connection;
import io.meshcapture.lab.Echo;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Undoing: exactly what was done, without a plan, without harm. */
@InNetns
@Tag("every-backend")
class RollbackKernelIT {
    private static final List<String> BOTH = List.of("10.99.0.1:8080", "[fd99::1]:8080");

    private static final String TWO = ENVOY + """
            services:
              a: {from: {user: 1001}}
              b: {from: {user: 1002}, outbound: 15002}
            """;

    @Test
    void captured_connections_live_through_the_drain_while_new_ones_go_direct(Lab lab) throws Exception {
        lab.proxy(15001);
        lab.server(8080);
        Program.apply(ANY);
        List<Connection> captured = BOTH.stream().map(lab.caller()::open).toList();
        CompletableFuture<Outcome> rollback = beside(() -> Program.run("rollback", "--all", "--drain", "60s"));
        for (String server : BOTH) {
            Await.until(
                    Duration.ofSeconds(10),
                    "new connections to go direct",
                    () -> lab.caller().connect(server).equals(new Direct(server)));
        }
        captured.forEach(open -> assertEquals(Echo.ANSWERED, open.echo("draining")));
        assertTrue(!rollback.isDone(), "the rollback does not wait for its connections");
        captured.forEach(Connection::close);
        Outcome outcome = Program.must(0, rollback.get(10, TimeUnit.SECONDS));
        assertEquals("released: any\n", outcome.out());
        assertEquals("", lab.nft().list());
    }

    @Test
    void drain_that_is_over_cuts_captured_connections_and_says_so(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
        Program.apply(ANY);
        List<Connection> captured = BOTH.stream().map(lab.caller()::open).toList();
        Outcome outcome = Program.must(0, Program.run("rollback", "--all", "--drain", "50ms"));
        assertTrue(outcome.err().contains("waiting for 2 captured connections to end: any 2"), outcome::err);
        assertTrue(outcome.err().contains("2 captured connections did not end within the drain time"), outcome::err);
        captured.forEach(open -> assertEquals(Echo.RESET, open.echo("cut")));
        assertEquals("", lab.nft().list());
    }

    @Test
    void no_drain_cuts_captured_connections_at_once(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
        Program.apply(ANY);
        Connection captured = lab.caller().open("10.99.0.1:8080");
        Program.rollback("--all");
        assertEquals(Echo.RESET, captured.echo("cut"));
        assertEquals(new Direct("10.99.0.1:8080"), lab.caller().connect("10.99.0.1:8080"));
    }

    @Test
    void service_drains_by_itself_beside_others(Lab lab) throws Exception {
        lab.proxy(15001);
        lab.proxy(15002);
        lab.server(8080);
        Program.apply(TWO);
        List<Connection> ofA = BOTH.stream().map(lab.caller().uid(1001)::open).toList();
        Connection ofB = lab.caller().uid(1002).open("10.99.0.1:8080");
        CompletableFuture<Outcome> rollback = beside(() -> Program.run("rollback", "a", "--drain", "60s"));
        Await.until(
                Duration.ofSeconds(10),
                "new connections of a to go direct",
                () -> lab.caller().uid(1001).connect("10.99.0.1:8080").equals(new Direct("10.99.0.1:8080")));
        assertTrue(Program.run("status").out().lines().anyMatch("draining: 2 captured connections of a"::equals));
        Await.until(Duration.ofSeconds(10), "the rollback to have counted them", RollbackKernelIT::isSomebodyDraining);
        ofA.forEach(open -> assertEquals(Echo.ANSWERED, open.echo("draining")));
        assertTrue(!rollback.isDone(), "the rollback does not wait for its connections");
        ofA.forEach(Connection::close);
        Outcome outcome = Program.must(0, rollback.get(10, TimeUnit.SECONDS));
        assertEquals("released: a\nstill captured: b\n", outcome.out());
        // a third may have been opened just before
        assertTrue(outcome.err().matches("(?s).*waiting for [23] captured connections to end: a [23].*"), outcome::err);
        assertEquals(Echo.ANSWERED, ofB.echo("of b"));
        assertEquals(0, Program.check(TWO, "b").exit());
    }

    /** New connections are direct a moment before it looks how many there are; after that look it pauses. */
    private static boolean isSomebodyDraining() {
        return Thread.getAllStackTraces().values().stream().anyMatch(stack -> {
            String calls = Arrays.toString(stack);
            return calls.contains("java.lang.Thread.sleep(") && calls.contains("io.meshcapture.verbs.Drain.await(");
        });
    }

    @Test
    void service_whose_drain_is_over_is_cut_at_once_and_others_are_not(Lab lab) {
        lab.proxy(15001);
        lab.proxy(15002);
        lab.server(8080);
        Program.apply(TWO);
        Connection before = lab.caller().uid(1001).as(Identity.ENVOY).open("10.99.0.1:8080");
        List<Connection> ofA = BOTH.stream().map(lab.caller().uid(1001)::open).toList();
        Connection ofB = lab.caller().uid(1002).open("10.99.0.1:8080");
        Outcome outcome = Program.must(0, Program.run("rollback", "a", "--drain", "300ms"));
        assertTrue(
                outcome.err().contains("2 captured connections did not end within the drain time and had to be cut"),
                outcome::err);
        // they hear of it though they are idle
        ofA.forEach(open -> assertEquals(Echo.RESET, open.hear("nothing")));
        assertEquals(Echo.ANSWERED, ofB.echo("of b"));
        assertEquals(Echo.ANSWERED, before.echo("never captured"));
        assertEquals("SERVICE", firstLine(Program.run("status")).substring(0, 7));
    }

    @Test
    void drain_that_was_interrupted_says_so_and_is_finished_by_the_next_rollback(Lab lab) {
        lab.proxy(15001);
        lab.proxy(15002);
        lab.server(8080);
        for (String how : List.of("interrupted", "killed")) {
            Program.apply(TWO);
            Connection ofA = lab.caller().uid(1001).open("10.99.0.1:8080");
            Connection ofB = lab.caller().uid(1002).open("10.99.0.1:8080");
            var rollback = lab.background(Program.DISTRIBUTION, "rollback", "a", "--drain", "60s");
            rollback.awaitError("waiting for 1 captured connection to end: a 1", Duration.ofSeconds(20));
            if (how.equals("interrupted")) {
                rollback.interrupt();
                var ended = rollback.await(Duration.ofSeconds(10));
                assertEquals(130, ended.exit());
                assertTrue(
                        ended.err().contains("interrupted: new connections are direct, and 1 captured"), ended.err());
            } else {
                rollback.kill();
            }
            assertEquals(Echo.ANSWERED, ofA.echo("nobody waits for it"));
            assertTrue(Program.run("status").out().lines().anyMatch("draining: 1 captured connection of a"::equals));
            // another apply leaves it alone and says so
            Outcome apply = Program.apply(TWO, "b");
            assertTrue(
                    apply.err().contains("1 captured connection(s) of a go on through Envoy until they end"),
                    apply::err);
            assertEquals(Echo.ANSWERED, ofA.echo("still"));
            Outcome finished = Program.must(0, Program.run("rollback", "a", "--drain", "0"));
            assertEquals("drained: a\nstill captured: b\n", finished.out());
            assertEquals(Echo.RESET, ofA.hear("nothing"));
            assertEquals(Echo.ANSWERED, ofB.echo("of b"));
            assertEquals(
                    "not captured: a\nnothing to do\nstill captured: b\n",
                    Program.run("rollback", "a").out());
            ofB.close();
            Program.rollback("--all");
            assertEquals("", lab.nft().list());
        }
    }

    @Test
    void service_that_is_captured_again_takes_its_draining_connections_back(Lab lab) {
        lab.proxy(15001);
        lab.proxy(15002);
        lab.server(8080);
        Program.apply(TWO);
        Connection ofA = lab.caller().uid(1001).open("10.99.0.1:8080");
        var rollback = lab.background(Program.DISTRIBUTION, "rollback", "a", "--drain", "60s");
        rollback.awaitError("waiting for 1 captured connection to end: a 1", Duration.ofSeconds(20));
        rollback.kill();
        assertEquals("", Program.apply(TWO).err());
        assertEquals("SERVICE", firstLine(Program.run("status")).substring(0, 7));
        assertEquals(Echo.ANSWERED, ofA.echo("captured as before"));
        assertEquals(0, Program.check(TWO).exit());
    }

    private static String firstLine(Outcome outcome) {
        return Program.must(0, outcome).out().lines().findFirst().orElse("");
    }

    @Test
    void connections_that_were_never_captured_go_on(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
        Connection before = lab.caller().open("10.99.0.1:8080");
        Program.apply(ENVOY + "services: {any: {except: [\"192.0.2.9\"]}}\n");
        Connection own = lab.caller().as(Identity.ENVOY).open("10.99.0.1:8080");
        Connection excepted = lab.caller().open("192.0.2.9:8080");
        Program.rollback("--all");
        for (Connection open : List.of(before, own, excepted)) {
            assertEquals(Echo.ANSWERED, open.echo("never captured"));
        }
    }

    @Test
    void one_service_is_released_while_the_other_stays_and_its_counters_with_it(Lab lab) {
        lab.proxy(15001);
        lab.proxy(15002);
        lab.server(8080);
        Program.apply(TWO);
        Connection ofB = lab.caller().uid(1002).open("10.99.0.1:8080");
        Outcome outcome = Program.must(0, Program.run("rollback", "a"));
        assertEquals("released: a\nstill captured: b\n", outcome.out());
        assertEquals(Echo.ANSWERED, ofB.echo("of b"));
        assertEquals(new Direct("10.99.0.1:8080"), lab.caller().uid(1001).connect("10.99.0.1:8080"));
        assertEquals(
                new Proxied(15002, "10.99.0.1:8080"), lab.caller().uid(1002).connect("10.99.0.1:8080"));
        String status = Program.run("status", "-o", "json").out();
        assertTrue(status.contains("\"captured\": 2"), status);
        assertEquals(3, Program.check(TWO).exit());
        assertEquals(0, Program.check(TWO, "b").exit());
    }

    @Test
    void every_order_of_rollbacks_leaves_what_was_there_before(Lab lab) {
        lab.nft().apply("table ip theirs { chain c { type nat hook output priority 50; tcp dport 99 counter; }; }");
        String before = lab.nft().list();
        String three = TWO + "  c: {to: [10.0.0.0/8]}\n";
        for (List<String> order : List.of(
                List.of("a", "b", "c"),
                List.of("a", "c", "b"),
                List.of("b", "a", "c"),
                List.of("b", "c", "a"),
                List.of("c", "a", "b"),
                List.of("c", "b", "a"))) {
            Program.apply(three);
            order.forEach(Program::rollback);
            assertEquals(before, lab.nft().list(), order.toString());
        }
    }

    @Test
    void second_rollback_and_one_without_apply_have_nothing_to_do(Lab lab) {
        assertEquals("nothing to do\n", Program.rollback("--all").out());
        assertEquals("not captured: a\nnothing to do\n", Program.rollback("a").out());
        Program.apply(TWO);
        assertEquals("released: a\nstill captured: b\n", Program.rollback("a").out());
        assertEquals(
                "not captured: a\nnothing to do\nstill captured: b\n",
                Program.rollback("a").out());
        assertEquals("released: b\n", Program.rollback("--all").out());
        assertEquals("nothing to do\n", Program.rollback("--all").out());
        assertEquals("", lab.nft().list());
    }

    @Test
    void plan_that_was_edited_broken_or_deleted_does_not_matter(Lab lab) {
        String before = lab.nft().list();
        for (String plan :
                List.of("/run/deleted.yaml", lab.file("/run/broken.yaml", "}{").toString())) {
            Program.apply(TWO);
            Outcome outcome = Program.with("MESHCAPTURE_PLAN", plan).run("rollback", "--all", "--drain", "0");
            assertEquals("released: a, b\n", Program.must(0, outcome).out());
            assertEquals(before, lab.nft().list());
        }
    }

    @Test
    void rollback_elsewhere_touches_nothing_here(Lab lab) {
        Program.apply(TWO);
        String here = here(lab);
        assertEquals(
                "nothing to do\n", lab.inSrv(() -> Program.rollback("--all").out()));
        assertEquals(
                "nothing to do\n",
                Program.rollback("--all", "--netns", lab.srvNetns()).out());
        assertEquals(here, here(lab));
        Program.apply(TWO, "--netns", lab.srvNetns());
        assertEquals(
                "released: a, b\n",
                Program.rollback("--all", "--netns", lab.srvNetns()).out());
        assertEquals(here, here(lab));
        assertEquals("", lab.inSrv(() -> lab.nft().list()));
    }

    /** What iptables counts is any packet, also one by which the host asks for a router. */
    private static String here(Lab lab) {
        String list = lab.nft().list();
        return list.contains("MESHCAPTURE") ? list.replaceAll("packets \\d+ bytes \\d+", "") : list;
    }

    private interface Work {
        Outcome run();
    }

    /** On a thread that shares the namespaces of this one. */
    private static CompletableFuture<Outcome> beside(Work work) {
        var outcome = new CompletableFuture<Outcome>();
        Thread.ofPlatform().daemon().start(() -> {
            try {
                outcome.complete(work.run());
            } catch (Throwable e) {
                outcome.completeExceptionally(e);
            }
        });
        return outcome;
    }
}
