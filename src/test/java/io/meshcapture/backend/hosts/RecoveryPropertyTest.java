package io.meshcapture.backend.hosts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Fnv;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Killed at any byte, with others appending before the next command comes, or without power: undone or finished to the byte. */
class RecoveryPropertyTest {
    private static final String FOREIGN = "10.7.7.7 later\n";

    @Test
    void an_addition_that_was_cut_short_anywhere_is_undone() {
        for (int seed = 0; seed < 1_000; seed++) {
            HostsWorld world = world(seed);
            String before = seed % 10 == 0 ? nearTheEndOfAPage(world.content, seed) : world.content;
            Set<OwnLine> lines = HostsWorld.lines("d", 2);
            String appendix = Addition.appendix(before, lines);
            Journal.Addition journal =
                    (Journal.Addition) again(new Journal.Addition("1:2", before.length(), Fnv.hash(before), appendix));
            for (String cut : cuts(before, Addition.of(before, lines))) {
                String at = "seed " + seed + ":\n" + cut;
                List<Edit> undone = Recovery.undo(cut, journal);
                assertNotNull(undone, at);
                assertEquals(before, HostsWorld.after(cut, undone), at);
                boolean betweenPages = cut.length() % 4096 == 0;
                if (cut.length() == before.length() + appendix.length() || betweenPages) {
                    List<Edit> besides = Recovery.undo(cut + FOREIGN, journal);
                    assertNotNull(besides, at);
                    String newline = before.isEmpty() || before.endsWith("\n") ? "" : "\n";
                    String left = HostsWorld.after(cut + FOREIGN, besides);
                    assertEquals(before + newline + FOREIGN, left, at);
                }
            }
        }
    }

    @Test
    void a_removal_that_was_cut_short_anywhere_is_finished() {
        for (int seed = 0; seed < 600; seed++) {
            HostsWorld world = world(seed);
            world.apply("a", 2);
            String before = world.content;
            HostsFile file = HostsFile.parse(before);
            List<Range> off = file.ranges(line -> String.valueOf(line.service()).equals("a"));
            boolean newlineToo = file.takesNewlineBack(off);
            List<Edit> edits = Removal.of(before, off, newlineToo);
            Journal.Removal journal = (Journal.Removal) again(new Journal.Removal("1:2", before, off, newlineToo));
            String done = HostsWorld.after(before, edits);
            for (String cut : cuts(before, edits)) {
                String at = "seed " + seed + ":\n" + before + "\n---\n" + cut;
                assertEquals(done, finished(cut, journal), at);
                if (cut.equals(done)
                        || !before.endsWith("\n")
                        || edits.stream().anyMatch(Edit.Append.class::isInstance)) {
                    continue; // what is appended to that is glued to its last line, or is taken for ours
                }
                String newline = newlineToo ? "\n" : "";
                assertEquals(done + newline + FOREIGN, finished(cut + FOREIGN, journal), at);
            }
        }
    }

    /** Comments that stay in a file that somebody keeps open to write. */
    @Test
    void putting_comments_in_force_again_is_undone_wherever_it_was_cut_short_and_without_power() {
        for (int seed = 0; seed < 300; seed++) {
            HostsWorld world = world(seed);
            Set<OwnLine> lines = HostsWorld.lines("d", 3);
            String appended = world.content + Addition.appendix(world.content, lines);
            String comments = appended + (seed % 2 == 0 ? FOREIGN : "");
            PlannedEdits revival = PlannedEdits.addition("1:2", comments, Map.of(new ServiceName("d"), lines), true);
            assertNotNull(revival, comments);
            Journal.Removal undo = ((Journal.Revival) again(revival.journal())).undo();
            assertEquals(undo.content(), HostsWorld.after(comments, revival.edits()));
            String undone = HostsWorld.after(comments, Removal.of(comments, undo.off(), false));
            for (String cut : cuts(comments, revival.edits())) {
                assertEquals(undone, finished(cut, undo), "seed " + seed + ":\n" + cut);
            }
            String left = PowerFailure.among(comments, revival.edits(), new SplittableRandom(seed));
            assertEquals(undone, finished(left, undo), "seed " + seed + ":\n" + left);
        }
    }

