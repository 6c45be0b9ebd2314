package io.meshcapture.golden;

import java.util.ArrayList;
import java.util.List;

/** Two texts in the manner of {@code diff -U2}, good enough to read. */
final class TextDifference {

    private static final int AROUND = 2;

    private TextDifference() {}

    static String between(String expected, String actual) {
        List<String> before = expected.lines().toList();
        List<String> after = actual.lines().toList();
        // lengths of the longest common subsequences of the rests
        int[][] common = new int[before.size() + 1][after.size() + 1];
        for (int i = before.size() - 1; i >= 0; i--) {
            for (int k = after.size() - 1; k >= 0; k--) {
                common[i][k] = before.get(i).equals(after.get(k))
                        ? common[i + 1][k + 1] + 1
                        : Math.max(common[i + 1][k], common[i][k + 1]);
            }
        }
        List<String> lines = new ArrayList<>();
        int i = 0;
        int k = 0;
        while (i < before.size() || k < after.size()) {
            if (i < before.size() && k < after.size() && before.get(i).equals(after.get(k))) {
                lines.add("  " + before.get(i++));
                k++;
            } else if (k == after.size() || (i < before.size() && common[i + 1][k] >= common[i][k + 1])) {
                lines.add("- " + before.get(i++));
            } else {
                lines.add("+ " + after.get(k++));
            }
        }
        return onlyAroundChanges(lines);
    }

    private static String onlyAroundChanges(List<String> lines) {
        StringBuilder text = new StringBuilder();
        boolean skipped = false;
        for (int i = 0; i < lines.size(); i++) {
            boolean near = lines.subList(Math.max(0, i - AROUND), Math.min(lines.size(), i + AROUND + 1)).stream()
                    .anyMatch(line -> !line.startsWith("  "));
            if (near) {
                text.append(skipped ? "  ...\n" : "").append(lines.get(i)).append('\n');
            }
            skipped = !near;
        }
        return text.isEmpty() ? "(only line ends differ)\n" : text.toString();
    }
}
