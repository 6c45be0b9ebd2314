package io.meshcapture.backend.hosts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.failure.Failure;
import io.meshcapture.lab.Background;
import io.meshcapture.lab.InNetns;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The editor beside others who write the same file, our own runs among them. */
@InNetns
class HostsWritersKernelIT extends RealHostsFile {
    @Test
    void one_run_at_a_time_and_who_waits_in_vain_is_told_for_whom() throws Exception {
        try (Background holder = Background.started(
                "", Map.of(), List.of("flock", hosts.toString(), "sh", "-c", "echo held; exec sleep 60"))) {
            holder.awaitOutput("held", Duration.ofSeconds(10));
            Failure.Busy busy = assertThrows(Failure.Busy.class, this::open);
            assertTrue(String.valueOf(busy.getMessage()).contains("holds the lock"), busy.getMessage());
        }
        bring(A, 1);
    }

    @Test
    void who_waits_for_a_run_of_ours_is_nobody_who_keeps_the_file_open_to_write() throws Exception {
        AtomicReference<String> wrong = new AtomicReference<>("");
        CountDownLatch begun = new CountDownLatch(3);
        List<Thread> waiting = new ArrayList<>();
        try (HostsEditor editor = open()) {
            for (int i = 0; i < 3; i++) {
                waiting.add(Thread.ofPlatform().start(() -> {
                    begun.countDown();
                    try (HostsEditor next = HostsEditor.open(hosts, state, Duration.ofSeconds(60))) {
                        next.bring(Map.of(B, HostsWorld.lines("b", 1)));
                        next.release(B::equals);
                        if (!next.notes().isEmpty()) {
                            wrong.set(String.join("\n", next.notes()));
                        }
                    } catch (InterruptedException | RuntimeException e) {
                        wrong.set(e.toString());
                    }
                }));
            }
            begun.await();
            for (int i = 0; i < 10; i++) {
                editor.bring(Map.of(A, HostsWorld.lines("a", 2)));
                editor.release(A::equals);
                assertEquals("127.0.0.1 localhost\n", content());
            }
            assertEquals(List.of(), editor.notes());
        }
        for (Thread one : waiting) {
            one.join();
        }
        assertEquals("", wrong.get());
        assertEquals("127.0.0.1 localhost\n", content());
    }

    @Test
    void random_interleavings_on_a_real_file_leave_not_one_wrong_byte() throws Exception {
        for (int seed = 0; seed < 60; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            String foreign = random.nextBoolean() ? "10.0.0.1 x\n10.0.0.2 y" : "10.0.0.1 x\n";
            Files.writeString(hosts, foreign);
            for (int i = 0; i < 8; i++) {
                switch (random.nextInt(5)) {
                    case 0 -> bring(A, 1 + random.nextInt(2));
                    case 1 -> bring(B, 1);
                    case 2 -> release(A);
                    case 3 -> release(B);
                    default -> {
                        String line = (content().endsWith("\n") ? "" : "\n") + "10.1.1." + i + " z" + i + "\n";
                        foreign += (foreign.endsWith("\n") ? "" : "\n") + line.strip() + "\n";
                        Files.writeString(hosts, line, StandardOpenOption.APPEND);
                    }
                }
            }
            release(A);
            release(B);
            assertEquals(foreign, content(), "seed " + seed);
            assertEquals(List.of(), remembered());
        }
    }

    @Test
    void others_who_write_meanwhile_lose_no_line_and_readers_never_miss_one() throws Exception {
        AtomicBoolean stop = new AtomicBoolean();
        List<String> written = new CopyOnWriteArrayList<>();
        List<String> wrong = new CopyOnWriteArrayList<>();
        Thread writer = Thread.ofPlatform().start(() -> {
            for (int i = 0; !stop.get(); i++) {
                String line = "10.2." + i / 250 + "." + i % 250 + " other" + i;
                try {
                    Files.writeString(hosts, line + "\n", StandardOpenOption.APPEND);
                    written.add(line);
                    Thread.sleep(50);
                } catch (IOException | InterruptedException e) {
                    wrong.add(e.toString());
                }
            }
        });
        Set<String> ours = new HashSet<>(List.of("127.0.0.1 localhost"));
        HostsWorld.lines("a", 3).forEach(line -> ours.add(line.live()));
        HostsWorld.lines("b", 1).forEach(line -> ours.add(line.live()));
        AtomicInteger reads = new AtomicInteger();
        Thread reader = Thread.ofPlatform().start(() -> {
            while (!stop.get()) {
                try {
                    LockSupport.parkNanos(300_000); // a look-up does not keep the file open all the time
                    Object[] before = written.toArray();
                    Set<String> lines = new HashSet<>(content().lines().toList());
                    reads.incrementAndGet();
                    if (!lines.contains("127.0.0.1 localhost")) {
                        wrong.add("read without its first line: " + lines);
                    }
                    lines.stream()
                            .filter(line -> !line.startsWith("#") && !line.isEmpty() && !ours.contains(line))
                            .filter(line -> !isOfTheOther(line))
                            .forEach(line -> wrong.add("nobody wrote: " + line));
                    for (Object line : before) {
                        if (!lines.contains(String.valueOf(line)) && wrong.isEmpty()) {
                            wrong.add("not read: " + line);
                        }
                    }
                } catch (IOException e) {
                    wrong.add(e.toString());
                }
            }
        });
        for (int i = 0; i < 40 || written.size() < 20; i++) {
            bring(A, 3);
            bring(B, 1);
            release(A);
            release(B);
        }
        stop.set(true);
        writer.join();
        reader.join();
        assertEquals(List.of(), wrong);
        List<String> expected = new ArrayList<>(List.of("127.0.0.1 localhost"));
        expected.addAll(written);
        assertEquals(String.join("\n", expected) + "\n", content());
        assertTrue(written.size() > 10);
        assertTrue(reads.get() > 100, () -> "read " + reads);
    }

