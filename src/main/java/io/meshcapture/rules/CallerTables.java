package io.meshcapture.rules;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The entries of one rank by what they ask of the caller, and which of these can fit the same connection. */
final class CallerTables {

    /** Per user, group or nothing: keys of this rank that share it. */
    private final Map<Object, Map<CallerKey, PrefixTable>> byIdentity = new HashMap<>();

    /** Per control group, in path order, so that the children of a path stand together. */
    private final TreeMap<String, Map<CallerKey, PrefixTable>> byCgroup = new TreeMap<>();

    void add(Entry entry, int layer) {
        CallerKey key = entry.caller();
        Map<CallerKey, PrefixTable> tables = key.cgroup() == null
                ? byIdentity.computeIfAbsent(identity(key), any -> new LinkedHashMap<>())
                : byCgroup.computeIfAbsent(key.cgroup(), any -> new LinkedHashMap<>());
        tables.computeIfAbsent(key, any -> new PrefixTable()).add(entry, layer);
    }

    /** The highest layer of an entry that must be asked before the given one; 0 where there is none. */
    int highestLayer(Entry entry) {
        int highest = 0;
        for (PrefixTable table : overlapping(entry.caller())) {
            highest = Math.max(highest, table.highestLayer(entry));
        }
        return highest;
    }

    private List<PrefixTable> overlapping(CallerKey key) {
        List<PrefixTable> found = new ArrayList<>(2);
        if (key.cgroup() == null) {
            collect(byIdentity.get(identity(key)), key, false, found);
        } else {
            collectAncestors(key, false, found);
            // '0' follows '/': everything below the path stands between the two
            for (Map<CallerKey, PrefixTable> tables :
                    byCgroup.subMap(key.cgroup() + "/", key.cgroup() + "0").values()) {
                collect(tables, key, false, found);
            }
        }
        return found;
    }

    /** The tables whose entries fit every connection of the key. */
    List<PrefixTable> covering(CallerKey key) {
        List<PrefixTable> found = new ArrayList<>(2);
        if (key.cgroup() == null) {
            collect(byIdentity.get(identity(key)), key, true, found);
        } else {
            collectAncestors(key, true, found);
        }
        return found;
    }

    private void collectAncestors(CallerKey key, boolean covering, List<PrefixTable> found) {
        String path = key.cgroup();
        while (path != null) {
            collect(byCgroup.get(path), key, covering, found);
            int slash = path.lastIndexOf('/');
            path = slash < 0 ? null : path.substring(0, slash);
        }
    }

    private static void collect(
            @Nullable Map<CallerKey, PrefixTable> tables, CallerKey key, boolean covering, List<PrefixTable> found) {
        if (tables != null) {
            tables.forEach((other, table) -> {
                if (covering ? other.covers(key) : other.overlaps(key)) {
                    found.add(table);
                }
            });
        }
    }

    /** The field that keys of one rank always have. */
    private static Object identity(CallerKey key) {
        if (key.uid() != null) {
            return key.uid();
        }
        return key.gid() != null ? key.gid() : CallerKey.ANYBODY;
    }
}
