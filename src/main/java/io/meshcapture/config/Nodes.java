package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Origin;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.DumperOptions.ScalarStyle;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/** Reads shapes, mappings, lists and single values, off the tree; a wrong shape becomes a problem. */
final class Nodes {
    private final String source;
    private final Problems problems;

    /** @param source the plan's name */
    Nodes(String source, Problems problems) {
        this.source = source;
        this.problems = problems;
    }

    Origin at(Node node) {
        return YamlDocument.at(source, node.getStartMark());
    }

    /** A mapping whose keys are all of the known ones; null where it is no mapping. */
    @Nullable
    Section section(String path, Node node, List<String> known) {
        Section section = section(path, node);
        if (section == null) {
            return null;
        }
        section.entries().values().removeIf(entry -> {
            boolean unknown = !known.contains(entry.key());
            if (unknown) {
                addUnknown(path, entry, known);
            }
            return unknown;
        });
        return section;
    }

    private void addUnknown(String path, Section.Entry entry, List<String> known) {
        String what = "key " + BadValue.quote(entry.key()) + " is not known in " + named(path);
        if (entry.key().equals("<<")) {
            problems.add(entry.origin(), what, "write the keys out: merging mappings is not supported");
        } else {
            problems.add(
                    entry.origin(),
                    what,
                    EditDistance.mend(entry.key(), known, "known keys: " + String.join(", ", known)));
        }
    }

    /** A mapping whose keys the user chooses; null where it is no mapping. */
    @Nullable
    Section section(String path, Node node) {
        if (!(node instanceof MappingNode mapping)) {
            addShape(path, node, "a mapping", "write KEY: VALUE lines, or {KEY: VALUE}");
            return null;
        }
        SequencedMap<String, Section.Entry> entries = new LinkedHashMap<>();
        for (NodeTuple tuple : mapping.getValue()) {
            if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
                problems.add(at(tuple.getKeyNode()), "a key of " + named(path) + " is not a word", "write KEY: VALUE");
                continue;
            }
            String text = key.getValue();
            Section.Entry entry =
                    new Section.Entry(Section.join(path, shown(text)), text, at(key), tuple.getValueNode());
            Section.Entry first = entries.putIfAbsent(text, entry);
            if (first != null) {
                problems.add(
                        entry.origin(),
                        "key " + BadValue.quote(text) + " stands twice in " + named(path),
                        "keep one; the other is at " + first.origin());
            }
        }
        return new Section(path, at(node), entries);
    }

    /** A single value, or null where it is missing or no single value. */
    @Nullable
    Placed<String> one(String path, Node node) {
        if (node instanceof ScalarNode scalar && !isNull(scalar)) {
            return new Placed<>(scalar.getValue(), at(node));
        }
        addShape(path, node, "one value", "write " + lastKey(path) + ": VALUE");
        return null;
    }

    /** A single value or a list of them, or null where the shape is another or an item has none. */
    @Nullable
    List<Placed<String>> many(String path, Node node) {
        if (!(node instanceof SequenceNode list)) {
            if (node instanceof ScalarNode scalar && !isNull(scalar)) {
                return List.of(new Placed<>(scalar.getValue(), at(node)));
            }
            addShape(path, node, "a value or a list of values", "write a value, or [VALUE, VALUE]");
            return null;
        }
        List<Placed<String>> values = new ArrayList<>(list.getValue().size());
        boolean whole = true;
        for (Node item : list.getValue()) {
            if (item instanceof ScalarNode scalar && !isNull(scalar)) {
                values.add(new Placed<>(scalar.getValue(), at(item)));
            } else {
                addShape(
                        "an item of " + named(path),
                        item,
                        "a value",
                        "write a value; one with brackets or colons stands in quotes");
                whole = false;
            }
        }
        return whole ? values : null;
    }

    /** Whether it is this one word. */
    boolean isWord(Node node, String word) {
        return node instanceof ScalarNode scalar && scalar.getValue().equals(word);
    }

    /** Whether it is {}. */
    boolean isEmptyMapping(Node node) {
        return node instanceof MappingNode mapping && mapping.getValue().isEmpty();
    }

    private void addShape(String path, Node node, String wanted, String mend) {
        String found = switch (node) {
            case ScalarNode scalar when isNull(scalar) -> "has no value";
            case ScalarNode scalar -> "is the value " + BadValue.quote(scalar.getValue());
            case SequenceNode _ -> "is a list";
            default -> "is a mapping";
        };
        boolean missing = isNull(node);
        problems.add(
                at(node),
                named(path) + " " + found + (missing ? "" : " where " + wanted + " is wanted"),
                missing ? mend + ", or take it out" : mend);
    }

    /** What YAML 1.1 calls null. Quoted, the same letters are a text. */
    static boolean isNull(Node node) {
        if (!(node instanceof ScalarNode scalar) || scalar.getScalarStyle() != ScalarStyle.PLAIN) {
            return false;
        }
        return switch (scalar.getValue()) {
            case "", "~", "null", "Null", "NULL" -> true;
            default -> false;
        };
    }

    private static String named(String path) {
        return path.isEmpty() ? "the plan" : path;
    }

    /** A key as part of a path: as harmless and as short as a quoted value. */
    private static String shown(String key) {
        String quoted = BadValue.quote(key);
        return quoted.substring(1, quoted.length() - 1);
    }

    private static String lastKey(String path) {
        return path.substring(path.lastIndexOf('.') + 1);
    }
}
