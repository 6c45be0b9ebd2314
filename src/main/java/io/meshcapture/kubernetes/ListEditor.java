package io.meshcapture.kubernetes;

import io.meshcapture.failure.Failure;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.DumperOptions.FlowStyle;
import org.yaml.snakeyaml.nodes.CollectionNode;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/**
 * Adds, replaces and removes single items of a mapping's lists, in the style that the place has: lines among lines, brackets
 * within brackets. What was added and is removed again leaves the bytes as they were.
 */
final class ListEditor {
    private final Manifest manifest;
    private final ManifestText text;
    private final NodeFields fields;
    private final Edits edits;
    private final Map<MappingNode, SortedSet<Integer>> removedFields = new LinkedHashMap<>();
    private final SortedMap<Integer, Integer> removedLines = new TreeMap<>();
    private int @Nullable [] dashes;

    ListEditor(Manifest manifest, Edits edits) {
        this.manifest = manifest;
        this.text = manifest.text();
        this.fields = new NodeFields(manifest);
        this.edits = edits;
    }

    /** Adds items before all others; a list that is not there yet comes before the key {@code sibling}. */
    void addFirst(MappingNode parent, String key, String sibling, List<Value> items) {
        NodeTuple pair = fields.own(parent, key);
        if (pair == null) {
            addList(parent, key, sibling, items);
            return;
        }
        Node value = pair.getValueNode();
        if (value instanceof SequenceNode list && isFlow(list)) {
            edits.insert(
                    text.indexOf('[', text.start(list)) + 1,
                    inBrackets(items) + (list.getValue().isEmpty() ? "" : ", "));
        } else if (value instanceof SequenceNode list) {
            int dash = dash(list.getValue().getFirst());
            String lines = lines(items, text.column(dash)) + text.lineBreak();
            String indentation = " ".repeat(text.column(dash));
            if (text.startsLine(dash)) {
                edits.insert(text.aboveComments(dash), indentation + lines);
            } else {
                edits.insert(dash, lines + indentation);
            }
        } else if (value instanceof ScalarNode && NodeFields.isNull(value)) {
            String list = "[" + inBrackets(items) + "]";
            boolean empty = text.start(value) == text.offset(value.getEndMark());
            edits.replace(text.start(value), text.offset(value.getEndMark()), empty ? " " + list : list);
        } else {
            throw new Failure.Invalid(key + " is not a list", manifest.place(value), "write a list, or leave it out");
        }
    }

    /** Items as lines, the first of which begins with its dash. */
    private String lines(List<Value> items, int indentation) {
        return items.stream()
                .map(item -> ValueWriter.item(item, indentation, text.lineBreak()))
                .collect(Collectors.joining(text.lineBreak() + " ".repeat(indentation)));
    }

    private static String inBrackets(List<Value> items) {
        return items.stream().map(ValueWriter::json).collect(Collectors.joining(", "));
    }

    private void addList(MappingNode parent, String key, String sibling, List<Value> items) {
        Node merged = fields.merged(parent, key);
        if (merged != null) {
            throw new Failure.Invalid(
                    key + " comes from elsewhere by a merge key (<<)",
                    manifest.place(merged),
                    "write it out where it is used");
        }
        if (isFlow(parent)) {
            edits.insert(
                    text.indexOf('{', text.start(parent)) + 1,
                    ValueWriter.quoted(key) + ": [" + inBrackets(items) + "]"
                            + (parent.getValue().isEmpty() ? "" : ", "));
            return;
        }
        NodeTuple next = fields.own(parent, sibling);
        if (next == null) {
            // the first that has a line of its own, where there is one: an item's first field stands behind the dash
            next = parent.getValue().stream()
                    .filter(each -> text.startsLine(text.start(each.getKeyNode())))
                    .findFirst()
                    .orElse(parent.getValue().getFirst());
        }
        int at = text.start(next.getKeyNode());
        int column = text.column(at);
        // lists as its neighbour has them: at the key's own column, or further in
        boolean alike = next.getValueNode() instanceof SequenceNode list
                && !isFlow(list)
                && text.start(list) > at
                && text.startsLine(dash(list.getValue().getFirst()));
        int inner = alike
                ? text.column(
                        dash(((SequenceNode) next.getValueNode()).getValue().getFirst()))
                : column;
        String lines = key + ":" + text.lineBreak() + " ".repeat(inner) + lines(items, inner) + text.lineBreak();
        if (text.startsLine(at)) {
            edits.insert(text.aboveComments(at), " ".repeat(column) + lines);
        } else {
            edits.insert(at, lines + " ".repeat(column));
        }
    }

