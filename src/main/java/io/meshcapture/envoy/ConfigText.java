package io.meshcapture.envoy;

import java.io.StringWriter;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.DumperOptions.FlowStyle;
import org.yaml.snakeyaml.DumperOptions.ScalarStyle;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.comments.CommentLine;
import org.yaml.snakeyaml.comments.CommentType;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/** Messages as YAML for people: comments above what they explain, and what stands in several places written once. */
final class ConfigText {

    private static final int WIDTH = 120;

    /** Of a comment, without its indentation. */
    private static final int COMMENT = 96;

    /**
     * What yaml-cpp, by which Envoy reads, takes for a truth value or a number, and the library that writes does not: y, n, nan,
     * 08, 0x1p3. A service may have such a name. Durations are none.
     */
    private static final Pattern OTHERS_READ_OTHERWISE =
            Pattern.compile("(?i)y|n|inf(inity)?|nan|[0-9]++(?!m?s$)[0-9a-z]*");

    private final IdentityHashMap<Message, Node> written = new IdentityHashMap<>();
    private final IdentityHashMap<Node, String> anchors = new IdentityHashMap<>();

    private ConfigText() {}

    /** @param head what the file is, as its first comment */
    static String of(String head, Message root) {
        return new ConfigText().write(head, root);
    }

    private String write(String head, Message root) {
        DumperOptions options = new DumperOptions();
        options.setProcessComments(true);
        options.setDefaultFlowStyle(FlowStyle.BLOCK);
        options.setWidth(WIDTH);
        options.setIndent(2);
        options.setIndicatorIndent(2);
        options.setIndentWithIndicator(true);
        options.setAnchorGenerator(node -> anchors.getOrDefault(node, "a" + anchors.size()));
        Node node = node(root);
        List<CommentLine> first = comments(head);
        first.add(blank());
        node.setBlockComments(first);
        StringWriter text = new StringWriter();
        new Yaml(options).serialize(node, text);
        return text.toString();
    }

    private Node node(Object value) {
        return switch (value) {
            case Message message -> message(message);
            case List<?> list -> list(list);
            case Boolean truth -> new ScalarNode(Tag.BOOL, truth.toString(), null, null, ScalarStyle.PLAIN);
            case Integer number -> new ScalarNode(Tag.INT, number.toString(), null, null, ScalarStyle.PLAIN);
            case String text -> new ScalarNode(Tag.STR, text, null, null, style(text));
            default -> throw new IllegalArgumentException(value.getClass().getName());
        };
    }

    private static ScalarStyle style(String text) {
        if (text.endsWith("\n")) {
            return ScalarStyle.FOLDED;
        }
        return OTHERS_READ_OTHERWISE.matcher(text).matches() ? ScalarStyle.SINGLE_QUOTED : ScalarStyle.PLAIN;
    }

    private Node message(Message message) {
        Node before = written.get(message);
        if (before != null) {
            return before;
        }
        List<NodeTuple> tuples = new ArrayList<>();
        message.fields().forEach((name, field) -> {
            ScalarNode key = new ScalarNode(Tag.STR, name, null, null, ScalarStyle.PLAIN);
            if (!field.why().isEmpty()) {
                key.setBlockComments(comments(field.why()));
            }
            tuples.add(new NodeTuple(key, node(field.value())));
        });
        MappingNode node = new MappingNode(
                Tag.MAP, tuples, message.isInline() || tuples.isEmpty() ? FlowStyle.FLOW : FlowStyle.BLOCK);
        written.put(message, node);
        if (message.anchor() != null) {
            anchors.put(node, message.anchor());
        }
        return node;
    }

    /** On one line unless it holds messages. */
    private Node list(List<?> list) {
        List<Node> items = list.stream().map(this::node).toList();
        boolean isBlock = list.stream().anyMatch(Message.class::isInstance);
        return new SequenceNode(Tag.SEQ, items, isBlock ? FlowStyle.BLOCK : FlowStyle.FLOW);
    }

    private static List<CommentLine> comments(String text) {
        List<CommentLine> lines = new ArrayList<>();
        for (String line : wrapped(text)) {
            lines.add(new CommentLine(null, null, line.isEmpty() ? "" : " " + line, CommentType.BLOCK));
        }
        return lines;
    }

    /** Lines that begin with a blank, and empty ones, stay as they are; the others make paragraphs. */
    private static List<String> wrapped(String text) {
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (String given : text.split("\n", -1)) {
            if (given.isEmpty() || given.startsWith(" ")) {
                flush(line, lines);
                lines.add(given);
                continue;
            }
            for (String word : given.split(" ", -1)) {
                if (line.length() + word.length() >= COMMENT) {
                    flush(line, lines);
                }
                line.append(line.isEmpty() ? "" : " ").append(word);
            }
        }
        flush(line, lines);
        return lines;
    }

    private static void flush(StringBuilder line, List<String> lines) {
        if (!line.isEmpty()) {
            lines.add(line.toString());
            line.setLength(0);
        }
    }

    private static CommentLine blank() {
        return new CommentLine(null, null, "", CommentType.BLANK_LINE);
    }
}
