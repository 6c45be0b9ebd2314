package io.meshcapture.backend.hosts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import io.meshcapture.rules.Fnv;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Killed at any byte, with others appending before the next command comes: undone or finished to the byte. */
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
