package io.meshcapture.backend.hosts;

import io.meshcapture.plan.ServiceName;
import io.meshcapture.system.KernelClock;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A trial of names, and what it falls back to: nothing in the kernel takes lines out of a file.
 *
 * @param boot during which it was begun; it does not outlive that, since nobody confirmed it
 * @param deadline by the clock that counts from then, in milliseconds
 * @param before our lines that stood in force before
 */
public record HostsTrial(String boot, long deadline, Set<OwnLine> before) {
    static final String KIND = "trial";

    public HostsTrial {
        before = Set.copyOf(before);
    }

    /**
     * One that begins now.
     *
     * @param duration of it
     */
    static HostsTrial lasting(Duration duration, Set<OwnLine> before) {
        return new HostsTrial(KernelClock.boot(), KernelClock.millis() + duration.toMillis(), before);
    }

    /** The one of a hosts file that has neither been confirmed nor ended, for who only looks; null where there is none. */
    public static @Nullable HostsTrial of(Path hosts, Path stateDirectory) {
        return read(StateFile.look(stateDirectory, hosts, KIND));
    }

    /** What is left of it; zero where its time is over. */
    public Duration left() {
        long left = boot.equals(KernelClock.boot()) ? deadline - KernelClock.millis() : 0;
        return Duration.ofMillis(Math.max(0, left));
    }

    /** Whether its time is over, and nobody has ended it yet. */
    public boolean isOverdue() {
        return left().isZero();
    }

    /** The services that it is to replace. */
    public SortedSet<ServiceName> servicesBefore() {
        SortedSet<ServiceName> services = new TreeSet<>();
        before.forEach(line -> services.add(line.service()));
        return services;
    }

    /** The same, without what would come back of some services. */
    HostsTrial without(Predicate<ServiceName> services) {
        Set<OwnLine> rest = new LinkedHashSet<>(before);
        rest.removeIf(line -> services.test(line.service()));
        return new HostsTrial(boot, deadline, rest);
    }

    /** As text: the boot, the deadline, and a line for each of ours. */
    String write() {
        List<String> lines = new ArrayList<>(List.of(boot, Long.toString(deadline)));
        before.stream().map(OwnLine::live).sorted().forEach(lines::add);
        return String.join("\n", lines);
    }

    /** The trial that a text is; null where it is none. */
    static @Nullable HostsTrial read(@Nullable String text) {
        List<String> lines = text == null ? List.of() : text.lines().toList();
        if (lines.size() < 2) {
            return null;
        }
        Set<OwnLine> before = new LinkedHashSet<>();
        for (String line : lines.subList(2, lines.size())) {
            OwnLine own = OwnLine.parse(line);
            if (own == null) {
                return null;
            }
            before.add(own);
        }
        return new HostsTrial(lines.getFirst(), Long.parseLong(lines.get(1)), before);
    }
}
