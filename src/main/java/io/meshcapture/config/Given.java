package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Origin;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What one source says for one key.
 *
 * @param values the values that could be read, each once
 * @param origin the place of the key, or of the first value
 * @param whole whether every value could be read; if not, there is a problem for it already
 */
record Given<T>(List<Placed<T>> values, Origin origin, boolean whole) {

    Given {
        values = List.copyOf(values);
    }

    /** A key whose value has the wrong shape, for which there is a problem already. */
    static <T> Given<T> broken(Origin origin) {
        return new Given<>(List.of(), origin, false);
    }

    /** Reads every text; a value that stands twice is kept once, with a note. */
    static <T> Given<T> parse(
            String path, List<Placed<String>> texts, Origin origin, ValueType<T> type, Problems problems) {
        List<Placed<T>> values = new ArrayList<>(texts.size());
        Map<String, Origin> seen = texts.size() < 2 ? Map.of() : HashMap.newHashMap(texts.size());
        boolean whole = true;
        for (Placed<String> text : texts) {
            try {
                T value = type.parse(text.value(), text.origin());
                Origin first = texts.size() < 2 ? null : seen.putIfAbsent(value.toString(), text.origin());
                if (first == null) {
                    values.add(new Placed<>(value, text.origin()));
                } else {
                    problems.note(path + " lists " + BadValue.quote(value.toString()) + " twice; " + first + " and "
                            + text.origin());
                }
            } catch (BadValue bad) {
                problems.add(text.origin(), bad);
                whole = false;
            }
        }
        return new Given<>(values, origin, whole);
    }

    /** The bare values. */
    List<T> plain() {
        List<T> plain = new ArrayList<>(values.size());
        for (Placed<T> value : values) {
            plain.add(value.value());
        }
        return plain;
    }
}
