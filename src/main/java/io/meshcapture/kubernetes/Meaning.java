package io.meshcapture.kubernetes;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * What a document says, without how it is written: a list of words that is the same for two documents that say the same.
 * An alias is told by where its anchor stood, so that nothing is written out.
 */
final class Meaning {
    private final Map<Node, Integer> seen = new HashMap<>();
    private final List<String> words = new ArrayList<>();
    private final Map<Node, List<Ours>> ours;

    /** Items that are left out of a mapping's list; a list with nothing else in it is as good as none. */
    record Ours(String key, String name) {}

    private Meaning(Map<Node, List<Ours>> ours) {
        this.ours = ours;
    }

    /** What a single value says. */
    static List<String> of(Node node) {
        return without(List.of(node), Map.of());
    }

    /** What documents say without some items of some mappings' lists, told by their names. */
    static List<String> without(List<Node> documents, Map<Node, List<Ours>> ours) {
        Meaning meaning = new Meaning(ours);
        documents.forEach(meaning::add);
        return meaning.words;
    }

    private void add(Node node) {
        Integer before = seen.putIfAbsent(node, seen.size());
        if (before != null && !(node instanceof ScalarNode)) {
            words.add("*" + before);
            return;
        }
        switch (node) {
            case ScalarNode scalar -> words.add("=" + shortTag(scalar) + scalar.getValue());
            case SequenceNode list -> {
                words.add("[");
                list.getValue().forEach(this::add);
                words.add("]");
            }
            case MappingNode mapping -> {
                words.add("{");
                mapping.getValue().forEach(pair -> add(mapping, pair));
                words.add("}");
            }
            default -> throw new IllegalStateException(node.getClass().getName());
        }
    }

    /** Numbers, booleans and texts differ, in whatever style; a null and no value do not. */
    private static String shortTag(ScalarNode scalar) {
        return scalar.getTag().equals(Tag.NULL) ? "" : scalar.getTag().getValue() + " ";
    }

    private void add(MappingNode mapping, NodeTuple pair) {
        List<String> hidden = new ArrayList<>();
        for (Ours one : ours.getOrDefault(mapping, List.of())) {
            if (pair.getKeyNode() instanceof ScalarNode key && key.getValue().equals(one.key())) {
                hidden.add(one.name());
            }
        }
        if (hidden.isEmpty()) {
            add(pair.getKeyNode());
            add(pair.getValueNode());
            return;
        }
        List<Node> left = pair.getValueNode() instanceof SequenceNode list
                ? list.getValue().stream()
                        .filter(item -> !hidden.contains(name(item)))
                        .toList()
                : List.of();
        if (!left.isEmpty()) {
            add(pair.getKeyNode());
            words.add("[");
            left.forEach(this::add);
            words.add("]");
        }
    }

    private static String name(Node item) {
        if (item instanceof MappingNode mapping) {
            for (NodeTuple pair : mapping.getValue()) {
                if (pair.getKeyNode() instanceof ScalarNode key
                        && key.getValue().equals("name")
                        && pair.getValueNode() instanceof ScalarNode value) {
                    return value.getValue();
                }
            }
        }
        return "";
    }
}
