package io.meshcapture.backend.hosts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** Whoever writes in between: every byte of others stays, and every byte of ours comes off. */
class InterleavingPropertyTest {
    private static final long RUNS = 1_000_000;

    @Test
    void a_million_interleavings_of_services_and_others_leave_not_one_wrong_byte() {
        LongStream.range(0, RUNS).parallel().forEach(seed -> {
            HostsWorld world = new HostsWorld(new SplittableRandom(seed));
            for (int i = 0; i < 5; i++) {
                world.step();
            }
            assertEquals(world.foreign(), world.released(), () -> "seed " + seed + ":\n" + world.content);
        });
    }

    @Test
    void after_each_step_the_lines_in_force_are_those_of_the_services_that_stand() {
        for (int seed = 0; seed < 5_000; seed++) {
            HostsWorld world = new HostsWorld(new SplittableRandom(seed));
            for (int i = 0; i < 12; i++) {
                world.step();
                String at = "seed " + seed + " step " + i + ":\n" + world.content;
                assertEquals(world.wanted(), world.inForce(), at);
                assertEquals(world.foreign(), world.released(), at);
            }
        }
    }

    @Test
    void at_no_byte_of_a_removal_does_a_reader_miss_a_line_of_others_or_meet_one_that_nobody_wrote() {
        for (int seed = 0; seed < 1_000; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            HostsWorld world = new HostsWorld(random);
            for (int i = 0; i < 10; i++) {
                world.step();
            }
            for (String service : List.of("a", "b", "c")) {
                if (seed % 3 == 0) {
                    world.content += "\n\n10.9.9.9 z\n\n\n\n\n10.9.9.8 y\n\n";
                }
                Set<String> may = read(world.content);
                Set<String> must = new LinkedHashSet<>(may);
                must.removeIf(line -> line.contains("svc=" + service + " "));
                for (String state : states(world.content, HostsWorld.removal(world.content, service), random)) {
                    Set<String> read = read(state);
                    String at = "seed " + seed + " " + service + ":\n" + world.content + "\n---\n" + state;
                    assertTrue(read.containsAll(must), at);
                    assertTrue(may.containsAll(read), at);
                }
            }
        }
    }

    /** Every state between two edits, and within an edit of several bytes: cut off at each, and torn at random. */
    private static List<String> states(String content, List<Edit> edits, SplittableRandom random) {
        List<String> states = new ArrayList<>();
        Image image = new Image(content);
        for (Edit edit : edits) {
            switch (edit) {
                case Edit.Put(int at, String text) -> {
                    for (int i = 1; i < text.length(); i++) {
                        int from = random.nextInt(text.length());
                        int to = from + random.nextInt(text.length() - from);
                        states.add(with(image, at + from, text.substring(from, to)));
                        states.add(with(image, at, text.substring(0, i)));
                    }
                }
                case Edit.Append(String text) -> {
                    for (int i = 1; i < text.length(); i++) {
                        states.add(image + text.substring(0, i));
                    }
                }
                case Edit.Truncate _, Edit.Sync _ -> {}
            }
            image.take(edit);
            states.add(image.toString());
        }
        return states;
    }

    private static String with(Image image, int at, String text) {
        return image.substring(0, at) + text + image.substring(at + text.length(), image.length());
    }

    /** The lines that a resolver reads: without comments, each once. */
    private static Set<String> read(String content) {
        Set<String> lines = new LinkedHashSet<>();
        for (String line : content.split("\n", -1)) {
            if (!line.isEmpty() && !line.startsWith("#")) {
                lines.add(line);
            }
        }
        return lines;
    }
}
