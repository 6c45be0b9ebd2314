package io.meshcapture.backend.hosts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.failure.Failure;
import io.meshcapture.lab.InNetns;
import io.meshcapture.rules.Fnv;
import io.meshcapture.system.FileFacts;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** A hosts file that somebody keeps open to write: nothing in it moves, and nothing is cut off, after a kill neither. */
@InNetns
class HostsKeptOpenKernelIT extends RealHostsFile {
    private static final String THEIRS = "10.0.0.1 first\n10.0.0.2 second\n";
    private static final String LATER = "10.0.0.3 third\n";

    private FileChannel keeper() throws IOException {
        return FileChannel.open(hosts, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    }

    private static void append(FileChannel keeper) throws IOException {
        keeper.write(ByteBuffer.wrap(LATER.getBytes(StandardCharsets.ISO_8859_1)));
    }

    private String opened() throws InterruptedException {
        try (HostsEditor editor = open()) {
            return String.join("\n", editor.notes());
        }
    }

    /** What a killed run left. */
    private void killed(Journal journal, String content) throws IOException {
        JournalFile.in(state, hosts).write(journal);
        Files.writeString(hosts, content, StandardCharsets.ISO_8859_1);
    }

    private String identity() throws IOException {
        String identity = FileFacts.of(hosts).identity();
        return identity.substring(identity.indexOf(':') + 1);
    }

    private static String ours(boolean inForce) {
        StringBuilder text = new StringBuilder();
        for (OwnLine line : HostsWorld.lines("a", 2)) {
            text.append(inForce ? line.live() : line.inert()).append('\n');
        }
        return text.toString();
    }

    private Journal.Removal removal(String before) throws IOException {
        HostsFile file = HostsFile.parse(before);
        return new Journal.Removal(identity(), before, file.ranges(line -> line.line() != null), false);
    }

    @Test
    void a_rollback_that_was_killed_takes_lines_out_of_force_alone_until_the_file_is_closed() throws Exception {
        String before = "127.0.0.1 localhost\n" + ours(true) + THEIRS;
        String inert = "127.0.0.1 localhost\n" + ours(false) + THEIRS;
        for (String left : List.of(before, before.replaceFirst("\n1", "\n#"), inert)) {
            killed(removal(before), left);
            try (FileChannel keeper = keeper()) {
                String notes = opened();
                assertTrue(notes.contains("was finished") && notes.contains(" open to write, so lines"), notes);
                assertEquals(inert, content());
                append(keeper);
                assertEquals(List.of(), remembered());
                assertTrue(opened().contains("open to write"));
                assertEquals(inert + LATER, content());
            }
            assertEquals("", opened());
            assertEquals("127.0.0.1 localhost\n" + THEIRS + LATER, content());
        }
    }

    @Test
    void an_apply_that_was_killed_is_undone_out_of_force_alone_until_the_file_is_closed() throws Exception {
        for (String before : List.of(THEIRS, "10.0.0.1 unended")) {
            Set<OwnLine> lines = HostsWorld.lines("a", 2);
            String appendix = Addition.appendix(before, lines);
            Journal journal = new Journal.Addition(identity(), before.length(), Fnv.hash(before), appendix);
            killed(journal, before + appendix.replaceFirst("\n#27", "\n127"));
            try (FileChannel keeper = keeper()) {
                String notes = opened();
                assertTrue(notes.contains("was undone") && notes.contains(" open to write, so lines"), notes);
                assertEquals(before + appendix, content());
                append(keeper);
            }
            assertEquals("", opened());
            assertEquals(before + (before.endsWith("\n") ? "" : "\n") + LATER, content());
        }
    }

    /** Without its journal nobody could tell whose the comments are. */
    @Test
    void a_rollback_that_was_killed_while_lines_moved_waits_for_the_file_to_be_closed() throws Exception {
        String before = "127.0.0.1 localhost\n" + ours(true) + THEIRS;
        Journal.Removal journal = removal(before);
        List<Edit> edits = Removal.of(before, journal.off(), false);
        String left = HostsWorld.after(before, edits.subList(0, edits.size() - 3));
        killed(journal, left);
        try (FileChannel keeper = keeper()) {
            Failure.Busy busy = assertThrows(Failure.Busy.class, this::open);
            String said = String.valueOf(busy.getMessage());
            assertTrue(
                    said.matches("(?s)an interrupted change of .* cannot be finished now.*process \\d+ \\(.*\\)"
                            + " keeps it open to write, and what it adds while lines move could be lost.*"),
                    said);
            assertEquals(left, content());
            append(keeper);
        }
        assertTrue(opened().contains("was finished"));
        assertEquals("127.0.0.1 localhost\n" + THEIRS + LATER, content());
        assertEquals(List.of(), remembered());
        assertEquals(Map.of(), HostsFindings.of(content()).addresses());
    }

    @Test
    void comments_that_stay_are_put_in_force_again_and_do_not_grow_in_number() throws Exception {
        String before = content();
        try (FileChannel keeper = keeper()) {
            bring(A, 2);
            release(A);
            String left = content();
            for (int i = 0; i < 5; i++) {
                bring(A, 2);
                assertEquals(
                        Set.copyOf(HostsWorld.lines("a", 2)),
                        HostsFindings.of(content()).inForce(A));
                assertEquals(left.length(), content().length());
                release(A);
                assertEquals(left, content());
            }
            append(keeper);
        }
        assertEquals("", opened());
        assertEquals(before + LATER, content());
    }

    @Test
    void an_apply_that_was_killed_while_it_put_comments_in_force_is_undone() throws Exception {
        String comments = THEIRS + ours(false);
        PlannedEdits revival = PlannedEdits.addition(identity(), comments, Map.of(A, HostsWorld.lines("a", 2)), true);
        assertTrue(revival != null && revival.journal() instanceof Journal.Revival);
        for (int made = 0; made < revival.edits().size(); made++) {
            killed(revival.journal(), HostsWorld.after(comments, revival.edits().subList(0, made)));
            try (FileChannel keeper = keeper()) {
                assertTrue(opened().contains("was undone"));
                assertEquals(comments, content());
                append(keeper);
            }
            assertEquals("", opened());
            assertEquals(THEIRS + LATER, content());
        }
    }
}
