package io.meshcapture.kubernetes;

import java.util.List;
import java.util.function.Predicate;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;

/**
 * The items of ours in one list of a manifest.
 *
 * @param parent what the list is a field of
 * @param key the field
 * @param sibling the field before which the list comes where it is not there yet
 * @param ours tells our items from others'
 * @param wanted what they should be; empty where there should be none
 */
record OwnItems(MappingNode parent, String key, String sibling, Predicate<Node> ours, List<Value> wanted) {
    OwnItems {
        wanted = List.copyOf(wanted);
    }

    OwnItems wanting(List<Value> values) {
        return new OwnItems(parent, key, sibling, ours, values);
    }
}
