package io.meshcapture.plan;

import org.jspecify.annotations.Nullable;

/**
 * An IPv4 or IPv6 address, without a zone.
 *
 * @param family the address family
 * @param high bits 127 to 64 of an IPv6 address, 0 for IPv4
 * @param low bits 63 to 0; an IPv4 address stands in the lowest 32
 */
public record Address(Family family, long high, long low) implements Comparable<Address> {

    /** 127.0.0.1. */
    public static final Address LOOPBACK_IPV4 = ipv4(0x7f000001);

    /** ::1. */
    public static final Address LOOPBACK_IPV6 = new Address(Family.IPV6, 0, 1);

    private static final String MEND =
            "write an IPv4 address such as 192.0.2.10 or an IPv6 address such as 2001:db8::10";

    /**
     * Reads the canonical textual forms: dotted decimal with exactly four parts and no leading zeros (RFC 6943 section
     * 3.1.1 names the others as a source of confusion), and RFC 4291 section 2.2 for IPv6. An IPv4-mapped address
     * (RFC 4291 section 2.5.5.2) becomes the IPv4 address that the kernel sees. Zones are refused.
     */
    public static Address parse(String text) throws BadValue {
        if (text.indexOf('%') >= 0) {
            throw new BadValue(
                    "address " + BadValue.quote(text) + " has a zone",
                    "leave the zone out; link-local is never captured");
        }
        Address address = text.indexOf(':') >= 0 ? parseIpv6(text) : parseIpv4(text);
        if (address == null && hasLeadingZero(text)) {
            throw new BadValue(
                    "address " + BadValue.quote(text) + " has a leading zero, which some read as octal",
                    "write its parts without leading zeros");
        }
        if (address == null) {
            throw new BadValue("address " + BadValue.quote(text) + " is not an IP address", MEND);
        }
        return address;
    }

    public static Address ipv4(int bits) {
        return new Address(Family.IPV4, 0, bits & 0xffffffffL);
    }

    /** Whether it is one of 127.0.0.0/8 (RFC 1122 section 3.2.1.3), or ::1 (RFC 4291 section 2.5.3). */
    public boolean isLoopback() {
        return family == Family.IPV4 ? low >>> 24 == 127 : equals(LOOPBACK_IPV6);
    }

    private static @Nullable Address parseIpv4(String text) {
        long bits = ipv4Bits(text);
        return bits < 0 ? null : new Address(Family.IPV4, 0, bits);
    }

    /** The 32 bits of a dotted decimal address, or -1. */
    private static long ipv4Bits(String text) {
        long bits = 0;
        int parts = 0;
        int value = -1;
        int digits = 0;
        for (int i = 0; i <= text.length(); i++) {
            char c = i == text.length() ? '.' : text.charAt(i);
            if (c >= '0' && c <= '9') {
                if (digits > 0 && value == 0) {
                    return -1; // a leading zero: octal to some readers, decimal to others
                }
                value = digits == 0 ? c - '0' : value * 10 + (c - '0');
                if (++digits > 3 || value > 255) {
                    return -1;
                }
            } else if (c == '.' && digits > 0) {
                bits = bits << 8 | value;
                parts++;
                digits = 0;
                value = -1;
            } else {
                return -1;
            }
        }
        return parts == 4 ? bits : -1;
    }

    /** Whether it would be a dotted decimal address but for zeros. */
    private static boolean hasLeadingZero(String text) {
        StringBuilder without = new StringBuilder();
        boolean start = true;
        for (int i = 0; i < text.length() && text.length() < 40; i++) {
            char c = text.charAt(i);
            boolean more = i + 1 < text.length() && text.charAt(i + 1) != '.';
            if (!(start && c == '0' && more)) {
                without.append(c);
                start = c == '.';
            }
        }
        return without.length() < text.length() && ipv4Bits(without.toString()) >= 0;
    }

