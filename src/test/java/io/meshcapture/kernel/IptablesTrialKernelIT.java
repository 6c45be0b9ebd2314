package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Await;
import io.meshcapture.lab.Background;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A trial of iptables, which the kernel does not end: somebody stands by, and goes when there is nothing left to end. */
@InNetns
class IptablesTrialKernelIT {
    private static final String V4 = "10.99.0.1:8080";
    private static final String PLAN = ENVOY + "backend: iptables-nft\nservices: {orders: {from: {user: 1001}}}\n";
    private static final Duration LIMIT = Duration.ofSeconds(20);

    @BeforeEach
    void world(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
    }

    @Test
    void whoever_stands_by_is_small_and_goes_when_the_trial_is_confirmed_or_ended() throws IOException {
        for (List<String> end : List.of(
                List.of("confirm"), List.of("rollback", "--trial"), List.of("rollback", "--all", "--drain", "0"))) {
            StandingBy guard = StandingBy.of(Program.apply(PLAN, "--confirm-within", "1h"));
            String status = Files.readString(guard.process().resolve("status"));
            assertTrue(status.matches("(?s).*VmRSS:\\s+\\d{1,3} kB.*"), status);
            Program.must(0, Program.run(end.toArray(String[]::new)));
            guard.awaitGone();
            Program.rollback("--all");
        }
    }

    @Test
    void trial_that_is_extended_has_one_who_stands_by_and_not_two(Lab lab) {
        StandingBy first = StandingBy.of(Program.apply(PLAN, "--confirm-within", "1h"));
        StandingBy second = StandingBy.of(Program.apply(PLAN, "--confirm-within", "2s"));
        first.awaitGone();
        Await.until(
                LIMIT,
                "the trial to end",
                () -> lab.caller().uid(1001).connect(V4).equals(new Direct(V4)));
        second.awaitGone();
        assertTrue(Program.run("status").out().contains("nothing is captured"));
    }

