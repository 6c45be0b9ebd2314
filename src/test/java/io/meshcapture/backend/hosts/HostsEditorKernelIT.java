package io.meshcapture.backend.hosts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.failure.Failure;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Run;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The editor on real files, none of which is the machine's own. */
@InNetns
class HostsEditorKernelIT extends RealHostsFile {
    static Stream<String> others() {
        return Stream.of(
                "",
                "127.0.0.1 localhost",
                "127.0.0.1 localhost\r\n10.0.0.1 a\r\n",
                "fe80::1%lo0 localhost\n\tfe80::2%eth0\tpeer\n",
                "10.0.0.1 a\rb\n\u0000\n\u00ff\u00fe\n",
                "\u00ef\u00bb\u00bf127.0.0.1 localhost\n",
                "10.0.0.1 " + "x".repeat(70_000) + "\n10.0.0.2 behind\n",
                "10.0.0.1 name\n".repeat(240_000));
    }

    @ParameterizedTest
    @MethodSource("others")
    void whatever_others_wrote_is_there_byte_for_byte_before_and_after(String others) throws Exception {
        Files.writeString(hosts, others, StandardCharsets.ISO_8859_1);
        bring(A, 3);
        assertTrue(content().startsWith(others));
        assertEquals(HostsWorld.lines("a", 3), HostsFile.parse(content()).live(A));
        release(A);
        assertEquals(others, content());
    }

    @Test
    void a_long_line_of_others_behind_ours_moves_up_byte_for_byte() throws Exception {
        bring(A, 1);
        String later = "10.0.0.1 " + "x".repeat(70_000) + "\n\n10.0.0.2 last";
        Files.writeString(hosts, later, StandardOpenOption.APPEND);
        release(A);
        assertEquals("127.0.0.1 localhost\n" + later, content());
    }

    @Test
    void the_inode_owner_mode_links_and_attributes_stay_and_the_time_of_modification_moves_on() throws Exception {
        Files.setPosixFilePermissions(hosts, PosixFilePermissions.fromString("rw-------"));
        Files.setAttribute(hosts, "unix:uid", 1000);
        Files.setAttribute(hosts, "unix:gid", 4);
        String attributes = attributes("""
                os.setxattr(p, "user.note", b"kept")
                os.setxattr(p, "security.selinux", b"system_u:object_r:net_conf_t:s0\\0")
                entries = ((1, 6, -1), (2, 4, 1000), (4, 4, -1), (16, 4, -1), (32, 0, -1))  # acl(5)
                os.setxattr(p, "system.posix_acl_access",
                    struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries))
                """);
        assertTrue(attributes.contains("net_conf_t") && attributes.contains("posix_acl_access"), attributes);
        Path link = Files.createLink(directory.resolve("link"), hosts);
        FileTime future = FileTime.from(Instant.now().plusSeconds(86_400));
        Files.setLastModifiedTime(hosts, future);
        Map<String, Object> before = Files.readAttributes(hosts, "unix:ino,dev,uid,gid,mode,nlink");

        bring(A, 1);

        assertEquals(before, Files.readAttributes(hosts, "unix:ino,dev,uid,gid,mode,nlink"));
        assertEquals(content(), Files.readString(link));
        assertEquals(attributes, attributes(""));
        assertTrue(Files.getLastModifiedTime(hosts).compareTo(future) > 0);
    }

    /** All extended attributes, those that Java does not show too, after some Python that may set them. */
    private String attributes(String before) {
        return Run.command(
                        "/usr/bin/python3",
                        "-c",
                        "import os, struct, sys\np = sys.argv[1]\n" + before
                                + "print({name: os.getxattr(p, name) for name in sorted(os.listxattr(p))})",
                        hosts.toString())
                .orFail();
    }

    @ParameterizedTest
    @ValueSource(strings = {"i, it is immutable (chattr +i)", "a, it can only be appended to (chattr +a)"})
    void an_immutable_or_append_only_file_is_told_with_its_flag_which_stays(String told) throws Exception {
        String flag = told.substring(0, 1);
        Run.command("chattr", "+" + flag, hosts.toString()).orFail();
        try {
            Failure.Unavailable refused = assertThrows(Failure.Unavailable.class, this::open);
            assertTrue(String.valueOf(refused.getMessage()).contains(told.substring(3)), refused.getMessage());
            String flags = Run.command("lsattr", hosts.toString()).orFail().split(" ", 2)[0];
            assertTrue(flags.contains(flag), flags);
            assertEquals("127.0.0.1 localhost\n", content());
        } finally {
            Run.command("chattr", "-" + flag, hosts.toString()).orFail();
        }
    }