    /** Replaces the items of a list from one to another, the last included. */
    void replace(SequenceNode list, int first, int last, List<Value> items) {
        Node from = list.getValue().get(first);
        Node to = list.getValue().get(last);
        if (isFlow(list)) {
            edits.replace(text.start(from), text.offset(to.getEndMark()), inBrackets(items));
        } else {
            int dash = dash(from);
            edits.replace(dash, text.lineEnd(text.end(to)), lines(items, text.column(dash)));
        }
    }

    /** Removes these items, and the list where there are no others; an empty list in brackets stays among lines. */
    void remove(MappingNode parent, String key, int first, int last) {
        NodeTuple pair = fields.own(parent, key);
        if (pair == null || !(pair.getValueNode() instanceof SequenceNode list)) {
            throw new IllegalArgumentException(key);
        }
        int size = list.getValue().size();
        boolean all = first == 0 && last == size - 1;
        Node from = list.getValue().get(first);
        Node to = list.getValue().get(last);
        if (all && isFlow(parent)) {
            removedFields
                    .computeIfAbsent(parent, each -> new TreeSet<>())
                    .add(parent.getValue().indexOf(pair));
        } else if (isFlow(list)) {
            removeFromBrackets(
                    text.start(from),
                    text.offset(to.getEndMark()),
                    first,
                    last,
                    size,
                    i -> text.offset(list.getValue().get(i).getEndMark()));
        } else {
            removedLines.put(all ? text.start(pair.getKeyNode()) : dash(from), text.end(to));
        }
    }

    /** Removes what is to go: which comma or which indentation goes with it is told by what else goes. */
    void finish() {
        int joined = -1;
        for (Map.Entry<Integer, Integer> one : removedLines.entrySet()) {
            joined = removeLines(one.getKey(), one.getValue(), one.getKey() == joined);
        }
        removedFields.forEach((parent, indices) -> {
            List<NodeTuple> all = parent.getValue();
            for (int first : indices) {
                int last = first;
                while (indices.contains(last + 1)) {
                    last++;
                }
                if (!indices.contains(first - 1)) {
                    removeFromBrackets(
                            text.start(all.get(first).getKeyNode()),
                            text.offset(all.get(last).getValueNode().getEndMark()),
                            first,
                            last,
                            all.size(),
                            i -> text.offset(all.get(i).getValueNode().getEndMark()));
                }
            }
        });
    }

    /**
     * Removes lines. What stands behind them comes up to where they began, if that is behind a dash.
     *
     * @param joined whether it came up itself
     * @return the offset of what came up, or -1
     */
    private int removeLines(int from, int last, boolean joined) {
        int next = text.nextLine(last);
        if (text.startsLine(from) && !joined) {
            edits.remove(text.lineStart(from), next);
            return -1;
        }
        while (text.at(next) == ' ') {
            next++;
        }
        edits.remove(from, next);
        return next;
    }

    private interface Ends {
        int end(int index);
    }

    /** Some of several things with commas between them, with the comma that goes with them. */
    private void removeFromBrackets(int from, int to, int first, int last, int size, Ends ends) {
        if (first == 0 && last == size - 1) {
            edits.remove(from, to);
        } else if (last == size - 1) {
            edits.remove(ends.end(first - 1), to);
        } else {
            int comma = text.indexOf(',', to);
            edits.remove(from, text.at(comma + 1) == ' ' ? comma + 2 : comma + 1);
        }
    }

    private static boolean isFlow(CollectionNode<?> node) {
        return node.getFlowStyle() == FlowStyle.FLOW;
    }

    /** The dash before an item. */
    private int dash(Node item) {
        if (dashes == null) {
            dashes = manifest.dashes();
        }
        int found = Arrays.binarySearch(dashes, text.start(item));
        return dashes[found < 0 ? -found - 2 : found];
    }
}
