package io.meshcapture.backend.hosts;

/** What a file holds after edits. */
final class Image {
    private final StringBuilder bytes;

    Image(String content) {
        bytes = new StringBuilder(content);
    }

    void take(Edit edit) {
        switch (edit) {
            case Edit.Append(String text) -> bytes.append(text);
            case Edit.Put(int at, String text) -> {
                for (int i = 0; i < text.length(); i++) { // not replace, which copies everything behind
                    bytes.setCharAt(at + i, text.charAt(i));
                }
            }
            case Edit.Truncate(int length) -> bytes.setLength(length);
            case Edit.Sync() -> {}
        }
    }

    int length() {
        return bytes.length();
    }

    char at(int index) {
        return bytes.charAt(index);
    }

    /** Behind the newline of the line that an index lies in, or the end of the file. */
    int lineEnd(int index) {
        for (int i = index; i < bytes.length(); i++) {
            if (bytes.charAt(i) == '\n') {
                return i + 1;
            }
        }
        return bytes.length();
    }

    String substring(int start, int end) {
        return bytes.substring(start, end);
    }

    @Override
    public String toString() {
        return bytes.toString();
    }
}
