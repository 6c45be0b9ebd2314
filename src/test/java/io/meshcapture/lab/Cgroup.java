package io.meshcapture.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * A control group (version 2), made by a test and removed after it. A socket belongs for ever to the cgroup that its
 * process was in when it was opened, so a caller joins only for that moment: in version 2 a process moves as a whole,
 * and a helper process for each connection would cost more than the connection.
 */
public final class Cgroup implements AutoCloseable {
    private static final Path ROOT = Path.of("/sys/fs/cgroup");
    private static final ReentrantReadWriteLock MOVING = new ReentrantReadWriteLock();

    private final String name;
    private final Deque<Path> made = new ArrayDeque<>();

    /** Makes the cgroup and those above it that do not exist; the name is relative to the root, without a slash first. */
    Cgroup(String name) {
        this.name = name;
        Path directory = ROOT;
        for (Path part : Path.of(name)) {
            directory = directory.resolve(part);
            if (!Files.exists(directory)) {
                make(directory);
            }
        }
    }

    /** The name as {@code socket cgroupv2} wants it, such as {@code shop.slice/orders.service}. */
    public String name() {
        return name;
    }

    /** The level as {@code socket cgroupv2 level} wants it: 1 right below the root. */
    public int level() {
        return Path.of(name).getNameCount();
    }

    /** Does what is given while the process is in this cgroup, and nobody else makes a socket or a process meanwhile. */
    <T> T within(Supplier<T> work) {
        MOVING.writeLock().lock();
        try {
            Path home = ROOT.resolve(ownName());
            move(ROOT.resolve(name));
            try {
                return work.get();
            } finally {
                move(home);
            }
        } finally {
            MOVING.writeLock().unlock();
        }
    }

    /** Does what is given while the process is where it belongs. */
    static <T> T atHome(Supplier<T> work) {
        MOVING.readLock().lock();
        try {
            return work.get();
        } finally {
            MOVING.readLock().unlock();
        }
    }

    /** Its directory. */
    public Path path() {
        return ROOT.resolve(name);
    }

    /** With the groups that its processes have made, once these are gone. */
    @Override
    public void close() {
        while (!made.isEmpty()) {
            Path directory = made.pop();
            Await.until(
                    Duration.ofSeconds(10), "the processes of " + directory + " to be gone", () -> isGone(directory));
        }
    }

    private static boolean isGone(Path directory) {
        try (Stream<Path> below = Files.walk(directory)) {
            for (Path group : below.filter(Files::isDirectory).toList().reversed()) {
                Files.deleteIfExists(group);
            }
            return true;
        } catch (IOException | UncheckedIOException e) {
            return false; // busy
        }
    }

    private void make(Path directory) {
        try {
            Files.createDirectory(directory);
            made.push(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String ownName() {
        try (var lines = Files.lines(Path.of("/proc/self/cgroup"))) {
            return lines.filter(line -> line.startsWith("0::/"))
                    .map(line -> line.substring("0::/".length()))
                    .findFirst()
                    .orElseThrow(() -> new IllegalStateException("this machine has no cgroup version 2"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void move(Path cgroup) {
        try {
            Files.writeString(cgroup.resolve("cgroup.procs"), "0");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
