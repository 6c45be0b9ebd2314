package io.meshcapture.verbs;

import io.meshcapture.system.TerminalSize;
import org.jspecify.annotations.Nullable;

/**
 * The terminal that results are shown on.
 *
 * @param columns 1 or more
 * @param rows 1 or more
 */
public record Screen(int columns, int rows) {

    /** That of standard output; null where results go to a file or to another program. */
    public static @Nullable Screen ofResults() {
        TerminalSize size = TerminalSize.ofStandardOutput();
        return size == null ? null : new Screen(size.columns(), size.rows());
    }
}
