package io.meshcapture.backend.hosts;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;

/**
 * How lines come off, in place: first by a byte each, which makes comments of them, then their bytes.
 *
 * <p>What stands behind them has to move up, and a reader may look at any moment, between any two bytes of a write, and
 * after a kill for long. So nothing is ever overwritten but comments. The comments that are to go are a gap; into it the
 * lines behind are copied, as part of one long comment, which then gets its newlines, which makes comments of
 * them, and then their first bytes, which puts them in force; each of these is one byte. Only when a line is in force in
 * its new place, its old one becomes a comment, and part of the gap. For that moment the line is there twice, which tells a
 * resolver the same address twice. In the end the gap is the end of the file, and is cut off.
 */
final class Removal {

    /** At most so much moves at once, that the long comment never comes near the 64 KiB at which Go stops reading. */
    private static final int CHUNK = 4096;

    private static final String COMMENT = "#";

    private final Image image;
    private final List<Edit> edits = new ArrayList<>();
    private final Deque<Range> later;
    private int gap;
    private int gapEnd;
    private boolean endedWithoutNewline;

    private Removal(String content, Collection<Range> off) {
        image = new Image(content);
        later = new ArrayDeque<>(off);
    }

    /**
     * The edits that take lines off.
     *
     * @param off the lines, in their order
     * @param newlineToo whether the newline before the last of them goes too; nothing stands behind them then
     */
    static List<Edit> of(String content, List<Range> off, boolean newlineToo) {
        if (off.isEmpty()) {
            return List.of();
        }
        Removal removal = new Removal(content, off);
        removal.takeOutOfForce();
        removal.edits.add(new Edit.Sync());
        removal.close();
        int length = removal.gap - (newlineToo || removal.endedWithoutNewline ? 1 : 0);
        removal.edits.add(new Edit.Truncate(length));
        removal.edits.add(new Edit.Sync());
        return removal.edits;
    }

    private void takeOutOfForce() {
        for (Range range : later) {
            for (int line = range.start(); line < range.end(); line = image.lineEnd(line)) {
                comment(line);
            }
        }
    }

    /** Moves everything that stays out of the gap's way. */
    private void close() {
        Range first = later.removeFirst();
        gap = first.start();
        gapEnd = first.end();
        while (true) {
            Range next = later.peekFirst();
            if (next != null && next.start() == gapEnd) {
                gapEnd = later.removeFirst().end();
            } else if (gapEnd == image.length()) {
                return;
            } else {
                int stays = next == null ? image.length() : next.start();
                int end = linesThatFit(stays);
                if (end > gapEnd) {
                    move(terminated(image.substring(gapEnd, end)), end);
                } else {
                    moveByWayOfTheEnd(image.lineEnd(gapEnd));
                }
            }
        }
    }

    /** How far the lines behind the gap go that fit into it. */
    private int linesThatFit(int limit) {
        int room = Math.min(gapEnd - gap, CHUNK);
        int end = gapEnd;
        while (end < limit) {
            int next = image.lineEnd(end);
            int newline = image.at(next - 1) == '\n' ? 0 : 1;
            if (next - gapEnd + newline > room) {
                break;
            }
            end = next;
        }
        return end;
    }

    /** Only the last line of a file can lack its newline; it has one until the end is cut off. */
    private String terminated(String lines) {
        if (lines.endsWith("\n")) {
            return lines;
        }
        endedWithoutNewline = true;
        return lines + "\n";
    }

    /** Moves lines that fit to the gap's beginning; where they stood belongs to the gap then. */
    private void move(String lines, int end) {
        copy(lines);
        for (int line = gapEnd; line < end; line = image.lineEnd(line)) {
            comment(line);
        }
        gap += lines.length();
        gapEnd = end;
    }

    /** A line that is longer than the gap: a copy in force at the end of the file stands in for it while it moves. */
    private void moveByWayOfTheEnd(int end) {
        String line = terminated(image.substring(gapEnd, end));
        boolean open = image.at(image.length() - 1) != '\n';
        endedWithoutNewline |= open; // whatever stands last gets one now
        int copy = image.length() + (open ? 1 : 0);
        boolean inForce = canBeInForce(line.charAt(0));
        edit(new Edit.Append((open ? "\n" : "") + (inForce ? COMMENT + line.substring(1) : line)));
        edits.add(new Edit.Sync());
        if (inForce) {
            put(copy, line.charAt(0));
        }
        later.addLast(new Range(copy, image.length()));
        int behind = image.lineEnd(gapEnd);
        comment(gapEnd);
        gapEnd = behind;
        copy(line);
        gap += line.length();
        comment(copy);
    }

    /** Writes lines to the gap's beginning and puts them in force there. */
    private void copy(String lines) {
        int length = lines.length();
        int newline = image.lineEnd(gap + length - 1) - 1;
        for (int i = gap; i < newline; i++) {
            if (image.at(i) == '\n') {
                put(i, '#');
            }
        }
        if (gap + length < newline) {
            put(gap + length, '#');
        }
        StringBuilder body = new StringBuilder();
        for (int i = 1; i < length - 1; i++) {
            boolean begins = lines.charAt(i - 1) == '\n';
            body.append(begins || lines.charAt(i) == '\n' ? '#' : lines.charAt(i));
        }
        if (!body.isEmpty()) {
            edit(new Edit.Put(gap + 1, body.toString()));
        }
        for (int i = length - 1; i >= 0; i--) { // from behind: what follows a newline is a comment or another newline
            if (lines.charAt(i) == '\n') {
                put(gap + i, '\n');
            }
        }
        for (int i = 0; i < length; i++) {
            if ((i == 0 || lines.charAt(i - 1) == '\n') && canBeInForce(lines.charAt(i))) {
                put(gap + i, lines.charAt(i));
            }
        }
    }

    private void comment(int line) {
        if (canBeInForce(image.at(line))) {
            put(line, '#');
        }
    }

    private static boolean canBeInForce(char first) {
        return first != '#' && first != '\n';
    }

    private void put(int at, char value) {
        if (image.at(at) != value) {
            edit(new Edit.Put(at, String.valueOf(value)));
        }
    }

    private void edit(Edit edit) {
        image.take(edit);
        edits.add(edit);
    }
}
