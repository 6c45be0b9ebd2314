package io.meshcapture.plan;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.StringJoiner;

/**
 * A set of ports, kept as ranges in ascending order that neither overlap nor touch.
 *
 * @param ranges the ranges
 */
public record Ports(List<PortRange> ranges) {

    public static final Ports ALL = new Ports(List.of(PortRange.ALL));
    public static final Ports NONE = new Ports(List.of());

    public Ports {
        ranges = merged(ranges);
    }

    /** Reads {@code N}, {@code N-M} or a comma list of them. */
    public static Ports parse(String text) throws BadValue {
        List<PortRange> ranges = new ArrayList<>();
        for (String part : text.split(",", -1)) {
            if (part.isEmpty()) {
                throw new BadValue(
                        "port list " + BadValue.quote(text) + " has an empty item",
                        "write ports and ranges with single commas, such as 80,8000-8100");
            }
            ranges.add(PortRange.parse(part));
        }
        return new Ports(ranges);
    }

    private static List<PortRange> merged(List<PortRange> ranges) {
        if (ranges.size() < 2) {
            return List.copyOf(ranges);
        }
        List<PortRange> result = new ArrayList<>();
        List<PortRange> sorted = new ArrayList<>(ranges);
        Collections.sort(sorted);
        for (PortRange next : sorted) {
            PortRange previous = result.isEmpty() ? null : result.getLast();
            if (previous != null && next.first() <= previous.last() + 1) {
                result.removeLast();
                result.add(new PortRange(previous.first(), Math.max(previous.last(), next.last())));
            } else {
                result.add(next);
            }
        }
        return List.copyOf(result);
    }

    public boolean isEmpty() {
        return ranges.isEmpty();
    }

    public boolean isAll() {
        return ranges.size() == 1
                && ranges.getFirst().first() == 0
                && ranges.getFirst().last() == 65535;
    }

    public boolean contains(int port) {
        for (PortRange range : ranges) {
            if (range.contains(port)) {
                return true;
            }
        }
        return false;
    }

    public boolean overlaps(Ports other) {
        for (PortRange mine : ranges) {
            for (PortRange theirs : other.ranges) {
                if (mine.overlaps(theirs)) {
                    return true;
                }
            }
        }
        return false;
    }

    public Ports plus(Ports other) {
        List<PortRange> all = new ArrayList<>(ranges);
        all.addAll(other.ranges);
        return new Ports(all);
    }

    /** The ports of this set that are not in the other. */
    public Ports minus(Ports other) {
        List<PortRange> left = ranges;
        for (PortRange hole : other.ranges) {
            List<PortRange> next = new ArrayList<>();
            for (PortRange range : left) {
                if (!range.overlaps(hole)) {
                    next.add(range);
                    continue;
                }
                if (range.first() < hole.first()) {
                    next.add(new PortRange(range.first(), hole.first() - 1));
                }
                if (range.last() > hole.last()) {
                    next.add(new PortRange(hole.last() + 1, range.last()));
                }
            }
            left = next;
        }
        return new Ports(left);
    }

    @Override
    public String toString() {
        StringJoiner text = new StringJoiner(",");
        for (PortRange range : ranges) {
            text.add(range.toString());
        }
        return text.toString();
    }

    // written out: what the compiler makes for records is linked at the first call, 10 ms of every start

    @Override
    public boolean equals(Object other) {
        return other instanceof Ports ports && ports.ranges.equals(ranges);
    }

    @Override
    public int hashCode() {
        return ranges.hashCode();
    }
}
