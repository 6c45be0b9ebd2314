package io.meshcapture.kernel;

import static io.meshcapture.kernel.HostsCommands.HOSTS;
import static io.meshcapture.kernel.HostsCommands.PLAN;
import static io.meshcapture.kernel.HostsCommands.STATE;
import static io.meshcapture.kernel.HostsCommands.content;
import static io.meshcapture.kernel.Program.must;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.kernel.Killing.Death;
import io.meshcapture.lab.Meshcapture.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * SIGKILL, and a full or broken disk, at every system call with which a command can have an effect on the hosts file: who
 * reads it meanwhile reads every line of others and none that nobody wrote, and the next command brings it to its end.
 */
@Tag("killed")
class HostsKilledKernelIT extends HostsKillStories {
    private static final String LATER = "10.0.0.10 later\n\n10.0.0.11 " + "long.".repeat(100) + "line\n";

    private static final List<String> APPLY = List.of("apply", "-f", "-", "--state-dir", STATE.toString());
    private static final List<String> ROLLBACK = List.of("rollback", "orders", "--state-dir", STATE.toString());
    private static final List<String> ROLLBACK_ALL = List.of("rollback", "--all", "--state-dir", STATE.toString());

    /** Calls on files, which a disk can refuse; fcntl, which takes no space, is about leases. */
    private static final Set<String> OF_FILES =
            Set.of("pwrite64", "write", "fsync", "ftruncate", "rename", "unlink", "mkdir", "openat", "open", "fcntl");

    private static final int EIO = 5;
    private static final int ENOSPC = 28;
    private static final int EROFS = 30;

    private Situation applied() throws IOException {
        Files.writeString(HOSTS, BEFORE);
        killing.never(PLAN, APPLY);
        Files.writeString(HOSTS, LATER, StandardOpenOption.APPEND);
        return Situation.now();
    }

    private static void end(String plan, List<String> command) {
        Outcome end = Program.reading(plan).run(command.toArray(String[]::new));
        boolean stands = end.out().contains("in place, but Envoy does not take it"); // who is not here
        must(stands ? 3 : 0, end);
    }

    /** What must hold when a run has been killed or refused; may bring the rest to its end. */
    private interface Afterwards {
        void check(Death death, String at) throws IOException;
    }

    /**
     * Runs a command again and again from the same situation, and kills it one call later each time, from the first one or
     * from the one that takes the lock.
     *
     * @return how often it was killed before it came to its end
     */
    private int killedAtEveryCall(
            String first,
            Situation from,
            String plan,
            List<String> command,
            Set<String> must,
            Set<String> may,
            Afterwards afterwards)
            throws IOException {
        from.restore();
        int begin =
                first.isEmpty() ? 1 : 1 + killing.never(plan, command).calls().indexOf(first);
        for (int call = begin; ; call++) {
            from.restore();
            Death death = killing.at(call, plan, command);
            if (!death.killed()) {
                return call - begin;
            }
            assertNobodyNoticed(must, may, after(death));
            afterwards.check(death, after(death));
        }
    }

    /**
     * Likewise, and lets each call on a file fail, as a disk would, once the lock is held.
     *
     * @return how often it was refused
     */
    private int refusedAtEveryCall(
            Situation from, String plan, List<String> command, Set<String> must, Set<String> may, Afterwards afterwards)
            throws IOException {
        from.restore();
        List<String> calls = killing.never(plan, command).calls();
        int failed = 0;
        for (int call = 1 + calls.indexOf("flock"); call <= calls.size(); call++) {
            if (!OF_FILES.contains(calls.get(call - 1))) {
                continue;
            }
            for (int errno : calls.get(call - 1).equals("fcntl") ? List.of(EIO) : List.of(EIO, ENOSPC, EROFS)) {
                from.restore();
                Death end = killing.failing(call, errno, plan, command);
                String at = calls.get(call - 1) + " " + call + " with " + errno + ": " + end.said();
                failed++;
                assertNobodyNoticed(must, may, at);
                afterwards.check(end, at);
            }
        }
        return failed;
    }

    private static Set<String> withoutOrders(Situation applied) {
        Set<String> must = new HashSet<>(read(applied.hosts()));
        must.removeIf(line -> line.contains("svc=orders "));
        return must;
    }

    /** The end of a rollback of orders. */
    private Afterwards isFinishedByTheNext(String done) {
        return (_, at) -> {
            end("", ROLLBACK);
            assertEquals(done, content(), at);
        };
    }

    @Test
    void an_apply_killed_at_any_call_is_undone_or_done_by_the_next_command() throws Exception {
        int killed = killedAtEveryCall(
                "",
                new Situation(BEFORE, Map.of()),
                PLAN,
                APPLY,
                read(BEFORE),
                read(applied().hosts()),
                (death, at) -> {
                    if (death.calls().size() % 2 == 0) {
                        end(PLAN, APPLY);
                        end(PLAN, List.of("check", "-f", "-"));
                    }
                    end("", ROLLBACK_ALL);
                    assertEquals(BEFORE, content(), at);
                    assertEquals(Map.of(), Situation.now().remembered(), at);
                });
        assertTrue(killed > 20, "killed " + killed);
    }

