package io.meshcapture.envoy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A message of Envoy's configuration, which is protobuf written as YAML: fields in order, each a message, a list, a text, a
 * number or a truth value, and each with the reason why it is there if that cannot be seen.
 */
final class Message {

    /** @param why the comment above it, or the empty text */
    record Field(Object value, String why) {}

    private final Map<String, Field> fields = new LinkedHashMap<>();
    private String why = "";
    private @Nullable String anchor;
    private boolean inline;

    /** The comment of the field that comes next. */
    Message because(String reason) {
        why = reason;
        return this;
    }

    /** @param value a message, a list, a text, an Integer or a Boolean */
    Message with(String name, Object value) {
        fields.put(name, new Field(value, why));
        why = "";
        return this;
    }

    /** Likewise, where there is something to say. */
    Message withAny(String name, List<?> values) {
        return values.isEmpty() ? this : with(name, values);
    }

    /** Written once, under this name, and named everywhere else where the same object stands. */
    Message anchored(String name) {
        anchor = name;
        return this;
    }

    /** On one line. */
    Message inline() {
        inline = true;
        return this;
    }

    Map<String, Field> fields() {
        return fields;
    }

    @Nullable
    String anchor() {
        return anchor;
    }

    boolean isInline() {
        return inline;
    }

    /**
     * An extension of Envoy's: its name, and its configuration with the type that Envoy finds it by.
     *
     * @param type the message's full name without the leading {@code envoy.extensions.}
     * @param configuration its fields
     */
    static Message extension(String name, String type, Message configuration) {
        Message typed = new Message().with("@type", "type.googleapis.com/envoy.extensions." + type);
        configuration.fields.forEach(
                (field, value) -> typed.because(value.why()).with(field, value.value()));
        return new Message().with("name", name).with("typed_config", typed);
    }

    /** Likewise, without a field. */
    static Message extension(String name, String type) {
        return extension(name, type, new Message());
    }
}
