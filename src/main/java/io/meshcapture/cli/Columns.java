package io.meshcapture.cli;

import java.io.PrintWriter;
import java.util.Arrays;
import java.util.List;

/** A table whose columns are as wide as what stands in them. */
final class Columns {
    private Columns() {}

    static void print(List<List<String>> rows, PrintWriter out) {
        int[] widths = widths(rows);
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < row.size(); i++) {
                line.append(row.get(i));
                if (i < row.size() - 1) {
                    line.append(" ".repeat(widths[i] - row.get(i).length() + 2));
                }
            }
            out.println(line);
        }
    }

    /** How wide it is. */
    static int width(List<List<String>> rows) {
        int[] widths = widths(rows);
        return Arrays.stream(widths).sum() + 2 * (widths.length - 1);
    }

    private static int[] widths(List<List<String>> rows) {
        int[] widths = new int[rows.getFirst().size()];
        for (List<String> row : rows) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        return widths;
    }
}
