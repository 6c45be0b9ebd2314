package io.meshcapture.config;

import io.meshcapture.plan.Origin;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.Node;

/**
 * One mapping of the plan, every key of it once.
 *
 * @param path the keys that lead to it, "" for the whole plan
 * @param origin its place
 * @param entries its keys in the order of the plan
 */
record Section(String path, Origin origin, SequencedMap<String, Entry> entries) {

    /**
     * A key and its value.
     *
     * @param path the keys that lead to it
     * @param key the key itself
     * @param origin the place of the key
     * @param value the value
     */
    record Entry(String path, String key, Origin origin, Node value) {}

    @Nullable
    Entry get(String key) {
        return entries.get(key);
    }

    static String join(String path, String key) {
        return path.isEmpty() ? key : path + "." + key;
    }
}