    /** Blocks reach the disk in any order between two syncs, each as it was at any moment. */
    @Test
    void a_removal_in_which_the_power_failed_is_finished() {
        int mixed = 0;
        for (int seed = 0; seed < 200; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            HostsWorld world = world(seed);
            world.content = "10.0.0.1 first\n".repeat(random.nextInt(80)) + world.content;
            world.apply("a", 2);
            String before = world.content + "10.0.0.2 then\n".repeat(random.nextInt(120));
            HostsFile file = HostsFile.parse(before);
            List<Range> off = file.ranges(line -> String.valueOf(line.service()).equals("a"));
            boolean newlineToo = file.takesNewlineBack(off);
            List<Edit> edits = Removal.of(before, off, newlineToo);
            Journal.Removal journal = new Journal.Removal("1:2", before, off, newlineToo);
            String done = HostsWorld.after(before, edits);
            Set<String> killed = new HashSet<>(cuts(before, edits));
            for (int i = 0; i < 10; i++) {
                String left = PowerFailure.among(before, edits, random);
                assertEquals(done, finished(left, journal), () -> "seed of " + left);
                mixed += killed.contains(left) ? 0 : 1;
            }
        }
        assertTrue(mixed > 300, "in states that no kill leaves: " + mixed);
    }

    @Test
    void an_addition_in_which_the_power_failed_is_undone() {
        for (int seed = 0; seed < 1_000; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            String before = world(seed).content;
            Set<OwnLine> lines = HostsWorld.lines("d", 6);
            String appendix = Addition.appendix(before, lines);
            Journal.Addition journal = new Journal.Addition("1:2", before.length(), Fnv.hash(before), appendix);
            String left = PowerFailure.among(before, Addition.of(before, lines), random);
            List<Edit> undone = Recovery.undo(left, journal);
            assertNotNull(undone, left);
            assertEquals(before, HostsWorld.after(left, undone), left);
        }
    }

    /** Without a lease: they cut the file and write it, or the rest of it, over what was just appended. */
    @Test
    void an_addition_over_which_others_wrote_the_file_anew_takes_not_one_byte_of_theirs() {
        int undone = 0;
        for (int seed = 0; seed < 2_000; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            String before = world(seed).content;
            String appendix = Addition.appendix(before, HostsWorld.lines("d", 1 + random.nextInt(4)));
            String theirs = world(seed + 10_000).content;
            int written = random.nextInt(2) * random.nextInt(theirs.length() + 1);
            String appended = theirs.substring(0, written) + appendix;
            String left = theirs.length() >= appended.length() ? theirs : theirs + appended.substring(theirs.length());
            Journal.Addition journal = new Journal.Addition("1:2", before.length(), Fnv.hash(before), appendix);
            List<Edit> edits = Recovery.undo(left, journal);
            if (edits == null || edits.isEmpty()) {
                continue; // what is not put right is told as a line of ours that was edited
            }
            String now = HostsWorld.after(left, edits);
            assertTrue(now.equals(theirs), () -> left + "\n---\n" + now);
            undone += left.equals(theirs) ? 0 : 1;
        }
        assertTrue(undone > 500, "undone " + undone);
    }

    private static String nearTheEndOfAPage(String content, int seed) {
        return "#".repeat(Math.max(0, 4000 - content.length() + seed % 64)) + "\n" + content;
    }

    private static String finished(String content, Journal.Removal journal) {
        Recovery.Rest rest = Recovery.finish(content, journal);
        assertNotNull(rest, content);
        String after = HostsWorld.after(content, rest.edits());
        return rest.gap() == null ? after : HostsWorld.after(after, Removal.of(after, List.of(rest.gap()), false));
    }

    private static HostsWorld world(int seed) {
        HostsWorld world = new HostsWorld(new SplittableRandom(seed));
        for (int i = 0; i < 6; i++) {
            world.step();
        }
        return world;
    }

    private static Journal again(Journal journal) {
        Journal read = Objects.requireNonNull(Journal.read(Journal.write(journal)));
        assertEquals(journal, read);
        return read;
    }

    /** Every state that a kill can leave. */
    private static List<String> cuts(String content, List<Edit> edits) {
        List<String> cuts = new ArrayList<>(List.of(content));
        Image image = new Image(content);
        for (Edit edit : edits) {
            switch (edit) {
                case Edit.Append(String text) -> {
                    for (int i = 1; i < text.length(); i++) {
                        cuts.add(image + text.substring(0, i));
                    }
                }
                case Edit.Put(int at, String text) -> {
                    for (int i = 1; i < text.length(); i++) {
                        String tail = image.substring(at + i, image.length());
                        cuts.add(image.substring(0, at) + text.substring(0, i) + tail);
                    }
                }
                case Edit.Truncate _, Edit.Sync _ -> {}
            }
            image.take(edit);
            cuts.add(image.toString());
        }
        return cuts;
    }
}
