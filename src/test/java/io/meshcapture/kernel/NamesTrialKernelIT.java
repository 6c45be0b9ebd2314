package io.meshcapture.kernel;

import static io.meshcapture.kernel.HostsCommands.HOSTS;
import static io.meshcapture.kernel.HostsCommands.STATE;
import static io.meshcapture.kernel.HostsCommands.address;
import static io.meshcapture.kernel.HostsCommands.content;
import static io.meshcapture.kernel.HostsCommands.run;
import static io.meshcapture.kernel.HostsCommands.with;
import static io.meshcapture.kernel.Program.must;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Await;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict.Proxied;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A trial of names: whoever stands by takes them off again, and where he is gone, the next command does. */
@InNetns
class NamesTrialKernelIT {
    private static final String BEFORE = "127.0.0.1 localhost\n10.0.0.9 db";
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private static final String NAMES = """
            version: 1
            envoy: {user: 1337}
            hosts-ports: listeners
            services:
              orders: {hosts: [orders, orders.internal], ports: {80: 8000}}
            """;

    private static final String MORE_NAMES =
            NAMES.replace("orders, ", "") + "  payments: {hosts: pay, ports: {80: 8000}}\n";

    private static final String BOTH = """
            version: 1
            envoy: {user: 1337}
            services:
              orders: {hosts: orders, ports: {80: 8000}}
              ledger: {from: {user: 1001}}
            """;

    @BeforeEach
    void cover(Lab lab) {
        lab.file("/etc/hosts", BEFORE);
    }

