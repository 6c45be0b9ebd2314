package io.meshcapture.kubernetes;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.yaml.snakeyaml.DumperOptions.FlowStyle;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/** A manifest's text, and where in it something is. snakeyaml counts code points; offsets here are in chars. */
final class ManifestText {
    private final String text;
    private final int[] supplementary; // the code point indices of characters that are two chars
    private final String lineBreak;

    ManifestText(String text) {
        this.text = text;
        int[] before = {0};
        supplementary = IntStream.range(0, text.length())
                .filter(i -> Character.isHighSurrogate(text.charAt(i)))
                .map(i -> i - before[0]++)
                .toArray();
        int first = text.indexOf('\n');
        lineBreak = first > 0 && text.charAt(first - 1) == '\r' ? "\r\n" : "\n";
    }

    @Override
    public String toString() {
        return text;
    }

    /** What its lines end with: its first one decides. */
    String lineBreak() {
        return lineBreak;
    }

    int offset(Mark mark) {
        int found = Arrays.binarySearch(supplementary, mark.getIndex());
        return mark.getIndex() + (found < 0 ? -found - 1 : found);
    }

    /** Where a node begins. */
    int start(Node node) {
        return offset(node.getStartMark());
    }

    /** Where the text of a node ends; a block's end mark stands at what comes next, behind comments and empty lines. */
    int end(Node node) {
        if (node instanceof ScalarNode) {
            int end = offset(node.getEndMark());
            while (end > start(node) && (at(end - 1) == '\n' || at(end - 1) == '\r')) {
                end--;
            }
            return end;
        }
        if (node instanceof MappingNode mapping && mapping.getFlowStyle() != FlowStyle.FLOW) {
            NodeTuple last = mapping.getValue().getLast();
            int key = offset(last.getKeyNode().getEndMark());
            // an alias stands for what is further up
            return start(last.getValueNode()) < key ? key : end(last.getValueNode());
        }
        if (node instanceof SequenceNode list && list.getFlowStyle() != FlowStyle.FLOW) {
            return end(list.getValue().getLast());
        }
        return offset(node.getEndMark());
    }

    int lineStart(int offset) {
        return text.lastIndexOf('\n', offset - 1) + 1;
    }

    /** Behind the line break, or the end of the text. */
    int nextLine(int offset) {
        int end = text.indexOf('\n', offset);
        return end < 0 ? text.length() : end + 1;
    }

    /** Before the line break, or the end of the text. */
    int lineEnd(int offset) {
        int end = text.indexOf('\n', offset);
        if (end < 0) {
            return text.length();
        }
        return end > offset && text.charAt(end - 1) == '\r' ? end - 1 : end;
    }

    int column(int offset) {
        return offset - lineStart(offset);
    }

    /** Whether there are only spaces before it in its line. */
    boolean startsLine(int offset) {
        return text.substring(lineStart(offset), offset).isBlank();
    }

    /** The start of the line of that offset, or of the first of the comments right above it that are indented alike. */
    int aboveComments(int offset) {
        int column = column(offset);
        int start = lineStart(offset);
        while (start > 0) {
            int previous = lineStart(start - 1);
            if (!text.startsWith(" ".repeat(column) + "#", previous)) {
                break;
            }
            start = previous;
        }
        return start;
    }

    char at(int offset) {
        return offset < text.length() ? text.charAt(offset) : '\0';
    }

    int indexOf(char wanted, int from) {
        return text.indexOf(wanted, from);
    }
}
