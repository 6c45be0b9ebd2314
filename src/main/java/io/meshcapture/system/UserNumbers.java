package io.meshcapture.system;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * The numbers that users and groups have in a network namespace. Netfilter goes by those of the user namespace that owns it
 * (from_kuid_munged() in net/netfilter/nft_meta.c); /proc and sockets tell those of the process that asks. In a pod with
 * {@code hostUsers: false} that is looked at from the node, they differ.
 */
public final class UserNumbers {

    /** What a user or group has that has no number there (overflowuid and overflowgid). */
    private static final long UNMAPPED = 65534;

    private static final UserNumbers SAME = new UserNumbers(List.of(), List.of());

    private final List<Range> users;
    private final List<Range> groups;

    private UserNumbers(List<Range> users, List<Range> groups) {
        this.users = users;
        this.groups = groups;
    }

    /** A line of uid_map (user_namespaces(7)), as a process of another user namespace reads it. */
    private record Range(long there, long here, long length) {}

    /**
     * Those of the calling thread's network namespace; null where they cannot be told, since no process of the user
     * namespace that owns it can be seen.
     */
    public static @Nullable UserNumbers ofThisNamespace() {
        String owner = NetworkNamespace.owner();
        if (owner.isEmpty()) {
            return null;
        }
        try {
            if (link(Path.of("/proc/thread-self")).equals(owner)) {
                return SAME;
            }
            try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
                for (Path process : all) {
                    UserNumbers numbers = of(process, owner);
                    if (numbers != null) {
                        return numbers;
                    }
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            // no /proc: nothing can be said
        }
        return null;
    }

    private static @Nullable UserNumbers of(Path process, String owner) {
        try {
            return link(process).equals(owner)
                    ? new UserNumbers(
                            ranges(ProcFile.read(process.resolve("uid_map"))),
                            ranges(ProcFile.read(process.resolve("gid_map"))))
                    : null;
        } catch (IOException e) {
            return null; // it ended meanwhile, or is not ours to see
        }
    }

    private static String link(Path process) throws IOException {
        return Files.readSymbolicLink(process.resolve("ns/user")).toString();
    }

    /** {@code 0 200000 65536}: inside, outside, how many. A namespace that is not set up yet has none, and so nobody. */
    private static List<Range> ranges(String map) {
        List<Range> ranges = new ArrayList<>();
        for (String line : map.split("\n", -1)) {
            String[] numbers = line.strip().split("\\s+", -1);
            if (numbers.length == 3) {
                ranges.add(
                        new Range(Long.parseLong(numbers[0]), Long.parseLong(numbers[1]), Long.parseLong(numbers[2])));
            }
        }
        return ranges;
    }

    /** Whether the network namespace is of another user namespace than this process. */
    public static boolean areAnothers() {
        String owner = NetworkNamespace.owner();
        try {
            return !owner.isEmpty() && !link(Path.of("/proc/thread-self")).equals(owner);
        } catch (IOException e) {
            return false; // no /proc: nothing can be said
        }
    }

    /** The number there of a user who has this one here. */
    public long user(long here) {
        return this == SAME ? here : there(users, here);
    }

    /** The number there of a group. */
    public long group(long here) {
        return this == SAME ? here : there(groups, here);
    }

    /** The number here of a user who has this one there; empty where nobody here has it. */
    public OptionalLong userHere(long there) {
        return this == SAME ? OptionalLong.of(there) : here(users, there);
    }

    /** The number here of a group. */
    public OptionalLong groupHere(long there) {
        return this == SAME ? OptionalLong.of(there) : here(groups, there);
    }

    private static OptionalLong here(List<Range> ranges, long there) {
        for (Range range : ranges) {
            if (there >= range.there && there - range.there < range.length) {
                return OptionalLong.of(range.here + (there - range.there));
            }
        }
        return OptionalLong.empty();
    }

    private static long there(List<Range> ranges, long here) {
        for (Range range : ranges) {
            if (here >= range.here && here - range.here < range.length) {
                return range.there + (here - range.here);
            }
        }
        return UNMAPPED;
    }
}
