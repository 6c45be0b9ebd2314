package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Origin;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.reader.StreamReader;

/** The bytes of a plan as text: strictly UTF-8, and only the characters that YAML allows. */
final class PlanText {
    private PlanText() {}

    /** The text without a byte order mark, or null where there is a problem. */
    static @Nullable String decode(PlanSource source, Problems problems) {
        ByteBuffer bytes = ByteBuffer.wrap(source.content());
        CharBuffer chars = CharBuffer.allocate(source.content().length + 1);
        CharsetDecoder decoder = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
        CoderResult result = decoder.decode(bytes, chars, true);
        if (!result.isError()) {
            result = decoder.flush(chars);
        }
        chars.flip();
        if (result.isError()) {
            int bad = source.content()[bytes.position()] & 0xff;
            problems.add(
                    place(source, chars, chars.length()),
                    "the plan is not UTF-8: byte 0x" + Integer.toHexString(bad) + " begins no character",
                    "save it as UTF-8");
            return null;
        }
        if (!chars.isEmpty() && chars.charAt(0) == '\ufeff') {
            chars.get();
        }
        String text = chars.toString();
        for (int i = 0; i < text.length(); ) {
            int codePoint = text.codePointAt(i);
            if (!StreamReader.isPrintable(codePoint)) {
                problems.add(
                        place(source, text, i),
                        "the plan has a control character " + BadValue.quote(Character.toString(codePoint)),
                        "remove it");
                return null;
            }
            i += Character.charCount(codePoint);
        }
        return text;
    }

    /** The place of a character, counted as snakeyaml does: columns in code points. */
    private static Origin place(PlanSource source, CharSequence text, int index) {
        int line = 1;
        int column = 1;
        for (int i = 0; i < index; i++) {
            char c = text.charAt(i);
            if (c == '\n' || (c == '\r' && (i + 1 == text.length() || text.charAt(i + 1) != '\n'))) {
                line++;
                column = 1;
            } else if (!Character.isLowSurrogate(c) && c != '\ufeff') {
                column++;
            }
        }
        return new Origin(BadValue.printable(source.name()), line, column);
    }
}
