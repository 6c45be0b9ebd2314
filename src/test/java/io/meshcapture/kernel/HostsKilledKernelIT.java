package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.kernel.Killing.Death;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Run;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * SIGKILL, and a full or broken disk, at every system call with which a command can have an effect on the hosts file: who
 * reads it meanwhile reads every line of others and none that nobody wrote, and the next command brings it to its end.
 */
@InNetns
@Tag("killed")
class HostsKilledKernelIT {
    private static final Path HOSTS = Path.of("/etc/hosts");
    private static final Path STATE = Path.of("/run/meshcapture-state");

    /** Ends without a newline. */
    private static final String BEFORE = "127.0.0.1 localhost\n10.0.0.9 db # theirs\n::1 localhost";

    private static final String LATER = "10.0.0.10 later\n\n10.0.0.11 " + "long.".repeat(100) + "line\n";

    private static final String PLAN = """
            version: 1
            envoy: {user: 1337}
            hosts-ports: listeners
            services:
              orders: {hosts: [orders, orders.internal], ports: {80: 8000}}
              payments: {hosts: payments.internal, ports: {443: 15001}}
            """;

    private static final List<String> APPLY = List.of("apply", "-f", "-", "--state-dir", STATE.toString());
    private static final List<String> ROLLBACK = List.of("rollback", "orders", "--state-dir", STATE.toString());
    private static final List<String> ROLLBACK_ALL = List.of("rollback", "--all", "--state-dir", STATE.toString());

    /** Calls on files, which a disk can refuse. */
    private static final Set<String> OF_FILES =
            Set.of("pwrite64", "write", "fsync", "ftruncate", "rename", "unlink", "mkdir", "openat", "open", "fcntl");

    private static final int EIO = 5;
    private static final int ENOSPC = 28;
    private static final int EROFS = 30;

    @TempDir
    private Path directory;

    private Killing killing;

    @BeforeEach
    void cover(Lab lab) {
        lab.file("/etc/hosts", "");
        killing = Killing.in(directory);
    }

    /** A file and a state directory, to begin again from. */
    private record Situation(String hosts, boolean journaled, String journal) {
        private static Path journalFile() {
            return STATE.resolve("hosts.journal");
        }

        static Situation now() throws IOException {
            boolean journaled = Files.exists(journalFile());
            return new Situation(
                    content(),
                    journaled,
                    journaled ? Files.readString(journalFile(), StandardCharsets.ISO_8859_1) : "");
        }

        void restore() throws IOException {
            Files.writeString(HOSTS, hosts, StandardCharsets.ISO_8859_1);
            Files.deleteIfExists(journalFile());
            if (journaled) {
                Files.writeString(journalFile(), journal, StandardCharsets.ISO_8859_1);
            }
        }
    }

    private static String content() throws IOException {
        return Files.readString(HOSTS, StandardCharsets.ISO_8859_1);
    }

    private static Set<String> read(String content) {
        Set<String> lines = new HashSet<>();
        content.lines().filter(line -> !line.isBlank() && !line.startsWith("#")).forEach(lines::add);
        return lines;
    }

    private Situation applied() throws IOException {
        Files.writeString(HOSTS, BEFORE);
        killing.never(PLAN, APPLY);
        Files.writeString(HOSTS, LATER, StandardOpenOption.APPEND);
        return Situation.now();
    }

    private void end(String plan, List<String> command) {
        Death end = killing.at(0, plan, command);
        assertEquals(0, end.exit(), end::said);
    }

    private static void assertNobodyNoticed(Set<String> must, Set<String> may, String at) throws IOException {
        Set<String> read = read(content());
        assertTrue(read.containsAll(must), () -> at + " lost a line:\n" + read);
        assertTrue(may.containsAll(read), () -> at + " made a line:\n" + read);
    }

    private static String after(Death death) {
        return "after call " + death.calls().size() + " (" + death.calls().getLast() + "): " + death.said();
    }

