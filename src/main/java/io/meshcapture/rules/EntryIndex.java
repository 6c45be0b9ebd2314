package io.meshcapture.rules;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The entries of one look-up by what they ask of the caller, so that a connection is held against those of its own caller
 * only: with ten thousand services that is one instead of all.
 */
final class EntryIndex {

    /** An entry and its place among all. */
    private record Placed(int place, Entry entry) {}

    private final Map<Long, List<Placed>> byUid = new HashMap<>();
    private final Map<Long, List<Placed>> byGid = new HashMap<>();
    private final Map<String, List<Placed>> byCgroup = new HashMap<>();
    private final List<Placed> ofAnybody = new ArrayList<>();

    EntryIndex(List<Entry> entries) {
        for (int i = 0; i < entries.size(); i++) {
            Placed placed = new Placed(i, entries.get(i));
            CallerKey key = placed.entry().caller();
            if (key.cgroup() != null) {
                byCgroup.computeIfAbsent(key.cgroup(), any -> new ArrayList<>(1))
                        .add(placed);
            } else if (key.uid() != null) {
                byUid.computeIfAbsent(key.uid(), any -> new ArrayList<>(1)).add(placed);
            } else if (key.gid() != null) {
                byGid.computeIfAbsent(key.gid(), any -> new ArrayList<>(1)).add(placed);
            } else {
                ofAnybody.add(placed);
            }
        }
    }

    /** The first entry that fits, or null. */
    @Nullable
    Entry first(Connection connection) {
        Caller caller = connection.caller();
        Placed first = earlier(null, ofAnybody, connection);
        first = earlier(first, byUid.get(caller.uid()), connection);
        first = earlier(first, byGid.get(caller.gid()), connection);
        String path = byCgroup.isEmpty() ? null : caller.cgroup();
        while (path != null) {
            first = earlier(first, byCgroup.get(path), connection);
            int slash = path.lastIndexOf('/');
            path = slash < 0 ? null : path.substring(0, slash);
        }
        return first == null ? null : first.entry();
    }

    private static @Nullable Placed earlier(
            @Nullable Placed known, @Nullable List<Placed> others, Connection connection) {
        if (others != null) {
            for (Placed other : others) {
                if (known != null && known.place() < other.place()) {
                    break; // they stand in order
                }
                if (other.entry().fits(connection)) {
                    return other;
                }
            }
        }
        return known;
    }
}
