package io.meshcapture.plan;

/**
 * A TCP or UDP port.
 *
 * @param number 1 to 65535
 */
public record Port(int number) {

    public Port {
        if (number < 1 || number > 65535) {
            throw new IllegalArgumentException("port " + number);
        }
    }

    /** Reads decimal ASCII digits without sign or leading zero. */
    public static Port parse(String text) throws BadValue {
        return new Port(PortRange.number(text));
    }

    @Override
    public String toString() {
        return Integer.toString(number);
    }

    // written out: what the compiler makes for records is linked at the first call, 10 ms of every start

    @Override
    public boolean equals(Object other) {
        return other instanceof Port that && number == that.number;
    }

    @Override
    public int hashCode() {
        return number;
    }
}
