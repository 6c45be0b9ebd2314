package io.meshcapture.plan;

/** A text that is not a value of the type it was read as. Whoever knows the place makes a problem of it. */
public final class BadValue extends Exception {
    private static final long serialVersionUID = 1L;

    private final String what;
    private final String mend;

    /**
     * @param what the finding, with the offending value in double quotes
     * @param mend what to write instead
     */
    public BadValue(String what, String mend) {
        super(what + "; " + mend);
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
        int length = 0;
        for (int codePoint : text.codePoints().toArray()) {
            if (length++ == 80) {
                shown.append("...");
                break;
            }
            switch (codePoint) {
                case '"' -> shown.append("\\\"");
                case '\\' -> shown.append("\\\\");
                case '\n' -> shown.append("\\n");
                case '\r' -> shown.append("\\r");
                case '\t' -> shown.append("\\t");
                default -> {
                    if (codePoint < 0x20 || (codePoint >= 0x7f && codePoint < 0xa0) || isInvisible(codePoint)) {
                        shown.append("\\u{")
                                .append(Integer.toHexString(codePoint))
                                .append('}');
                    } else {
                        shown.appendCodePoint(codePoint);
                    }
                }
            }
        }
        return shown.append('"').toString();
    }

    private static boolean isInvisible(int codePoint) {
        int type = Character.getType(codePoint);
        return type == Character.FORMAT || type == Character.LINE_SEPARATOR || type == Character.PARAGRAPH_SEPARATOR;
    }
}