    @Test
    void twice_changes_nothing_not_even_the_time_of_modification() throws Exception {
        bring(A, 2);
        String once = content();
        FileTime time = Files.getLastModifiedTime(hosts);
        bring(A, 2);
        assertEquals(once, content());
        assertEquals(time, Files.getLastModifiedTime(hosts));
        release(A);
        release(A);
        assertEquals("127.0.0.1 localhost\n", content());
    }

    @Test
    void names_that_the_plan_no_longer_has_come_off_and_the_rest_stays() throws Exception {
        bring(A, 3);
        bring(A, 1);
        assertEquals(HostsWorld.lines("a", 1), HostsFile.parse(content()).live(A));
    }

    @Test
    void a_link_is_followed_where_only_root_can_lead_it() throws Exception {
        Path link = Files.createSymbolicLink(directory.resolve("hosts-link"), hosts);
        Path world = Files.createDirectory(directory.resolve("world"));
        Files.setPosixFilePermissions(world, PosixFilePermissions.fromString("rwxrwxrwx"));
        Path elsewhere = Files.writeString(world.resolve("hosts"), "theirs\n");
        Path unsafe = Files.createSymbolicLink(directory.resolve("unsafe"), elsewhere);
        Path dangling = Files.createSymbolicLink(directory.resolve("dangling"), directory.resolve("nothing"));
        Path circle = Files.createSymbolicLink(directory.resolve("circle"), directory.resolve("circle"));

        // below /tmp, where others may write
        Failure.Conflict refused = assertThrows(Failure.Conflict.class, () -> HostsEditor.open(link, state, PATIENCE));
        assertTrue(String.valueOf(refused.getMessage()).contains("others than root may write"));
        for (Path path : List.of(unsafe, dangling, circle)) {
            assertThrows(Failure.Conflict.class, () -> HostsEditor.open(path, state, PATIENCE), path.toString());
        }
        assertEquals("theirs\n", Files.readString(elsewhere));
    }

    @Test
    void what_is_no_regular_file_is_refused_and_nobody_waits() throws Exception {
        Path fifo = directory.resolve("fifo");
        Run.command("mkfifo", fifo.toString()).orFail();
        assertThrows(Failure.Conflict.class, () -> HostsEditor.open(fifo, state, PATIENCE));
        assertThrows(Failure.Conflict.class, () -> HostsEditor.open(Path.of("/dev/null"), state, PATIENCE));
        assertThrows(Failure.Unavailable.class, () -> HostsEditor.open(directory, state, PATIENCE));
        assertThrows(Failure.Unavailable.class, () -> HostsEditor.open(directory.resolve("no"), state, PATIENCE));
    }

    @Test
    void a_state_directory_of_others_is_refused_before_anything_changes() throws Exception {
        Files.createDirectory(state);
        Files.setPosixFilePermissions(state, PosixFilePermissions.fromString("rwxrwxrwx"));
        assertThrows(Failure.Unavailable.class, this::open);
        Path link = Files.createSymbolicLink(directory.resolve("state-link"), directory);
        assertThrows(Failure.Unavailable.class, () -> HostsEditor.open(hosts, link, PATIENCE));
        assertEquals("127.0.0.1 localhost\n", content());
    }

    @Test
    void a_line_that_was_edited_by_hand_stays_and_the_others_come_off() throws Exception {
        bring(A, 2);
        Files.writeString(hosts, content().replaceFirst("127.66.\\d+.\\d+ a0", "127.66.9.9 a0"));
        release(A);
        List<HostsFindings.Difference> edited = HostsFindings.of(content()).edited();
        assertEquals(1, edited.size());
        assertEquals(2, edited.getFirst().line());
        assertEquals(2, content().lines().count());
    }