    private static boolean isContent(Predicate<String> expected) {
        try {
            return expected.test(content());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void awaitContent(String expected) {
        Await.until(LIMIT, "the trial to end", () -> isContent(expected::equals));
    }

    private static void assertForgotten() throws IOException {
        try (Stream<Path> files = Files.list(STATE)) {
            assertEquals(List.of(), files.toList());
        }
    }

    @Test
    void ends_in_the_bytes_that_stood_before_whatever_others_wrote_meanwhile() throws Exception {
        Outcome applied = with(NAMES, "apply", "--confirm-within", "2s");
        StandingBy guard = StandingBy.of(applied);
        assertTrue(
                applied.out().contains("on trial: ends by itself in 2 s unless confirmed with: meshcapture confirm"));
        assertTrue(applied.err().contains("also after a restart of this machine"), applied::err);
        assertTrue(content().contains(" orders # meshcapture"));
        assertTrue(Program.mustStand(with(NAMES, "check")).err().contains("is on trial and ends in"));
        assertTrue(run("status").out().contains("on trial: ends by itself in"));
        Files.writeString(HOSTS, "10.0.0.10 later\n", StandardOpenOption.APPEND);
        awaitContent(BEFORE + "\n10.0.0.10 later\n");
        guard.awaitGone();
        assertForgotten();
        assertEquals(
                "nothing to confirm: no trial is running\n",
                must(0, run("confirm")).out());
    }

    @Test
    void ends_in_the_earlier_plan_with_its_addresses() throws Exception {
        must(0, with(NAMES, "apply"));
        String earlier = content();
        StandingBy.of(with(MORE_NAMES, "apply", "--confirm-within", "1s"));
        assertFalse(content().contains(" orders #") || !content().contains(" pay #"), content());
        Await.until(LIMIT, "the trial to end", () -> isContent(now -> !now.contains(" pay #")));
        Program.mustStand(with(NAMES, "check"));
        assertEquals(
                earlier.lines().sorted().toList(), content().lines().sorted().toList());
        must(0, run("rollback", "--all"));
        assertEquals(BEFORE, content());
    }

    @Test
    void confirmed_it_lasts_and_ended_early_it_is_gone_and_nobody_stands_by_any_more() throws Exception {
        StandingBy guard = StandingBy.of(with(NAMES, "apply", "--confirm-within", "1h"));
        assertEquals("confirmed: orders\n", must(0, run("confirm")).out());
        guard.awaitGone();
        assertForgotten();
        Program.mustStand(with(NAMES, "check"));

        guard = StandingBy.of(with(MORE_NAMES, "apply", "--confirm-within", "1h"));
        Outcome ended = must(0, run("rollback", "--trial"));
        assertEquals("released: payments\nstill captured: orders\n", ended.out());
        guard.awaitGone();
        Program.mustStand(with(NAMES, "check"));

        guard = StandingBy.of(with(MORE_NAMES, "apply", "--confirm-within", "1h"));
        must(0, run("rollback", "orders"));
        must(0, run("rollback", "--trial"));
        assertEquals(BEFORE, content(), "what was rolled back meanwhile does not come back");
        guard.awaitGone();

        guard = StandingBy.of(with(NAMES, "apply", "--confirm-within", "1h"));
        must(0, run("rollback", "--all"));
        assertEquals(BEFORE, content());
        guard.awaitGone();
        assertForgotten();
    }

    @Test
    void another_apply_meanwhile_is_refused_and_the_same_one_extends_it() throws Exception {
        StandingBy first = StandingBy.of(with(NAMES, "apply", "--confirm-within", "1h"));
        String stands = content();
        assertTrue(must(7, with(NAMES, "apply")).err().contains("a trial is running"));
        assertTrue(must(7, with(MORE_NAMES, "apply", "--confirm-within", "1h"))
                .err()
                .contains("another plan is on trial"));
        assertEquals(stands, content());
        StandingBy.of(with(NAMES, "apply", "--confirm-within", "2s"));
        first.awaitGone();
        awaitContent(BEFORE);
    }

    @Test
    void where_whoever_stands_by_was_killed_the_next_command_ends_it() throws Exception {
        for (String next : List.of("apply", "confirm", "rollback")) {
            StandingBy guard = StandingBy.of(with(NAMES, "apply", "--confirm-within", "1s"));
            guard.kill();
            Await.until(LIMIT, "its time to be over", () -> run("status").err().contains("nobody has ended it"));
            assertTrue(with(NAMES, "check").err().contains("nobody has ended it"));
            assertTrue(content().contains(" orders # meshcapture"));
            switch (next) {
                case "apply" -> {
                    Outcome apply = must(0, with(MORE_NAMES, "apply"));
                    assertTrue(apply.err().contains("a trial ended because it was not confirmed in time"), apply::err);
                    Program.mustStand(with(MORE_NAMES, "check"));
                    must(0, run("rollback", "--all"));
                }
                case "confirm" -> assertTrue(must(7, run("confirm")).err().contains("the trial has ended"));
                default -> must(0, run("rollback", "somebody"));
            }
            assertEquals(BEFORE, content(), next);
            assertForgotten();
        }
    }

    @Test
    void it_does_not_outlive_a_restart_of_the_machine() throws Exception {
        StandingBy guard = StandingBy.of(with(NAMES, "apply", "--confirm-within", "1h"));
        guard.kill();
        // another start of the machine has another of these
        lab("/proc/sys/kernel/random/boot_id", "0b0b0b0b-0000-4000-8000-000000000000\n");
        assertTrue(run("status").err().contains("nobody has ended it"));
        assertTrue(must(7, run("confirm")).err().contains("the trial has ended"));
        assertEquals(BEFORE, content());
    }

    private static void lab(String path, String text) throws IOException {
        Path covering = Files.writeString(Path.of("/run/covering"), text);
        Run.command("mount", "--bind", covering.toString(), path).orFail();
    }

    @Test
    void names_and_rules_end_together(Lab lab) throws Exception {
        lab.proxy(15001);
        lab.proxy(8000);
        lab.server(8080);
        for (String backend : List.of("nftables", "iptables-nft")) {
            String plan = BOTH + "backend: " + backend + "\n";
            StandingBy guard = StandingBy.of(with(plan, "apply", "--confirm-within", "3s"));
            String address = content().lines().skip(3).findFirst().orElseThrow().split(" ", 2)[0];
            assertEquals(
                    new Proxied(8000, address + ":80"), lab.caller().uid(1000).connect(address + ":80"));
            Program.mustStand(with(plan, "check"));
            Outcome other = with(plan.replace("1001", "1002"), "apply", "--confirm-within", "1h");
            assertTrue(must(7, other).err().contains("another plan is on trial"), other::err);
            assertTrue(guard.isRunning(), "what is refused prolongs nothing");
            awaitContent(BEFORE);
            guard.awaitGone();
            assertTrue(
                    run("status").out().contains("nothing is captured"),
                    () -> run("status").out());

            guard = StandingBy.of(with(plan, "apply", "--confirm-within", "1h"));
            assertEquals("confirmed: ledger, orders\n", must(0, run("confirm")).out());
            guard.awaitGone();
            assertFalse(Program.mustStand(with(plan, "check")).err().contains("trial"));
            must(0, run("rollback", "--all", "--drain", "0"));
            assertEquals(BEFORE, content());
        }
    }

    @Test
    void nothing_is_tried_where_nobody_could_end_it(Lab lab) throws Exception {
        Run.command("sh", "-c", "mkdir -m 700 " + STATE + " && mount -t tmpfs -o ro,mode=700 none " + STATE)
                .orFail();
        Run.Result refused = apart(List.of());
        assertEquals(4, refused.exit(), refused.err());
        assertTrue(refused.err().contains("names cannot be put on trial"), refused.err());
        Run.command("umount", STATE.toString()).orFail();
        Run.Result first = apart(List.of("unshare", "--pid", "--fork", "--mount-proc"));
        assertEquals(4, first.exit(), first.err());
        assertTrue(first.err().contains("it is the first of its container"), first.err());
        assertEquals(BEFORE, content());
    }

    /** As a process of its own: Java tells read-only file systems by what its first thread sees. */
    private static Run.Result apart(List<String> within) {
        List<String> command = new ArrayList<>(within);
        command.addAll(List.of(Program.DISTRIBUTION, "apply", "-f", "-", "--confirm-within", "1m"));
        command.addAll(List.of("--allow-host-network", "--state-dir", STATE.toString()));
        return Run.command(NAMES, Map.of(), Run.LIMIT, command);
    }
}
