package io.meshcapture.system;

import io.meshcapture.ffi.LibC;
import org.jspecify.annotations.Nullable;

/**
 * How much a terminal shows.
 *
 * @param columns 1 or more
 * @param rows 1 or more
 */
public record TerminalSize(int columns, int rows) {
    private static final int STANDARD_OUTPUT = 1;

    /** Where nobody has set them, as on a serial line. */
    private static final int COLUMNS = 80;

    private static final int ROWS = 24;

    /** That of standard output; null where that is none. */
    public static @Nullable TerminalSize ofStandardOutput() {
        short[] size = LibC.load().windowSize(STANDARD_OUTPUT);
        return size == null ? null : new TerminalSize(size[0] > 0 ? size[0] : COLUMNS, size[1] > 0 ? size[1] : ROWS);
    }
}
