package io.meshcapture.kubernetes;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/** The keys of a manifest's mappings. */
final class NodeFields {
    private final Manifest manifest;

    NodeFields(Manifest manifest) {
        this.manifest = manifest;
    }

    /**
     * The pair of that key, which has to be in the mapping itself.
     *
     * @throws Failure.Invalid where the key stands twice, or comes with a merge key ({@code <<}) and can thus not be
     *     changed here
     */
    @Nullable
    NodeTuple own(MappingNode mapping, String key) {
        NodeTuple found = null;
        for (NodeTuple tuple : mapping.getValue()) {
            if (tuple.getKeyNode() instanceof ScalarNode name && name.getValue().equals(key)) {
                if (found != null) {
                    throw new Failure.Invalid(
                            "key " + BadValue.quote(key) + " stands twice", manifest.place(name), "remove one of them");
                }
                found = tuple;
            }
        }
        return found;
    }

    /** What the key stands for, in the mapping or in what it merges with {@code <<}; null where nothing or null. */
    @Nullable
    Node get(@Nullable Node node, String key) {
        if (!(node instanceof MappingNode mapping)) {
            return null;
        }
        NodeTuple own = own(mapping, key);
        if (own != null) {
            return isNull(own.getValueNode()) ? null : own.getValueNode();
        }
        return merged(mapping, key);
    }

    /** What the key stands for because of a merge key. */
    @Nullable
    Node merged(MappingNode mapping, String key) {
        for (NodeTuple tuple : mapping.getValue()) {
            if (tuple.getKeyNode().getTag().equals(Tag.MERGE)) {
                List<Node> from = tuple.getValueNode() instanceof SequenceNode several
                        ? several.getValue()
                        : List.of(tuple.getValueNode());
                for (Node one : from) {
                    Node value = one.equals(mapping) ? null : get(one, key);
                    if (value != null) {
                        return value;
                    }
                }
            }
        }
        return null;
    }

    @Nullable
    Node path(@Nullable Node node, String... keys) {
        Node at = node;
        for (String key : keys) {
            at = get(at, key);
        }
        return at;
    }

    @Nullable
    String text(@Nullable Node node, String... keys) {
        return path(node, keys) instanceof ScalarNode scalar ? scalar.getValue() : null;
    }

    /** Whether the path leads to true, as Kubernetes reads it: YAML 1.1's other words too, the single letter included. */
    boolean isTrue(@Nullable Node node, String... keys) {
        return path(node, keys) instanceof ScalarNode scalar
                && scalar.isPlain()
                && scalar.getValue().matches("(?i)true|yes|on|y");
    }

    /** The items of a list; none where there is no list. */
    List<Node> items(@Nullable Node node, String... keys) {
        return path(node, keys) instanceof SequenceNode list ? list.getValue() : List.of();
    }

    static boolean isNull(Node node) {
        return node.getTag().equals(Tag.NULL);
    }
}
