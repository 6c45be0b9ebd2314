package io.meshcapture.kubernetes;

import java.util.List;

/** What is written into a manifest; the same value can be written as lines, or in brackets. */
sealed interface Value {

    /** Text; whether it needs quotes is seen when it is written. */
    record Text(String text) implements Value {}

    /** A number or a boolean, as YAML and JSON write it. */
    record Literal(String text) implements Value {}

    /** A list. */
    record Items(List<Value> items) implements Value {
        public Items {
            items = List.copyOf(items);
        }

        static Items of(List<String> texts) {
            return new Items(texts.stream().<Value>map(Text::new).toList());
        }
    }

    /** A mapping. */
    record Fields(List<Field> fields) implements Value {
        public Fields {
            fields = List.copyOf(fields);
        }

        static Fields of(Field... fields) {
            return new Fields(List.of(fields));
        }
    }

    /**
     * One key of a mapping.
     *
     * @param comments lines that stand above it where there are lines; none of them in brackets
     */
    record Field(String key, Value value, List<String> comments) {
        public Field {
            comments = List.copyOf(comments);
        }

        static Field of(String key, Value value) {
            return new Field(key, value, List.of());
        }

        static Field of(String key, String text) {
            return of(key, new Text(text));
        }

        static Field literal(String key, Object value) {
            return of(key, new Literal(value.toString()));
        }
    }
}