    @Test
    void rules_of_others_that_a_trial_leaves_first_are_told_and_confirm_goes_before_them(Lab lab) {
        Program.apply(PLAN);
        List<String> theirs =
                List.of("iptables-nft", "-t", "nat", "-I", "OUTPUT", "-p", "tcp", "--dport", "8080", "-j", "ACCEPT");
        Run.command(theirs.toArray(String[]::new)).orFail();
        for (List<String> trial :
                List.of(List.of("--confirm-within", "1h"), List.of("--confirm-within", "1h", "--dry-run"))) {
            Outcome apply = Program.apply(PLAN, trial.toArray(String[]::new));
            assertTrue(
                    apply.err()
                            .contains("rules of others come first, and what they take is not captured: IPv4 table nat"
                                    + " chain OUTPUT (iptables-nft) rule 1: -p tcp -m tcp --dport 8080 -j ACCEPT"),
                    apply::err);
        }
        assertEquals(new Direct(V4), lab.caller().uid(1001).connect(V4));
        assertTrue(Program.apply(PLAN).out().startsWith("repaired: "));
        assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).connect(V4));

        Program.apply(PLAN.replace("1001", "[1001, 1002]"), "--confirm-within", "1h");
        Run.command(theirs.toArray(String[]::new)).orFail();
        assertEquals(new Direct(V4), lab.caller().uid(1001).connect(V4));
        Outcome check = Program.must(3, Program.check(PLAN.replace("1001", "[1001, 1002]")));
        assertTrue(check.err().contains("confirm goes before those rules of others"), check::err);
        Program.must(0, Program.run("confirm"));
        assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).connect(V4));
    }

    @Test
    void stranger_cannot_send_it_away() {
        StandingBy guard = StandingBy.of(Program.apply(PLAN, "--confirm-within", "1h"));
        Run.command(
                        "setpriv",
                        "--reuid",
                        "1001",
                        "--clear-groups",
                        "/usr/bin/python3",
                        "-c",
                        "import socket; s = socket.socket(socket.AF_UNIX); s.connect('\\0meshcapture-trial'); print(s.recv(1))")
                .orFail();
        assertTrue(guard.isRunning());
        Program.must(0, Program.run("confirm"));
        guard.awaitGone();
    }

    @Test
    void another_plan_that_is_refused_while_a_trial_runs_does_not_send_it_away(Lab lab) {
        StandingBy guard = StandingBy.of(Program.apply(PLAN, "--confirm-within", "8s"));
        Outcome other = Program.withPlan(PLAN.replace("1001", "1002"), "apply", "--confirm-within", "1h");
        assertEquals(7, other.exit(), other::err);
        assertTrue(guard.isRunning());
        Await.until(
                LIMIT,
                "the trial to end",
                () -> lab.caller().uid(1001).connect(V4).equals(new Direct(V4)));
    }

    /** Anybody may have the name before we do; connecting to one who lets nobody in would wait for ever. */
    @Test
    void somebody_who_has_its_name_and_lets_nobody_in_holds_nobody_up(Lab lab) {
        Background taken = lab.background(
                "/usr/bin/python3",
                "-c",
                "import socket, time; s = socket.socket(socket.AF_UNIX); s.bind('\\0meshcapture-trial'); s.listen(0);"
                        + " c = socket.socket(socket.AF_UNIX); c.connect('\\0meshcapture-trial'); print('full', flush=True);"
                        + " time.sleep(60)");
        taken.awaitOutput("full", LIMIT);
        StandingBy unreachable = StandingBy.of(Program.apply(PLAN, "--confirm-within", "1h"));
        Program.must(0, Program.run("confirm"));
        Program.rollback("--all");
        assertTrue(Program.run("status").out().contains("nothing is captured"));
        taken.kill();
        unreachable.kill(); // whom nobody can dismiss, and who would wait out the hour
    }

    /** The first apply writes IPv6 first; a kill in between leaves nothing in IPv4. */
    @Test
    void what_stands_in_ipv6_alone_is_seen_and_removed(Lab lab) {
        Program.apply(PLAN);
        lab.nft().apply("flush table ip nat; delete table ip nat; delete table ip filter");
        assertFalse(Program.run("status").out().contains("nothing is captured"));
        Program.rollback("--all");
        assertFalse(lab.nft().list().contains("MESHCAPTURE"), () -> lab.nft().list());
    }

    @Test
    void where_whoever_stands_by_is_killed_the_next_command_ends_the_trial(Lab lab) {
        StandingBy guard = StandingBy.of(Program.apply(PLAN, "--confirm-within", "1s"));
        guard.kill();
        Await.until(
                LIMIT, "its time to be over", () -> Program.run("status").err().contains("nobody has ended it"));
        assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).connect(V4));
        Outcome late = Program.run("confirm");
        assertEquals(7, late.exit(), late::err);
        assertEquals(new Direct(V4), lab.caller().uid(1001).connect(V4));
    }

    @Test
    void first_process_of_a_container_says_that_nobody_can_stand_by() {
        List<String> command = List.of(
                "unshare",
                "--pid",
                "--fork",
                "--mount-proc",
                Program.DISTRIBUTION,
                "--netns",
                "/proc/self/ns/net",
                "apply",
                "-f",
                "-",
                "--confirm-within",
                "1m");
        Run.Result apply = Run.command(PLAN, Map.of(), Run.LIMIT, command);
        assertEquals(4, apply.exit(), apply.err());
        assertTrue(apply.err().contains("it is the first of its container"), apply.err());
        assertTrue(Program.run("status").out().contains("nothing is captured"));
    }

    @Test
    void systemd_does_it_where_it_runs(Lab lab) {
        Systemd systemd = Systemd.started(lab);
        String[] apply = {Program.DISTRIBUTION, "--netns", "/proc/self/ns/net", "apply", "-f", "-", "--confirm-within"};
        Run.Result tried = systemd.run(PLAN, with(apply, "2s"));
        assertEquals(0, tried.exit(), tried.err());
        assertTrue(tried.err().contains("systemd's timer meshcapture-trial does"), tried.err());
        assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).connect(V4));
        Await.until(
                LIMIT,
                "systemd to end the trial",
                () -> lab.caller().uid(1001).connect(V4).equals(new Direct(V4)));
        tried = systemd.run(PLAN, with(apply, "1h"));
        assertEquals(0, tried.exit(), tried.err());
        assertTrue(systemd.timers().contains("meshcapture-trial.timer"));
        systemd.run("", Program.DISTRIBUTION, "--netns", "/proc/self/ns/net", "confirm")
                .orFail();
        assertFalse(systemd.timers().contains("meshcapture-trial.timer"));
        assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).connect(V4));
    }

    private static String[] with(String[] words, String last) {
        return Stream.concat(Stream.of(words), Stream.of(last)).toArray(String[]::new);
    }
}