    @Test
    void an_apply_killed_at_any_call_is_undone_or_done_by_the_next_command() throws Exception {
        Set<String> must = read(BEFORE);
        Set<String> may = new HashSet<>(read(applied().hosts()));
        int killed = 0;
        for (int call = 1; ; call++) {
            new Situation(BEFORE, false, "").restore();
            Death death = killing.at(call, PLAN, APPLY);
            if (!death.killed()) {
                break;
            }
            killed++;
            assertNobodyNoticed(must, may, after(death));
            if (call % 2 == 0) {
                end(PLAN, APPLY);
                end(PLAN, List.of("check", "-f", "-"));
            }
            end("", ROLLBACK_ALL);
            assertEquals(BEFORE, content(), after(death));
            assertFalse(Files.exists(Situation.journalFile()), after(death));
        }
        assertTrue(killed > 20, "killed " + killed);
    }

    @Test
    void a_rollback_killed_at_any_call_is_finished_by_the_next_command() throws Exception {
        Situation applied = applied();
        Set<String> may = read(applied.hosts());
        Set<String> must = new HashSet<>(may);
        must.removeIf(line -> line.contains("svc=orders "));
        end("", ROLLBACK);
        String done = content();
        int killed = 0;
        for (int call = 1; ; call++) {
            applied.restore();
            Death death = killing.at(call, "", ROLLBACK);
            if (!death.killed()) {
                break;
            }
            killed++;
            assertNobodyNoticed(must, may, after(death));
            end("", ROLLBACK);
            assertEquals(done, content(), after(death));
        }
        assertTrue(killed > 40, "killed " + killed);
    }

    @Test
    void a_recovery_killed_at_any_call_is_finished_by_the_next_command() throws Exception {
        Situation applied = applied();
        Set<String> may = read(applied.hosts());
        Set<String> must = new HashSet<>(may);
        must.removeIf(line -> line.contains("svc=orders "));
        int middle = killing.never("", ROLLBACK).calls().lastIndexOf("ftruncate");
        String done = content();
        applied.restore();
        assertTrue(killing.at(middle - 3, "", ROLLBACK).killed());
        Situation interrupted = Situation.now();
        assertTrue(interrupted.journaled());
        int killed = 0;
        for (int call = 1; ; call++) {
            interrupted.restore();
            Death death = killing.at(call, "", ROLLBACK);
            if (!death.killed()) {
                break;
            }
            killed++;
            assertNobodyNoticed(must, may, after(death));
            end("", ROLLBACK);
            assertEquals(done, content(), after(death));
        }
        assertTrue(killed > 20, "killed " + killed);
    }

    @Test
    void a_disk_that_is_full_broken_or_read_only_at_any_call_leaves_nothing_half_done() throws Exception {
        Set<String> must = read(BEFORE);
        Set<String> may = new HashSet<>(read(applied().hosts()));
        new Situation(BEFORE, false, "").restore();
        List<String> calls = killing.never(PLAN, APPLY).calls();
        List<String> wrong = new ArrayList<>();
        int failed = 0;
        for (int call = 1 + calls.indexOf("flock"); call <= calls.size(); call++) {
            if (!OF_FILES.contains(calls.get(call - 1))) {
                continue;
            }
            for (int errno : List.of(EIO, ENOSPC, EROFS)) {
                new Situation(BEFORE, false, "").restore();
                Death end = killing.failing(call, errno, PLAN, APPLY);
                String at = calls.get(call - 1) + " " + call + " with " + errno + ": " + end.said();
                failed++;
                assertNobodyNoticed(must, may, at);
                if (end.exit() != 0) {
                    Set<String> ours = read(content());
                    ours.removeAll(must);
                    boolean all = ours.equals(minus(may, must));
                    if (!ours.isEmpty() && !all && end.exit() != 7) {
                        wrong.add(at + "\n" + content());
                    }
                }
                end("", ROLLBACK_ALL);
                assertEquals(BEFORE, content(), at);
            }
        }
        assertEquals(List.of(), wrong);
        assertTrue(failed > 20, "failed " + failed);
    }

