package io.meshcapture.backend.hosts;

import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.LoopbackAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A hosts file as bytes, of which we know our own lines by their tags. A byte is a character (ISO 8859-1) and a line ends
 * at a line feed, whatever else is in it: carriage returns, NULs and broken UTF-8 are other people's and stay.
 */
final class HostsFile {

    /** What a line with a tag of ours is. */
    enum Kind {
        /** In force, byte for byte as we write it. */
        LIVE,
        /** As we write it, but a comment: the trace of a change that did not come to its end. */
        INERT,
        /** A {@link NewlineMark}. */
        NEWLINE,
        /** Tagged ours and no longer as we write it: somebody's edit, which is not ours to take away. */
        EDITED
    }

    /**
     * A line with a tag of ours.
     *
     * @param number from 1
     * @param start of its first byte
     * @param end behind its newline, or the end of the file
     * @param line what it says, or null where it is edited or a mark
     * @param service whose it is, as far as it says so
     */
    record Tagged(
            int number,
            int start,
            int end,
            Kind kind,
            @Nullable OwnLine line,
            @Nullable ServiceName service) {}

    /** In every line of ours. */
    private static final String MARK = "# meshcapture ";

    private final String content;
    private final List<Tagged> tagged;
    private @Nullable Map<ServiceName, Set<OwnLine>> inForce;

    private HostsFile(String content, List<Tagged> tagged) {
        this.content = content;
        this.tagged = tagged;
    }

    static HostsFile parse(String content) {
        List<Tagged> tagged = new ArrayList<>();
        int number = 0;
        int mark = content.indexOf(MARK);
        for (int start = 0; start < content.length(); ) {
            int newline = content.indexOf('\n', start);
            int textEnd = newline < 0 ? content.length() : newline;
            int end = newline < 0 ? content.length() : newline + 1;
            number++;
            if (mark >= 0 && mark < start) {
                mark = content.indexOf(MARK, start);
            }
            if (mark < 0) {
                break;
            }
            if (mark < textEnd) {
                add(tagged, number, start, end, content.substring(start, textEnd), newline >= 0);
            }
            start = end;
        }
        return new HostsFile(content, List.copyOf(tagged));
    }

    private static void add(List<Tagged> tagged, int number, int start, int end, String text, boolean terminated) {
        OwnLine line = terminated ? OwnLine.parse(text) : null;
        if (line != null) {
            Kind kind = text.charAt(0) == OwnLine.INERT ? Kind.INERT : Kind.LIVE;
            tagged.add(new Tagged(number, start, end, kind, line, line.service()));
        } else if (NewlineMark.is(text) && terminated) {
            tagged.add(new Tagged(number, start, end, Kind.NEWLINE, null, null));
        } else if (text.contains(OwnLine.TAG)) {
            tagged.add(new Tagged(number, start, end, Kind.EDITED, null, OwnLine.service(text)));
        }
    }

    String content() {
        return content;
    }

    /** Our lines in their order. */
    List<Tagged> tagged() {
        return tagged;
    }

    List<Tagged> tagged(Kind kind) {
        return tagged.stream().filter(line -> line.kind() == kind).toList();
    }

    /** The text of a line without its newline. */
    String text(Tagged line) {
        boolean terminated = content.charAt(line.end() - 1) == '\n';
        return content.substring(line.start(), terminated ? line.end() - 1 : line.end());
    }

    /** What each service has in force, in the order of the lines; found once, since there may be ten thousand services. */
    private Map<ServiceName, Set<OwnLine>> inForce() {
        Map<ServiceName, Set<OwnLine>> found = inForce;
        if (found == null) {
            found = new LinkedHashMap<>();
            for (Tagged line : tagged) {
                if (line.kind() == Kind.LIVE && line.line() != null) {
                    found.computeIfAbsent(line.line().service(), _ -> new LinkedHashSet<>())
                            .add(line.line());
                }
            }
            inForce = found;
        }
        return found;
    }

    /** The services that have lines in force, by name. */
    SortedSet<ServiceName> services() {
        return new TreeSet<>(inForce().keySet());
    }

    /** What a service has in force. */
    Set<OwnLine> live(ServiceName service) {
        return inForce().getOrDefault(service, Set.of());
    }