    @Test
    void what_an_interrupted_run_left_is_undone_by_the_next_even_without_its_journal() throws Exception {
        Files.writeString(hosts, Addition.appendix(content(), HostsWorld.lines("b", 2)), StandardOpenOption.APPEND);
        bring(A, 1);
        assertEquals(Set.of(A), HostsFile.parse(content()).services());
        release(A);
        assertEquals("127.0.0.1 localhost\n", content());
    }

    @Test
    void a_rollback_in_which_the_power_failed_is_finished_by_the_next_command() throws Exception {
        Files.writeString(hosts, "10.0.0.1 first\n".repeat(50));
        bring(A, 2);
        Files.writeString(hosts, "10.0.0.2 then\n".repeat(50), StandardOpenOption.APPEND);
        String before = content();
        List<Range> off = HostsFile.parse(before).ranges(line -> A.equals(line.service()));
        List<Edit> edits = Removal.of(before, off, false);
        String inode = Files.getAttribute(hosts, "unix:ino").toString();
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 30; i++) {
            Files.writeString(hosts, PowerFailure.among(before, edits, random), StandardCharsets.ISO_8859_1);
            JournalFile.in(state, hosts).write(new Journal.Removal(inode, before, off, false));
            try (HostsEditor editor = open()) {
                assertTrue(
                        editor.notes().getFirst().endsWith(" was finished"),
                        () -> editor.notes().toString());
            }
            assertEquals("10.0.0.1 first\n".repeat(50) + "10.0.0.2 then\n".repeat(50), content());
        }
    }

    @Test
    void a_journal_of_another_file_is_history() throws Exception {
        Files.createDirectory(
                state, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        JournalFile.in(state, hosts).write(new Journal.Removal("1", content(), List.of(new Range(0, 20)), false));
        bring(A, 1);
        release(A);
        assertEquals("127.0.0.1 localhost\n", content());
    }

    /** As cloud-init, Ansible, sed -i and editors do it, where the file is no mount. */
    @Test
    void what_others_renamed_over_the_file_meanwhile_is_edited_and_not_the_file_that_nobody_reads() throws Exception {
        String theirs = "127.0.0.1 localhost\n10.0.0.9 theirs";
        try (HostsEditor editor = open()) {
            replace(theirs);
            editor.bring(Map.of(A, HostsWorld.lines("a", 2)));
            assertTrue(content().startsWith(theirs + "\n"), content());
            assertEquals(HostsWorld.lines("a", 2), HostsFile.parse(content()).live(A));
            replace(content() + "10.0.0.10 later\n");
            editor.release(A::equals);
            assertThrows(Failure.Busy.class, this::open); // the lock is on that file too
        }
        assertEquals(theirs + "\n10.0.0.10 later\n", content());
        assertEquals(List.of(), remembered());
    }

    private void replace(String content) throws IOException {
        Path next = Files.writeString(directory.resolve("next"), content, StandardCharsets.ISO_8859_1);
        Files.move(next, hosts, StandardCopyOption.ATOMIC_MOVE);
    }

    /** One that is whole would take the first line off. */
    @Test
    void half_a_journal_and_one_of_another_version_are_not_acted_upon() throws Exception {
        String before = content();
        Journal journal = new Journal.Removal(
                Files.getAttribute(hosts, "unix:ino").toString(),
                before,
                List.of(new Range(0, before.length())),
                false);
        Files.createDirectory(
                state, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        JournalFile.in(state, hosts).write(journal);
        Path file = remembered().getFirst();
        String whole = Files.readString(file, StandardCharsets.ISO_8859_1);
        for (String mutilated : List.of(
                "",
                whole.substring(0, whole.length() / 2),
                whole.substring(0, whole.length() - 1),
                whole + "\n",
                whole.replaceFirst("journal 1", "journal 2"),
                whole.replaceFirst("localhost", "localhosT"))) {
            Files.writeString(file, mutilated, StandardCharsets.ISO_8859_1);
            open().close();
            assertEquals(before, content(), mutilated);
        }
        Files.writeString(file, whole, StandardCharsets.ISO_8859_1);
        open().close();
        assertEquals("", content());
    }

    @Test
    void a_missing_journal_directory_is_made_for_root_alone() throws Exception {
        bring(A, 1);
        assertEquals(
                PosixFilePermissions.fromString("rwx------"),
                Files.getPosixFilePermissions(state, LinkOption.NOFOLLOW_LINKS));
        assertNotNull(HostsFile.parse(content()));
    }
}