    private static boolean isOfTheOther(String line) {
        Matcher other = Pattern.compile("10\\.2\\.(\\d+)\\.(\\d+) other(\\d+)").matcher(line);
        return other.matches()
                && Integer.parseInt(other.group(1)) * 250 + Integer.parseInt(other.group(2))
                        == Integer.parseInt(other.group(3));
    }

    /** No lease keeps them out, and what they append between a last look and a cut would be cut off: so nothing is. */
    @Test
    void who_keeps_the_file_open_to_write_loses_no_line_and_what_came_off_goes_when_it_is_closed() throws Exception {
        AtomicBoolean stop = new AtomicBoolean();
        AtomicReference<String> wrong = new AtomicReference<>("");
        List<String> written = new CopyOnWriteArrayList<>(List.of("127.0.0.1 localhost"));
        SplittableRandom random = new SplittableRandom(1);
        CountDownLatch opened = new CountDownLatch(1);
        Thread writer = Thread.ofPlatform().start(() -> {
            try (FileChannel log = FileChannel.open(hosts, StandardOpenOption.APPEND)) {
                opened.countDown();
                for (int i = 0; !stop.get(); i++) {
                    String line = "10.4." + i / 250 + "." + i % 250 + " kept" + i;
                    log.write(ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.ISO_8859_1)));
                    written.add(line);
                    LockSupport.parkNanos(random.nextInt(40_000_000));
                }
            } catch (IOException e) {
                wrong.set(e.toString());
            }
        });
        opened.await();
        for (int i = 0; i < 4; i++) {
            bring(A, 3);
            assertEquals(
                    Set.copyOf(HostsWorld.lines("a", 3)),
                    HostsFindings.of(content()).inForce(A));
            try (HostsEditor editor = open()) {
                editor.release(A::equals);
                String note = String.join("\n", editor.notes());
                assertTrue(
                        note.matches("process \\d+ \\(.*\\) keeps .* open to write, so lines that came off stay as .*"),
                        note);
            }
            assertEquals(Set.of(), HostsFindings.of(content()).services());
            assertEquals(List.of(), remembered());
        }
        stop.set(true);
        writer.join();
        assertEquals("", wrong.get());
        open().close();
        assertEquals(String.join("\n", written) + "\n", content());
    }

    /** As kubelet and Docker do it: cut to nothing, then written anew, without a line of ours. */
    @Test
    void who_rewrites_the_file_ten_times_a_second_loses_no_line_and_gets_none_that_it_did_not_write() throws Exception {
        AtomicBoolean stop = new AtomicBoolean();
        AtomicReference<String> last = new AtomicReference<>("127.0.0.1 localhost\n");
        List<String> wrong = new CopyOnWriteArrayList<>();
        Thread writer = Thread.ofPlatform().start(() -> {
            for (int i = 0; !stop.get(); i++) {
                try {
                    String content =
                            "127.0.0.1 localhost\n10.3.0." + i % 250 + " pod" + i + "\n# managed\n".repeat(i % 3);
                    Files.writeString(hosts, content);
                    last.set(content);
                    Thread.sleep(100);
                } catch (IOException | InterruptedException e) {
                    wrong.add(e.toString());
                }
            }
        });
        int done = 0;
        for (int i = 0; i < 30; i++) {
            try {
                bring(A, 3);
                release(A);
                done++;
            } catch (Failure.Busy contended) {
                // said, after a bounded number of attempts
            }
        }
        stop.set(true);
        writer.join();
        assertEquals(List.of(), wrong);
        assertTrue(done > 10, "done " + done);
        bring(A, 1);
        assertTrue(content().startsWith(last.get()), content());
        release(A);
        assertEquals(last.get(), content());
    }

    @Test
    void a_rewrite_by_others_that_is_under_way_is_waited_for() throws Exception {
        try (Background rewriting = Background.started(
                "",
                Map.of(),
                List.of(
                        "sh",
                        "-c",
                        "exec 3>\"$0\"; echo cut; sleep 0.4; printf '127.0.0.1 localhost\\n10.0.0.9 theirs\\n' >&3",
                        hosts.toString()))) {
            rewriting.awaitOutput("cut", Duration.ofSeconds(10));
            assertEquals("", content());
            bring(A, 1);
        }
        assertTrue(content().startsWith("127.0.0.1 localhost\n10.0.0.9 theirs\n127.66."), content());
    }
}