    @Test
    void a_rollback_that_the_disk_refuses_at_any_call_is_finished_by_the_next_command() throws Exception {
        Situation applied = applied();
        Set<String> may = read(applied.hosts());
        Set<String> must = new HashSet<>(may);
        must.removeIf(line -> line.contains("svc=orders "));
        List<String> calls = killing.never("", ROLLBACK).calls();
        String done = content();
        int failed = 0;
        for (int call = 1 + calls.indexOf("flock"); call <= calls.size(); call++) {
            if (!OF_FILES.contains(calls.get(call - 1))) {
                continue;
            }
            applied.restore();
            Death end = killing.failing(call, call % 2 == 0 ? EIO : ENOSPC, "", ROLLBACK);
            String at = calls.get(call - 1) + " " + call + ": " + end.said();
            failed++;
            assertNobodyNoticed(must, may, at);
            end("", ROLLBACK);
            assertEquals(done, content(), at);
        }
        assertTrue(failed > 20, "failed " + failed);
    }

    private static Set<String> minus(Set<String> all, Set<String> some) {
        Set<String> left = new HashSet<>(all);
        left.removeAll(some);
        return left;
    }

    @Test
    void a_full_disk_takes_no_line_in_and_lets_lines_off() throws Exception {
        Run.command("sh", "-c", "mkdir /run/small && mount -t tmpfs -o size=64k none /run/small")
                .orFail();
        Path small = Files.writeString(Path.of("/run/small/hosts"), BEFORE);
        Run.command("mount", "--bind", small.toString(), "/etc/hosts").orFail();
        end(PLAN, APPLY);
        String applied = content();
        Run.command("sh", "-c", "dd if=/dev/zero of=/run/small/filling bs=1k 2>/dev/null; :")
                .orFail();
        String many = PLAN.replace("[orders, ", "[" + names() + "orders, ");
        Death refused = killing.at(0, many, APPLY);
        assertEquals(6, refused.exit(), refused::said);
        assertTrue(refused.said().contains("No space left on device"), refused.said());
        assertEquals(applied, content());
        end("", ROLLBACK_ALL);
        assertEquals(BEFORE, content());
    }

    private static String names() {
        StringBuilder names = new StringBuilder();
        for (int i = 0; i < 400; i++) {
            names.append("name").append(i).append(".internal, ");
        }
        return names.toString();
    }

    @Test
    void a_full_state_directory_keeps_the_hosts_file_as_it_is() throws Exception {
        Files.writeString(HOSTS, BEFORE);
        Run.command("sh", "-c", "mkdir -m 700 " + STATE + " && mount -t tmpfs -o size=4k,mode=700 none " + STATE)
                .orFail();
        Run.command("sh", "-c", "dd if=/dev/zero of=" + STATE + "/filling bs=1k 2>/dev/null; :")
                .orFail();
        Death refused = killing.at(0, PLAN, APPLY);
        assertEquals(4, refused.exit(), refused::said);
        assertTrue(refused.said().contains("No space left on device"), refused.said());
        assertEquals(BEFORE, content());
    }

    @Test
    void a_read_only_state_directory_is_said_and_lines_go_in_and_off() throws Exception {
        Files.writeString(HOSTS, BEFORE);
        Run.command("sh", "-c", "mkdir -m 700 " + STATE + " && mount -t tmpfs -o ro,mode=700 none " + STATE)
                .orFail();
        Death applied = killing.never(PLAN, APPLY);
        assertTrue(applied.said().contains("no journal is kept"), applied.said());
        end("", ROLLBACK_ALL);
        assertEquals(BEFORE, content());
    }
}