    /** Lines in force that stand there once before. */
    Set<Tagged> doubled() {
        Set<OwnLine> seen = new HashSet<>();
        Set<Tagged> doubled = new HashSet<>();
        for (Tagged line : tagged) {
            if (line.kind() == Kind.LIVE && line.line() != null && !seen.add(line.line())) {
                doubled.add(line);
            }
        }
        return doubled;
    }

    /** The address that each service has in force; the first one where somebody doubled it. */
    Map<ServiceName, LoopbackAddress> addresses() {
        Map<ServiceName, LoopbackAddress> addresses = new LinkedHashMap<>();
        inForce()
                .forEach((service, lines) ->
                        addresses.put(service, lines.iterator().next().address()));
        return addresses;
    }

    /** What a line of somebody else's, in force, says. */
    interface Reader {
        /**
         * Takes a line.
         *
         * @param number of the line, from 1
         * @param text of the line without newline
         * @param words of it before any comment: an address and names
         */
        void line(int number, String text, List<String> words);
    }

    /** Goes through every line in force that is not ours, edited ones included. */
    void foreign(Reader reader) {
        int number = 0;
        int next = 0;
        for (int start = 0; start < content.length(); ) {
            int newline = content.indexOf('\n', start);
            int textEnd = newline < 0 ? content.length() : newline;
            number++;
            boolean ours = false;
            if (next < tagged.size() && tagged.get(next).start() == start) {
                ours = tagged.get(next++).kind() != Kind.EDITED;
            }
            if (!ours && content.charAt(start) != '#' && start < textEnd) {
                List<String> words = words(start, textEnd);
                if (words.size() > 1) {
                    reader.line(number, content.substring(start, textEnd), words);
                }
            }
            start = newline < 0 ? content.length() : newline + 1;
        }
    }

    /** Split as resolvers do: at blanks, carriage returns, vertical tabs and form feeds. */
    private List<String> words(int start, int end) {
        List<String> words = new ArrayList<>();
        int from = -1;
        for (int i = start; i <= end; i++) {
            char c = i == end ? '#' : content.charAt(i);
            boolean separates = c == '#' || c == ' ' || (c >= '\t' && c <= '\r');
            if (separates && from >= 0) {
                words.add(content.substring(from, i));
                from = -1;
            } else if (!separates && from < 0) {
                from = i;
            }
            if (c == '#') {
                break;
            }
        }
        return words;
    }

    /** Where the lines stand that come off together: those that fit, and the marks that nothing of ours follows then. */
    List<Range> ranges(Predicate<Tagged> some) {
        List<Range> ranges = new ArrayList<>();
        for (int i = 0; i < tagged.size(); i++) {
            Tagged line = tagged.get(i);
            boolean off =
                    line.kind() == Kind.NEWLINE ? isLeftAlone(i, some) : line.kind() != Kind.EDITED && some.test(line);
            if (off) {
                ranges.add(new Range(line.start(), line.end()));
            }
        }
        return ranges;
    }

    /** A mark belongs to the lines of ours that follow it without a gap. */
    private boolean isLeftAlone(int mark, Predicate<Tagged> off) {
        int end = tagged.get(mark).end();
        for (Tagged line : tagged.subList(mark + 1, tagged.size())) {
            if (line.start() != end || line.kind() == Kind.EDITED || line.kind() == Kind.NEWLINE) {
                return true;
            }
            if (!off.test(line)) {
                return false;
            }
            end = line.end();
        }
        return true;
    }

    /**
     * Whether the newline before a mark is to go with it: it was added to the line that still stands there, and nothing
     * follows but what goes too.
     */
    boolean takesNewlineBack(List<Range> off) {
        if (off.isEmpty()) {
            return false;
        }
        int end = content.length();
        for (Range range : off.reversed()) {
            if (range.end() != end) {
                return false;
            }
            end = range.start();
            if (isMarkOfLineAbove(range)) {
                return true;
            }
        }
        return false;
    }

    private boolean isMarkOfLineAbove(Range range) {
        if (range.start() == 0) {
            return false;
        }
        int above = content.lastIndexOf('\n', range.start() - 2) + 1;
        String text = content.substring(range.start(), range.end() - 1);
        return text.equals(NewlineMark.below(content.substring(above, range.start() - 1)));
    }
}
