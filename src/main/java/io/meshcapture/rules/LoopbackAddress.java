package io.meshcapture.rules;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.ServiceName;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The address of a service that is captured by name: one out of 127.66.0.0/16. All of 127.0.0.0/8 is local without any
 * configuration (RFC 1122 section 3.2.1.3), also where there is no route at all, and each service needs one of its own,
 * since the address is all that tells its connections from another's.
 *
 * @param third the third byte, 0 to 255
 * @param fourth the fourth byte, 1 to 254: programs take .0 and .255 for a network and a broadcast
 */
public record LoopbackAddress(int third, int fourth) implements Comparable<LoopbackAddress> {
    /** How every one of them begins. */
    public static final String PREFIX = "127.66.";

    private static final int FOURTHS = 254;

    /** How many there are. */
    public static final int COUNT = 256 * FOURTHS;

    public LoopbackAddress {
        if (third < 0 || third > 255 || fourth < 1 || fourth > FOURTHS) {
            throw new IllegalArgumentException(third + "." + fourth);
        }
    }

    private static LoopbackAddress numbered(int number) {
        return new LoopbackAddress(number / FOURTHS, 1 + number % FOURTHS);
    }

    /** The address that a text spells, as {@link #toString} does and in no other way; null for any other text. */
    public static @Nullable LoopbackAddress parse(String text) {
        if (!text.startsWith(PREFIX)) {
            return null;
        }
        int dot = text.indexOf('.', PREFIX.length());
        if (dot < 0) {
            return null;
        }
        int third = number(text.substring(PREFIX.length(), dot));
        int fourth = number(text.substring(dot + 1));
        return third < 0 || fourth < 1 || fourth > FOURTHS ? null : new LoopbackAddress(third, fourth);
    }

    private static int number(String digits) {
        if (digits.isEmpty() || digits.length() > 3 || (digits.length() > 1 && digits.charAt(0) == '0')) {
            return -1;
        }
        int number = 0;
        for (int i = 0; i < digits.length(); i++) {
            int digit = digits.charAt(i) - '0';
            if (digit < 0 || digit > 9) {
                return -1;
            }
            number = number * 10 + digit;
        }
        return number > 255 ? -1 : number;
    }

    /**
     * An address for each service. One that has an address keeps it. The others take what their names come to, or the next
     * that is free, so that a plan gives the same addresses on every host, and a service more or less moves no other.
     *
     * @param services in the order in which they choose
     * @param standing the addresses that services have already
     * @param taken addresses that somebody else uses
     * @throws IllegalArgumentException where there are more services than addresses
     */
    public static Map<ServiceName, LoopbackAddress> allot(
            Collection<ServiceName> services,
            Map<ServiceName, LoopbackAddress> standing,
            Collection<LoopbackAddress> taken) {
        Set<LoopbackAddress> used = new HashSet<>(taken);
        used.addAll(standing.values());
        if (services.size() + used.size() > COUNT) {
            throw new IllegalArgumentException(services.size() + " services");
        }
        Map<ServiceName, LoopbackAddress> allotted = new LinkedHashMap<>();
        for (ServiceName service : services) {
            LoopbackAddress address = standing.get(service);
            if (address == null) {
                int number = (int) Long.remainderUnsigned(Fnv.hash(service.value()), COUNT);
                while (!used.add(numbered(number))) {
                    number = (number + 1) % COUNT;
                }
                address = numbered(number);
            }
            allotted.put(service, address);
        }
        return allotted;
    }

    /** As an address of the plan. */
    public Address address() {
        try {
            return Address.parse(toString());
        } catch (BadValue e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public int compareTo(LoopbackAddress other) {
        return third == other.third ? Integer.compare(fourth, other.fourth) : Integer.compare(third, other.third);
    }

    @Override
    public String toString() {
        return PREFIX + third + "." + fourth;
    }

    // written out: what the compiler makes for records is linked at the first call, 10 ms of every start

    @Override
    public boolean equals(Object other) {
        return other instanceof LoopbackAddress that && third == that.third && fourth == that.fourth;
    }

    @Override
    public int hashCode() {
        return third * 256 + fourth;
    }
}
