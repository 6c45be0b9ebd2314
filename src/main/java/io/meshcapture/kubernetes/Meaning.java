package io.meshcapture.kubernetes;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
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
    private final Consumer<String> words;
    private final Map<Node, List<OwnItems>> ours;

    private Meaning(Consumer<String> words, Map<Node, List<OwnItems>> ours) {
        this.words = words;
        this.ours = ours;
    }

    /** What a single value says. */
    static List<String> of(Node node) {
        List<String> words = new ArrayList<>();
        new Meaning(words::add, Map.of()).add(node);
        return words;
    }

    /**
     * What a document says without our items of some mappings' lists, a list with nothing else in it being as good as none; as
     * a digest, for its size.
     */
    static String digestWithout(Node document, Map<Node, List<OwnItems>> ours) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            Consumer<String> words = word -> {
                byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
                digest.update(ByteBuffer.allocate(4).putInt(bytes.length).flip());
                digest.update(bytes);
            };
            new Meaning(words, ours).add(document);
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java platform has it
        }
    }

    private void add(Node node) {
        Integer before = seen.putIfAbsent(node, seen.size());
        if (before != null && !(node instanceof ScalarNode)) {
            words.accept("*" + before);
            return;
        }
        switch (node) {
            case ScalarNode scalar -> words.accept("=" + shortTag(scalar) + scalar.getValue());
            case SequenceNode list -> {
                words.accept("[");
                list.getValue().forEach(this::add);
                words.accept("]");
            }
            case MappingNode mapping -> {
                words.accept("{");
                // kustomize for one sorts them
                mapping.getValue().stream()
                        .sorted(Comparator.comparing(Meaning::key))
                        .forEach(pair -> add(mapping, pair));
                words.accept("}");
            }
            default -> throw new IllegalStateException(node.getClass().getName());
        }
    }

    /** Numbers, booleans and texts differ, in whatever style; a null and no value do not. */
    private static String shortTag(ScalarNode scalar) {
        return scalar.getTag().equals(Tag.NULL) ? "" : scalar.getTag().getValue() + " ";
    }

    private void add(MappingNode mapping, NodeTuple pair) {
        OwnItems hidden = null;
        for (OwnItems one : ours.getOrDefault(mapping, List.of())) {
            hidden = key(pair).equals(one.key()) ? one : hidden;
        }
        if (hidden == null) {
            add(pair.getKeyNode());
            add(pair.getValueNode());
            return;
        }
        List<Node> left = pair.getValueNode() instanceof SequenceNode list
                ? list.getValue().stream().filter(hidden.ours().negate()).toList()
                : List.of();
        if (!left.isEmpty()) {
            add(pair.getKeyNode());
            words.accept("[");
            left.forEach(this::add);
            words.accept("]");
        }
    }

    private static String key(NodeTuple pair) {
        return pair.getKeyNode() instanceof ScalarNode key ? key.getValue() : "";
    }
}
