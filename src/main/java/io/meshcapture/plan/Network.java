package io.meshcapture.plan;

/**
 * A set of addresses that share a prefix. Host bits are cleared: {@code 10.1.2.3/8} is {@code 10.0.0.0/8}.
 *
 * @param base the first address
 * @param prefix length of the prefix in bits, 0 to 32 or 128
 */
public record Network(Address base, int prefix) implements Comparable<Network> {

    public static final Network ALL_IPV4 = new Network(new Address(Family.IPV4, 0, 0), 0);
    public static final Network ALL_IPV6 = new Network(new Address(Family.IPV6, 0, 0), 0);

    public Network {
        if (prefix < 0 || prefix > base.family().bits()) {
            throw new IllegalArgumentException("prefix " + prefix);
        }
        base = new Address(
                base.family(),
                base.high() & highMask(base.family(), prefix),
                base.low() & lowMask(base.family(), prefix));
    }

    /** Every address of a family. */
    public static Network all(Family family) {
        return family == Family.IPV4 ? ALL_IPV4 : ALL_IPV6;
    }

    /** Reads {@code ADDRESS} or {@code ADDRESS/PREFIX}. */
    public static Network parse(String text) throws BadValue {
        int slash = text.indexOf('/');
        if (slash < 0) {
            Address address = Address.parse(text);
            return new Network(address, address.family().bits());
        }
        Address address = Address.parse(text.substring(0, slash));
        String digits = text.substring(slash + 1);
        int bits = address.family().bits();
        if (address.family() == Family.IPV4 && text.indexOf(':') >= 0) {
            throw new BadValue(
                    "network " + BadValue.quote(text) + " is an IPv4-mapped IPv6 network",
                    "write it as an IPv4 network such as 10.0.0.0/8");
        }
        if (digits.isEmpty()
                || digits.length() > 3
                || !PortRange.isDecimal(digits)
                || (digits.length() > 1 && digits.charAt(0) == '0')
                || Integer.parseInt(digits) > bits) {
            throw new BadValue(
                    "prefix " + BadValue.quote(digits) + " of " + BadValue.quote(text) + " is not a number from 0 to "
                            + bits,
                    "write a prefix length such as " + (bits == 32 ? "10.0.0.0/8" : "fd00::/8"));
        }
        return new Network(address, Integer.parseInt(digits));
    }

    public Family family() {
        return base.family();
    }

    public boolean contains(Address address) {
        return address.family() == family()
                && (address.high() & highMask(family(), prefix)) == base.high()
                && (address.low() & lowMask(family(), prefix)) == base.low();
    }

    public boolean contains(Network other) {
        return prefix <= other.prefix && contains(other.base);
    }

    /** The network of {@code length} bits that this one lies in; {@code length} is at most this prefix. */
    public Network widened(int length) {
        return new Network(base, length);
    }

    /** The first half of it; its prefix is shorter than an address. */
    public Network lowerHalf() {
        return new Network(base, prefix + 1);
    }

    /** The second half of it; its prefix is shorter than an address. */
    public Network upperHalf() {
        return new Network(new Network(last(), prefix + 1).base(), prefix + 1);
    }

    /** The last address. */
    public Address last() {
        return new Address(
                family(),
                family() == Family.IPV4 ? 0 : base.high() | ~highMask(family(), prefix),
                base.low() | (~lowMask(family(), prefix) & (family() == Family.IPV4 ? 0xffffffffL : -1L)));
    }

    private static long highMask(Family family, int prefix) {
        if (family == Family.IPV4 || prefix == 0) {
            return 0;
        }
        return prefix >= 64 ? -1L : -1L << (64 - prefix);
    }

    private static long lowMask(Family family, int prefix) {
        if (family == Family.IPV4) {
            return prefix == 0 ? 0 : 0xffffffffL << (32 - prefix) & 0xffffffffL;
        }
        return prefix <= 64 ? 0 : -1L << (128 - prefix);
    }

    /** By address, wider networks first. */
    @Override
    public int compareTo(Network other) {
        int byBase = base.compareTo(other.base);
        return byBase != 0 ? byBase : Integer.compare(prefix, other.prefix);
    }

    /** The canonical text; a network of one address is written as the address. */
    @Override
    public String toString() {
        return prefix == family().bits() ? base.toString() : base + "/" + prefix;
    }

    // written out: what the compiler makes for records is linked at the first call, 10 ms of every start

    @Override
    public boolean equals(Object other) {
        return other instanceof Network network && network.prefix == prefix && network.base.equals(base);
    }

    @Override
    public int hashCode() {
        return base.hashCode() * 31 + prefix;
    }
}
