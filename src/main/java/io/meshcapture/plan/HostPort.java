package io.meshcapture.plan;

/**
 * A host, by name or address, and a port.
 *
 * @param host a host name, or an address without brackets
 * @param port the port
 */
public record HostPort(String host, Port port) {

    /** Reads {@code HOST:PORT}; an IPv6 address stands in brackets. */
    public static HostPort parse(String text) throws BadValue {
        return parse(text, "write HOST:PORT, such as 127.0.0.1:9901 or [::1]:9901");
    }

    /**
     * Likewise.
     *
     * @param mend what to write where it is none
     */
    public static HostPort parse(String text, String mend) throws BadValue {
        int colon = text.lastIndexOf(':');
        if (colon <= 0) {
            throw new BadValue("address " + BadValue.quote(text) + " is not HOST:PORT", mend);
        }
        String host = text.substring(0, colon);
        Port port = Port.parse(text.substring(colon + 1));
        if (host.startsWith("[") && host.endsWith("]")) {
            if (host.indexOf(':') < 0) {
                throw new BadValue(
                        "address " + BadValue.quote(text) + " has brackets around something other than an IPv6 address",
                        mend);
            }
            return new HostPort(
                    Address.parse(host.substring(1, host.length() - 1)).toString(), port);
        }
        if (host.indexOf(':') >= 0) {
            throw new BadValue("address " + BadValue.quote(text) + " has an IPv6 address without brackets", mend);
        }
        boolean numeric = PortRange.isDecimal(host.replace(".", "")) || host.equals(".");
        return new HostPort(
                numeric ? Address.parse(host).toString() : HostName.parse(host).value(), port);
    }

    /** Whether the host is an address: no name has a colon or ends in a label of digits (RFC 1123 section 2.1). */
    public boolean isAddress() {
        return host.indexOf(':') >= 0 || PortRange.isDecimal(host.substring(host.lastIndexOf('.') + 1));
    }

    @Override
    public String toString() {
        return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
}
