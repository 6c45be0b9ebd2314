package io.meshcapture.plan;

/**
 * Ports from first to last, both included.
 *
 * @param first 0 to 65535; 0 only in {@link #ALL} and in what is left over of it
 * @param last first to 65535
 */
public record PortRange(int first, int last) implements Comparable<PortRange> {

    /** Every value of the 16 bits, 0 included, so that no packet falls beside it. */
    public static final PortRange ALL = new PortRange(0, 65535);

    private static final String MEND = "write a port or a range such as 8000-8100";

    public PortRange {
        if (first < 0 || last > 65535 || first > last) {
            throw new IllegalArgumentException("ports " + first + "-" + last);
        }
    }

    /** Reads {@code N} or {@code N-M}. */
    public static PortRange parse(String text) throws BadValue {
        int dash = text.indexOf('-');
        if (dash < 0) {
            int port = number(text);
            return new PortRange(port, port);
        }
        if (dash == 0 || dash == text.length() - 1) {
            throw new BadValue("port range " + BadValue.quote(text) + " lacks an end", MEND);
        }
        int first = number(text.substring(0, dash));
        int last = number(text.substring(dash + 1));
        if (first > last) {
            throw new BadValue("port range " + BadValue.quote(text) + " runs backwards", "write " + last + "-" + first);
        }
        return new PortRange(first, last);
    }

    static int number(String text) throws BadValue {
        if (text.isEmpty()) {
            throw new BadValue("port \"\" is empty", MEND);
        }
        if (!isDecimal(text)) {
            throw new BadValue("port " + BadValue.quote(text) + " is not a decimal number", MEND);
        }
        if (text.length() > 1 && text.charAt(0) == '0') {
            throw new BadValue("port " + BadValue.quote(text) + " has a leading zero, which some read as octal", MEND);
        }
        int port = text.length() > 5 ? 65536 : Integer.parseInt(text);
        if (port < 1 || port > 65535) {
            throw new BadValue("port " + BadValue.quote(text) + " is out of range (1-65535)", MEND);
        }
        return port;
    }

    /** Whether it is nothing but ASCII digits; Character.isDigit() and Integer.parseInt() take those of every script. */
    static boolean isDecimal(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < '0' || c > '9') {
                return false;
            }
        }
        return !text.isEmpty();
    }

    public boolean contains(int port) {
        return first <= port && port <= last;
    }

    public boolean overlaps(PortRange other) {
        return first <= other.last && other.first <= last;
    }

    @Override
    public int compareTo(PortRange other) {
        int byFirst = Integer.compare(first, other.first);
        return byFirst != 0 ? byFirst : Integer.compare(last, other.last);
    }

    @Override
    public String toString() {
        return first == last ? Integer.toString(first) : first + "-" + last;
    }

    // written out: what the compiler makes for records is linked at the first call, 10 ms of every start

    @Override
    public boolean equals(Object other) {
        return other instanceof PortRange range && range.first == first && range.last == last;
    }

    @Override
    public int hashCode() {
        return first << 16 | last;
    }
}
