package io.meshcapture.plan;

/** A text that is not a value of the type it was read as. Whoever knows the place makes a problem of it. */
public final class BadValue extends Exception {
    private static final long serialVersionUID = 1L;

    private static final int SHOWN_LENGTH = 80;

    private final String what;
    private final String mend;

    /**
     * @param what the finding, with the offending value in double quotes
     * @param mend what to write instead
     */
    public BadValue(String what, String mend) {
        // no stack trace: a plan may hold a hundred thousand of them, and nobody looks
        super(what + "; " + mend, null, false, false);
        this.what = what;
        this.mend = mend;
    }

    public String what() {
        return what;
    }

    public String mend() {
        return mend;
    }

    /**
     * The offending text as it may be shown: in double quotes, control characters and quotes escaped, so that a hostile
     * value cannot forge a line of output, and cut after 80 characters.
     */
    public static String quote(String text) {
        StringBuilder shown = new StringBuilder("\"");
        append(shown, text, SHOWN_LENGTH);
        return shown.append('"').toString();
    }

    /** The same without the quotes around it and uncut, for names of files and variables. */
    public static String printable(String text) {
        StringBuilder shown = new StringBuilder();
        append(shown, text, Integer.MAX_VALUE);
        return shown.toString();
    }

    private static void append(StringBuilder shown, String text, int limit) {
        int length = 0;
        for (int i = 0; i < text.length(); ) {
            int codePoint = text.codePointAt(i);
            i += Character.charCount(codePoint);
            if (length++ == limit) {
                shown.append("...");
                return;
            }
            switch (codePoint) {
                case '"' -> shown.append("\\\"");
                case '\\' -> shown.append("\\\\");
                case '\n' -> shown.append("\\n");
                case '\r' -> shown.append("\\r");
                case '\t' -> shown.append("\\t");
                default -> {
                    if (isVisible(codePoint)) {
                        shown.appendCodePoint(codePoint);
                    } else {
                        shown.append("\\u{")
                                .append(Integer.toHexString(codePoint))
                                .append('}');
                    }
                }
            }
        }
    }

    /** Neither a control character nor one that reorders, hides or breaks what is around it. */
    private static boolean isVisible(int codePoint) {
        if (codePoint == ' ') {
            return true;
        }
        return switch (Character.getType(codePoint)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SPACE_SEPARATOR,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED -> false;
            default -> true;
        };
    }
}
