package io.meshcapture.kubernetes;

import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/** Writes values as YAML's lines, or as JSON, which YAML takes wherever it takes brackets. */
final class ValueWriter {

    /** What is the same text for YAML 1.1 and 1.2, with or without quotes; a colon only within a word. */
    private static final Pattern PLAIN = Pattern.compile("-{0,2}[A-Za-z/](?:[A-Za-z0-9_./=,-]|:(?=[A-Za-z0-9]))*");

    /** YAML 1.1's other names for true, false and null. */
    private static final Set<String> WORDS = Set.of("y", "n", "yes", "no", "on", "off", "true", "false", "null");

    private ValueWriter() {}

    /** One item of a list as lines, the first of which begins with the dash; without a line break at the end. */
    static String item(Value value, int indentation, String lineBreak) {
        StringBuilder lines = new StringBuilder("- ");
        block(lines, value, indentation + 2, lineBreak);
        return lines.toString();
    }

    private static void block(StringBuilder out, Value value, int indentation, String lineBreak) {
        switch (value) {
            case Value.Text text -> out.append(isPlain(text.text()) ? text.text() : quoted(text.text()));
            case Value.Literal literal -> out.append(literal.text());
            case Value.Items items -> {
                String separator = "";
                for (Value item : items.items()) {
                    out.append(separator).append("- ");
                    block(out, item, indentation + 2, lineBreak);
                    separator = lineBreak + " ".repeat(indentation);
                }
            }
            case Value.Fields fields -> {
                String start = lineBreak + " ".repeat(indentation);
                String separator = "";
                for (Value.Field field : fields.fields()) {
                    out.append(separator);
                    field.comments()
                            .forEach(comment -> out.append("# ").append(comment).append(start));
                    out.append(field.key()).append(':');
                    blockField(out, field.value(), indentation, lineBreak);
                    separator = start;
                }
            }
        }
    }

    private static void blockField(StringBuilder out, Value value, int indentation, String lineBreak) {
        switch (value) {
            case Value.Text text -> block(out.append(' '), text, indentation, lineBreak);
            case Value.Literal literal -> block(out.append(' '), literal, indentation, lineBreak);
            case Value.Items items -> {
                if (isShort(items)) {
                    out.append(' ').append(json(items));
                    return;
                }
                out.append(lineBreak).append(" ".repeat(indentation));
                block(out, items, indentation, lineBreak);
            }
            case Value.Fields fields -> {
                out.append(lineBreak).append(" ".repeat(indentation + 2));
                block(out, fields, indentation + 2, lineBreak);
            }
        }
    }

    private static boolean isShort(Value.Items items) {
        return items.items().size() < 2
                && items.items().stream().allMatch(item -> item instanceof Value.Text text && isName(text.text()));
    }

    private static boolean isName(String text) {
        return text.matches("[A-Z_]+");
    }

    static String json(Value value) {
        StringBuilder out = new StringBuilder();
        json(out, value);
        return out.toString();
    }

    private static void json(StringBuilder out, Value value) {
        switch (value) {
            case Value.Text text -> out.append(quoted(text.text()));
            case Value.Literal literal -> out.append(literal.text());
            case Value.Items items -> {
                out.append('[');
                List<Value> all = items.items();
                for (int i = 0; i < all.size(); i++) {
                    out.append(i == 0 ? "" : ", ");
                    json(out, all.get(i));
                }
                out.append(']');
            }
            case Value.Fields fields -> {
                out.append('{');
                List<Value.Field> all = fields.fields();
                for (int i = 0; i < all.size(); i++) {
                    out.append(i == 0 ? "" : ", ")
                            .append(quoted(all.get(i).key()))
                            .append(": ");
                    json(out, all.get(i).value());
                }
                out.append('}');
            }
        }
    }

    private static boolean isPlain(String text) {
        return PLAIN.matcher(text).matches() && !WORDS.contains(text.toLowerCase(Locale.ROOT));
    }

    /** A string of JSON, which is one of YAML and of CEL too. */
    static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c == '\n') {
                out.append("\\n");
            } else if (c < ' ' || c == 0x7f || c == 0x85 || c == 0x2028 || c == 0x2029) {
                out.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }
}
