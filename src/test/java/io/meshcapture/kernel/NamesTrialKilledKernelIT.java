package io.meshcapture.kernel;

import static io.meshcapture.kernel.HostsCommands.PLAN;
import static io.meshcapture.kernel.HostsCommands.STATE;
import static io.meshcapture.kernel.HostsCommands.address;
import static io.meshcapture.kernel.HostsCommands.content;
import static io.meshcapture.kernel.HostsCommands.run;
import static io.meshcapture.kernel.HostsCommands.with;
import static io.meshcapture.kernel.Program.must;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.kernel.Killing.Death;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * SIGKILL wherever a trial of names is begun, confirmed or ended; whoever stands by is killed too. The next command finds a
 * trial that it can go on with, or what stood before.
 */
@Tag("killed")
class NamesTrialKilledKernelIT extends HostsKillStories {
    private static final String EARLIER = PLAN.replaceAll(" *orders:.*\n", "");

    private static final String BOOT = "/proc/sys/kernel/random/boot_id";

    /** What a trial adds to the calls of an edit, which are killed one by one elsewhere, and every third of these. */
    private static final Set<String> OF_TRIALS =
            Set.of("execve", "bind", "connect", "write", "fsync", "rename", "unlink");

    /** What must hold when a run has been killed; brings the rest to its end. */
    private interface Afterwards {
        void check(int point, String at) throws IOException;
    }

    private static List<String> words(String... words) {
        return Stream.concat(Stream.of(words), Stream.of("--state-dir", STATE.toString()))
                .toList();
    }

    private void killedWhereItMatters(
            Situation from, String plan, List<String> command, Set<String> must, Set<String> may, Afterwards afterwards)
            throws IOException {
        killedWhereItMatters(1, from, plan, command, must, may, afterwards);
    }

    /** Likewise, at every second or third of these calls. */
    private void killedWhereItMatters(
            int step,
            Situation from,
            String plan,
            List<String> command,
            Set<String> must,
            Set<String> may,
            Afterwards afterwards)
            throws IOException {
        int counted = 0;
        from.restore();
        List<String> calls = killing.never(plan, command).calls();
        int points = 0;
        for (int call = 1 + calls.indexOf("flock"); call <= calls.size(); call++) {
            if (!OF_TRIALS.contains(calls.get(call - 1))
                    && !(calls.get(call - 1).startsWith("pwrite") && call % 3 == 0)) {
                continue;
            }
            if (counted++ % step != 0) {
                continue;
            }
            from.restore();
            Death death = killing.at(call, plan, command);
            assertTrue(death.killed(), death::said);
            assertNobodyNoticed(must, may, after(death));
            afterwards.check(points++, after(death));
        }
        assertTrue(points >= 4, () -> "killed at few of " + calls);
    }

    private static void assertAllIsAsBefore(String at) throws IOException {
        must(0, run("rollback", "--all"));
        assertEquals(new Situation(BEFORE, Map.of()), Situation.now(), at);
    }

    @Test
    void an_apply_on_trial_is_tried_or_not_begun() throws Exception {
        must(0, with(PLAN, "apply"));
        String applied = content();
        must(0, run("rollback", "--all"));
        killedWhereItMatters(
                new Situation(BEFORE, Map.of()),
                PLAN,
                words("apply", "-f", "-", "--confirm-within", "10m"),
                read(BEFORE),
                read(applied),
                (point, at) -> {
                    switch (point % 3) {
                        case 0 -> {
                            must(0, run("rollback", "--trial"));
                            assertEquals(new Situation(BEFORE, Map.of()), Situation.now(), at);
                        }
                        case 1 -> {
                            must(0, with(PLAN, "apply", "--confirm-within", "10m"));
                            assertEquals(applied, content(), at);
                            must(0, run("confirm"));
                            assertEquals(new Situation(applied, Map.of()), Situation.now(), at);
                        }
                        default -> {
                            must(0, run("confirm"));
                            assertTrue(Set.of(applied, BEFORE).contains(content()), () -> at + "\n" + read(applied));
                        }
                    }
                    assertAllIsAsBefore(at);
                });
    }

    @Test
    void a_trial_that_is_ended_or_confirmed_is_over_or_goes_on() throws Exception {
        must(0, with(EARLIER, "apply"));
        String earlier = content();
        StandingBy guard = StandingBy.of(with(PLAN, "apply", "--confirm-within", "10m"));
        Situation tried = Situation.now();
        guard.kill();
        killedWhereItMatters(
                tried, "", words("rollback", "--trial"), read(earlier), read(tried.hosts()), (point, at) -> {
                    if (point % 2 == 0) {
                        must(0, run("rollback", "--trial"));
                        assertEquals(new Situation(earlier, Map.of()), Situation.now(), at);
                    } else {
                        must(0, run("confirm"));
                        assertTrue(Set.of(earlier, tried.hosts()).contains(content()), at);
                    }
                    assertAllIsAsBefore(at);
                });
        killedWhereItMatters(tried, "", words("confirm"), read(tried.hosts()), read(tried.hosts()), (_, at) -> {
            must(0, run("confirm"));
            assertEquals(new Situation(tried.hosts(), Map.of()), Situation.now(), at);
            assertAllIsAsBefore(at);
        });
    }

    /** Its trial is one of a minute, which nobody waits for here: it is over at once where the machine was restarted. */
    @Test
    void an_apply_that_probes_ends_like_every_trial_when_its_time_is_over_and_by_the_next_command(Lab lab)
            throws Exception {
        must(0, with(PLAN, "apply"));
        String applied = content();
        lab.proxyAt(Identity.ENVOY, address("orders") + ":80", address("payments.internal") + ":443");
        must(0, run("rollback", "--all"));
        Set<Boolean> tried = new HashSet<>();
        killedWhereItMatters(
                2,
                new Situation(BEFORE, Map.of()),
                PLAN,
                words("apply", "-f", "-", "--probe"),
                read(BEFORE),
                read(applied),
                (point, at) -> {
                    boolean onTrial = HostsCommands.isRemembered("trial");
                    tried.add(onTrial);
                    if (onTrial) {
                        timeIsOver();
                        // as who stands by does, or any command
                        must(0, point % 2 == 0 ? run("rollback", "--trial", "--when-over") : run("rollback", "any"));
                        Run.command("umount", BOOT).orFail();
                        assertEquals(new Situation(BEFORE, Map.of()), Situation.now(), at);
                    }
                    assertAllIsAsBefore(at);
                });
        assertEquals(Set.of(true, false), tried);
        assertEquals(new Situation(BEFORE, Map.of()), Situation.now());
    }

    /** Each start of the machine has another number, and a trial does not outlive it. */
    private static void timeIsOver() throws IOException {
        Path other = Files.writeString(Path.of("/run/other"), "0b0b0b0b-0000-4000-8000-000000000000\n");
        Run.command("mount", "--bind", other.toString(), BOOT).orFail();
    }
}
