package io.meshcapture.pairs;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A plan in pieces, each of which may be left out.
 *
 * @param envoy more settings of Envoy, such as {@code inbound: 15006}
 * @param sections the plan's own keys with one line of YAML each
 * @param services by name
 */
record Sketch(List<String> envoy, Map<String, String> sections, Map<String, Parts> services) {

    /** A service: what stands in the lists of each key, and the value of those that have no list. */
    record Parts(Map<String, List<String>> lists, String outbound) {
        private String text() {
            var keys = new ArrayList<String>();
            var from = new ArrayList<String>();
            lists.forEach((key, values) -> {
                boolean isCaller = !key.equals("to") && !key.equals("except");
                (isCaller ? from : keys).add(key + ": [" + String.join(", ", values) + "]");
            });
            if (!from.isEmpty()) {
                keys.add("from: {" + String.join(", ", from) + "}");
            }
            keys.add("outbound: " + outbound);
            return "{" + String.join(", ", keys) + "}";
        }

        private Stream<Parts> smaller() {
            return lists.entrySet().stream().flatMap(entry -> {
                String key = entry.getKey();
                List<String> values = entry.getValue();
                var without = new LinkedHashMap<>(lists);
                without.remove(key);
                Stream<Parts> whole = Stream.of(new Parts(without, outbound));
                return values.size() < 2
                        ? whole
                        : Stream.concat(whole, values.stream().map(value -> {
                            var fewer = new LinkedHashMap<>(lists);
                            fewer.put(
                                    key,
                                    values.stream()
                                            .filter(other -> !other.equals(value))
                                            .toList());
                            return new Parts(fewer, outbound);
                        }));
            });
        }
    }

    String yaml() {
        var text = new StringBuilder("version: 1\nenvoy: {user: 1337");
        envoy.forEach(setting -> text.append(", ").append(setting));
        text.append("}\n");
        sections.forEach(
                (key, value) -> text.append(key).append(": ").append(value).append('\n'));
        text.append(services.isEmpty() ? "services: {}\n" : "services:\n");
        services.forEach((name, parts) ->
                text.append("  ").append(name).append(": ").append(parts.text()).append('\n'));
        return text.toString();
    }

    /** Plans with one piece less. */
    List<Sketch> smaller() {
        var all = new ArrayList<Sketch>();
        for (String name : services.keySet()) {
            var fewer = new LinkedHashMap<>(services);
            fewer.remove(name);
            all.add(new Sketch(envoy, sections, fewer));
        }
        for (String key : sections.keySet()) {
            var fewer = new LinkedHashMap<>(sections);
            fewer.remove(key);
            all.add(new Sketch(envoy, fewer, services));
        }
        for (String setting : envoy) {
            all.add(new Sketch(
                    envoy.stream().filter(other -> !other.equals(setting)).toList(), sections, services));
        }
        services.forEach((name, parts) -> parts.smaller().forEach(less -> {
            var changed = new LinkedHashMap<>(services);
            changed.put(name, less);
            all.add(new Sketch(envoy, sections, changed));
        }));
        return all;
    }
}