    @Test
    void killed_between_rules_and_names_both_are_brought_to_the_same_end_by_the_next_command() throws Exception {
        String plan = PLAN.replace("listeners", "redirect");
        List<String> calls = applyOnce(plan);
        int rules = calls.indexOf("sendmsg") + 1;
        int names = calls.lastIndexOf("pwrite64");
        assertTrue(rules > 0 && rules < names, calls::toString);
        for (int call = rules; call <= names; call += 4) {
            end("", ROLLBACK_ALL);
            Files.writeString(HOSTS, BEFORE);
            Death death = killing.at(call, plan, APPLY);
            assertTrue(death.killed(), death::said);
            if (call % 8 == rules % 8) {
                end(plan, APPLY);
                end(plan, List.of("check", "-f", "-"));
            }
            end("", ROLLBACK_ALL);
            assertEquals(BEFORE, content(), after(death));
            assertTrue(killing.never("", List.of("status", "--state-dir", STATE.toString()))
                    .said()
                    .contains("nothing is captured"));
        }
    }

    private List<String> applyOnce(String plan) throws IOException {
        Files.writeString(HOSTS, BEFORE);
        return killing.never(plan, APPLY).calls();
    }

    @Test
    void a_rollback_killed_at_any_call_is_finished_by_the_next_command() throws Exception {
        Situation applied = applied();
        end("", ROLLBACK);
        int killed = killedAtEveryCall(
                "flock",
                applied,
                "",
                ROLLBACK,
                withoutOrders(applied),
                read(applied.hosts()),
                isFinishedByTheNext(content()));
        assertTrue(killed > 40, "killed " + killed);
    }

    /**
     * Killed in its middle, with its journal left.
     *
     * @param done what stands when the next rollback of orders has put it right
     * @param must the lines that nobody may miss meanwhile
     */
    private record Interrupted(Situation situation, String done, Set<String> must, Set<String> may) {}

    private Interrupted interrupted(String command) throws IOException {
        Situation applied = applied();
        List<String> calls = killing.never("", ROLLBACK).calls();
        String done = content();
        Set<String> must = withoutOrders(applied);
        if (command.equals("apply")) {
            calls = applyOnce(PLAN);
            done = BEFORE;
            must = read(BEFORE);
            new Situation(BEFORE, Map.of()).restore();
            assertTrue(
                    killing.at(calls.lastIndexOf("pwrite64") - 1, PLAN, APPLY).killed());
        } else {
            applied.restore();
            assertTrue(
                    killing.at(calls.lastIndexOf("ftruncate") - 3, "", ROLLBACK).killed());
        }
        Situation interrupted = Situation.now();
        assertTrue(interrupted.remembered().keySet().stream().anyMatch(name -> name.endsWith(".journal")));
        return new Interrupted(interrupted, done, must, read(applied.hosts()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"apply", "rollback"})
    void a_recovery_killed_at_any_call_is_finished_by_the_next_command(String command) throws Exception {
        Interrupted from = interrupted(command);
        int killed = killedAtEveryCall(
                "flock", from.situation(), "", ROLLBACK, from.must(), from.may(), isFinishedByTheNext(from.done()));
        assertTrue(killed > 20, "killed " + killed);
    }

    @ParameterizedTest
    @ValueSource(strings = {"apply", "rollback"})
    void a_recovery_that_the_disk_refuses_at_any_call_is_finished_by_the_next_command(String command) throws Exception {
        Interrupted from = interrupted(command);
        int failed = refusedAtEveryCall(
                from.situation(), "", ROLLBACK, from.must(), from.may(), isFinishedByTheNext(from.done()));
        assertTrue(failed > 20, "failed " + failed);
    }

    @Test
    void a_disk_that_is_full_broken_or_read_only_at_any_call_leaves_nothing_half_done() throws Exception {
        Set<String> must = read(BEFORE);
        Set<String> may = read(applied().hosts());
        int failed = refusedAtEveryCall(new Situation(BEFORE, Map.of()), PLAN, APPLY, must, may, (end, at) -> {
            Set<String> ours = read(content());
            ours.removeAll(must);
            boolean all = ours.equals(minus(may, must));
            assertTrue(end.exit() == 0 || end.exit() == 7 || ours.isEmpty() || all, () -> at + "\n" + ours);
            end("", ROLLBACK_ALL);
            assertEquals(BEFORE, content(), at);
        });
        assertTrue(failed > 20, "failed " + failed);
    }

    @Test
    void a_rollback_that_the_disk_refuses_at_any_call_is_finished_by_the_next_command() throws Exception {
        Situation applied = applied();
        end("", ROLLBACK);
        int failed = refusedAtEveryCall(
                applied, "", ROLLBACK, withoutOrders(applied), read(applied.hosts()), isFinishedByTheNext(content()));
        assertTrue(failed > 20, "failed " + failed);
    }

    private static Set<String> minus(Set<String> all, Set<String> some) {
        Set<String> left = new HashSet<>(all);
        left.removeAll(some);
        return left;
    }
}