    private static @Nullable Address parseIpv6(String text) {
        String groups = text;
        long tail = -1;
        int dot = text.indexOf('.');
        if (dot >= 0) {
            int colon = text.lastIndexOf(':');
            tail = colon > dot ? -1 : ipv4Bits(text.substring(colon + 1));
            if (tail < 0) {
                return null;
            }
            groups =
                    text.substring(0, colon + 1) + Long.toHexString(tail >> 16) + ":" + Long.toHexString(tail & 0xffff);
        }
        int gap = groups.indexOf("::");
        if (gap != groups.lastIndexOf("::") || (gap >= 0 && groups.startsWith(":::", gap))) {
            return null;
        }
        int[] head = hexGroups(gap < 0 ? groups : groups.substring(0, gap));
        int[] rest = gap < 0 ? new int[0] : hexGroups(groups.substring(gap + 2));
        if (head == null || rest == null) {
            return null;
        }
        int given = head.length + rest.length;
        if (gap < 0 ? given != 8 : given > 7) {
            return null;
        }
        int[] all = new int[8];
        System.arraycopy(head, 0, all, 0, head.length);
        System.arraycopy(rest, 0, all, 8 - rest.length, rest.length);
        long high = (long) all[0] << 48 | (long) all[1] << 32 | (long) all[2] << 16 | all[3];
        long low = (long) all[4] << 48 | (long) all[5] << 32 | (long) all[6] << 16 | all[7];
        if (high == 0 && low >>> 32 == 0xffff) {
            return new Address(Family.IPV4, 0, low & 0xffffffffL);
        }
        return new Address(Family.IPV6, high, low);
    }

    private static int @Nullable [] hexGroups(String text) {
        if (text.isEmpty()) {
            return new int[0];
        }
        String[] parts = text.split(":", -1);
        int[] groups = new int[parts.length];
        for (int i = 0; i < parts.length; i++) {
            String part = parts[i];
            if (part.isEmpty() || part.length() > 4) {
                return null;
            }
            for (int k = 0; k < part.length(); k++) {
                int digit = part.charAt(k) < 128 ? Character.digit(part.charAt(k), 16) : -1;
                if (digit < 0) {
                    return null;
                }
                groups[i] = groups[i] << 4 | digit;
            }
        }
        return groups;
    }

    /** Unsigned order within a family; IPv4 before IPv6. */
    @Override
    public int compareTo(Address other) {
        int byFamily = family.compareTo(other.family);
        if (byFamily != 0) {
            return byFamily;
        }
        int byHigh = Long.compareUnsigned(high, other.high);
        return byHigh != 0 ? byHigh : Long.compareUnsigned(low, other.low);
    }

    /** The canonical text: dotted decimal, or RFC 5952 for IPv6 as glibc's inet_ntop prints it. */
    @Override
    public String toString() {
        if (family == Family.IPV4) {
            return (low >> 24) + "." + (low >> 16 & 255) + "." + (low >> 8 & 255) + "." + (low & 255);
        }
        int[] groups = new int[8];
        for (int i = 0; i < 8; i++) {
            groups[i] = (int) ((i < 4 ? high : low) >>> (48 - 16 * (i % 4)) & 0xffff);
        }
        int bestStart = -1;
        int bestLength = 1;
        for (int i = 0; i < 8; i++) {
            int length = 0;
            while (i + length < 8 && groups[i + length] == 0) {
                length++;
            }
            if (length > bestLength) {
                bestStart = i;
                bestLength = length;
            }
        }
        StringBuilder text = new StringBuilder();
        if (bestStart == 0 && bestLength == 6) {
            // IPv4-compatible (RFC 4291 section 2.5.5.1): inet_ntop, and so nft, writes the rest as an IPv4 address
            return "::" + ipv4((int) low);
        }
        for (int i = 0; i < 8; i++) {
            if (i == bestStart) {
                text.append("::");
                i += bestLength - 1;
            } else {
                if (i > 0 && text.charAt(text.length() - 1) != ':') {
                    text.append(':');
                }
                text.append(Integer.toHexString(groups[i]));
            }
        }
        return text.toString();
    }

    // written out: what the compiler makes for records is linked at the first call, 10 ms of every start

    @Override
    public boolean equals(Object other) {
        return other instanceof Address address
                && address.family == family
                && address.high == high
                && address.low == low;
    }

    @Override
    public int hashCode() {
        return Long.hashCode(high * 31 + low);
    }
}
