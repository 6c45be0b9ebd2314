package io.meshcapture.backend.hosts;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * How lines come in: appended as comments by one write, and when those are on the disk, put in force by one byte each. A
 * reader sees each line whole or not at all, and a full disk cuts off nothing but a comment.
 */
final class Addition {
    private Addition() {}

    /** What is appended to a file that ends as this one does. */
    static String appendix(String content, Collection<OwnLine> lines) {
        StringBuilder appendix = new StringBuilder();
        if (!content.isEmpty() && content.charAt(content.length() - 1) != '\n') {
            String last = content.substring(content.lastIndexOf('\n') + 1);
            appendix.append('\n').append(NewlineMark.below(last)).append('\n');
        }
        for (OwnLine line : lines) {
            appendix.append(line.inert()).append('\n');
        }
        return appendix.toString();
    }

    static List<Edit> of(String content, Collection<OwnLine> lines) {
        String appendix = appendix(content, lines);
        List<Edit> edits = new ArrayList<>();
        edits.add(new Edit.Append(appendix));
        edits.add(new Edit.Sync());
        int at = content.length() + appendix.length();
        List<Edit> flips = new ArrayList<>();
        for (OwnLine line : List.copyOf(lines).reversed()) {
            at -= line.inert().length() + 1;
            flips.add(new Edit.Put(at, String.valueOf(line.first())));
        }
        edits.addAll(flips.reversed());
        edits.add(new Edit.Sync());
        return edits;
    }
}
