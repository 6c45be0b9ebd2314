package io.meshcapture.backend.hosts;

/**
 * A comment of ours that says: the newline before this line is ours too, because the file ended without one. It names the
 * line that it was added to by a hash, so that the newline is taken back only from that line.
 */
final class NewlineMark {
    private static final String TEXT = "# meshcapture ended the line above v=1 k=";

    private NewlineMark() {}

    /** Its text without newline. */
    static String below(String lineAbove) {
        return TEXT + OwnLine.check(lineAbove);
    }

    /** Whether a text without newline is one, below whatever line. */
    static boolean is(String text) {
        return text.startsWith(TEXT) && text.length() == TEXT.length() + 8;
    }
}
