package io.meshcapture.kernel;

import static io.meshcapture.kernel.HostsCommands.HOSTS;
import static io.meshcapture.kernel.HostsCommands.PLAN;
import static io.meshcapture.kernel.HostsCommands.STATE;
import static io.meshcapture.kernel.HostsCommands.content;
import static io.meshcapture.kernel.HostsCommands.run;
import static io.meshcapture.kernel.HostsCommands.with;
import static io.meshcapture.kernel.Program.must;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.kernel.Killing.Death;
import io.meshcapture.lab.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** What may befall a process besides SIGKILL: SIGTERM, nobody who reads what it says, no memory, another locale. */
class HostsDisturbedKernelIT extends HostsKillStories {
    private static final int SIGTERM = 15;

    private static String[] words(String... words) {
        return words;
    }

    private String applied() throws IOException {
        must(0, with(PLAN, "apply"));
        String applied = content();
        must(0, run("rollback", "--all"));
        return applied;
    }

    /** What a JVM does at its end comes to that of SIGKILL, of which every call is tried elsewhere. */
    @Test
    void ended_by_sigterm_it_leaves_nothing_that_the_next_command_does_not_put_right() throws Exception {
        Set<String> may = read(applied());
        List<String> apply = List.of("apply", "-f", "-", "--state-dir", STATE.toString());
        List<String> rollback = List.of("rollback", "--all", "--state-dir", STATE.toString());
        List<String> in = killing.never(PLAN, apply).calls();
        List<String> out = killing.never("", rollback).calls();
        Set<Integer> exits = new TreeSet<>();
        for (int at : List.of(in.indexOf("pwrite64"), in.lastIndexOf("pwrite64"), in.lastIndexOf("unlink"))) {
            exits.add(signalled(at, PLAN, apply, may));
        }
        for (int at : List.of(out.indexOf("pwrite64"), out.indexOf("ftruncate"), out.lastIndexOf("unlink"))) {
            must(0, with(PLAN, "apply"));
            exits.add(signalled(at, "", rollback, may));
        }
        exits.remove(0); // it was done before it heard of it
        assertEquals(Set.of(128 + SIGTERM), exits);
    }

    private int signalled(int at, String plan, List<String> command, Set<String> may) throws IOException {
        Death end = killing.signalled(at + 1, SIGTERM, plan, command);
        assertNobodyNoticed(read(BEFORE), may, after(end));
        must(0, run("rollback", "--all"));
        assertEquals(new Situation(BEFORE, Map.of()), Situation.now(), after(end));
        return end.exit();
    }

    @Test
    void with_nobody_who_reads_what_it_says_it_does_its_work_and_writes_to_no_other_file() throws Exception {
        String applied = applied();
        String nobodyReads = "/usr/bin/python3 -c 'import os, subprocess, sys; r, w = os.pipe(); os.close(r);"
                + " sys.exit(subprocess.call(sys.argv[1:], stdout=w, stderr=w))' ";
        for (String how : List.of("%s >&- 2>&-", "%s >/dev/full 2>/dev/full", nobodyReads + "%s")) {
            for (String command : List.of("apply -f -", "rollback --all")) {
                String line = how.formatted(Program.DISTRIBUTION + " " + command + " --state-dir " + STATE);
                Run.Result end = Run.commandWithInput(PLAN, words("sh", "-c", line));
                assertEquals(0, end.exit(), () -> line + end.err());
                assertEquals(command.startsWith("apply") ? applied : BEFORE, content(), line);
            }
        }
        String env = Program.DISTRIBUTION + " env -f - >/dev/full";
        Run.Result lost = Run.commandWithInput(PLAN, words("sh", "-c", env));
        assertEquals(1, lost.exit(), lost.err());
        assertTrue(lost.err().contains("standard output was closed before everything was written"), lost.err());
    }

    /** Less and less memory for a file of 3 MB, so that it lacks at one place after the other. */
    @Test
    void without_memory_it_leaves_nothing_that_the_next_command_does_not_put_right() throws Exception {
        String large = "# a line of somebody else\n".repeat(120_000) + BEFORE;
        Set<Integer> exits = new TreeSet<>();
        for (int megabytes : List.of(56, 40, 32, 26, 20)) {
            Files.writeString(HOSTS, large);
            for (List<String> command : List.of(List.of("apply", "-f", "-"), List.of("rollback", "--all"))) {
                Run.Result end = withHeap(megabytes, command);
                exits.add(end.exit());
                String said = megabytes + " MB: " + end.err() + end.out();
                assertTrue(end.exit() == 0 || end.err().contains("OutOfMemoryError"), said);
                assertTrue(read(content()).containsAll(read(BEFORE)), said);
            }
            must(0, run("rollback", "--all"));
            assertTrue(large.equals(content()), () -> "other bytes after " + exits);
            assertEquals(Map.of(), Situation.now().remembered());
        }
        assertEquals(Set.of(0, 1), exits, "some had enough memory, some had not");
    }

    private static Run.Result withHeap(int megabytes, List<String> command) {
        Path home = Path.of(Program.DISTRIBUTION).resolve("../..").normalize();
        List<String> words = new ArrayList<>(List.of(
                home + "/lib/runtime/bin/java",
                "-Xmx" + megabytes + "m",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "-Djffi.boot.library.path=" + home + "/lib/native",
                "-cp",
                home + "/lib/app/*",
                "io.meshcapture.cli.Main"));
        words.addAll(command);
        words.addAll(List.of("--state-dir", STATE.toString()));
        return Run.command(PLAN, Map.of(), Run.LIMIT, words);
    }

    @Test
    void bytes_of_others_stay_whatever_the_locale_and_whatever_they_mean() throws Exception {
        byte[] foreign = {
            '1', '0', '.', '0', '.', '0', '.', '9', ' ', 'd', (byte) 0xc3, (byte) 0xa9, (byte) 0xff, 0, '\n'
        };
        for (String locale : List.of("C", "tr_TR.UTF-8")) {
            Files.write(HOSTS, foreign);
            for (String command : List.of("apply -f -", "rollback orders", "rollback --all")) {
                String line = "LC_ALL=" + locale + " " + Program.DISTRIBUTION + " " + command + " --state-dir " + STATE;
                Run.Result end = Run.commandWithInput(PLAN, words("sh", "-c", line));
                assertEquals(0, end.exit(), () -> line + end.err());
                byte[] now = Files.readAllBytes(HOSTS);
                assertTrue(
                        now.length >= foreign.length && Arrays.equals(foreign, Arrays.copyOf(now, foreign.length)),
                        line);
            }
            assertEquals(foreign.length, Files.size(HOSTS));
        }
    }
}
