package io.meshcapture.plan;

import java.util.regex.Pattern;

/**
 * The name of a network interface, or a prefix of names that ends in {@code *}.
 *
 * @param value the name
 */
public record InterfaceName(String value) {

    /**
     * IFNAMSIZ is 16 with the final NUL. The kernel's dev_valid_name() refuses slash, colon and white space; this
     * refuses more, a leading dash too, which commands take for an option.
     */
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_.@-]{1,15}|[A-Za-z0-9_.@-]{1,14}\\*");

    public static InterfaceName parse(String text) throws BadValue {
        if (!NAME.matcher(text).matches() || text.startsWith("-") || text.equals(".") || text.equals("..")) {
            throw new BadValue(
                    "interface " + BadValue.quote(text) + " is not the name of an interface",
                    "write 1 to 15 of letters, digits and _ . @ -, such as eth0, or a prefix such as veth*");
        }
        return new InterfaceName(text);
    }

    /** Whether that interface is meant. */
    public boolean names(String device) {
        return value.endsWith("*") ? device.startsWith(value.substring(0, value.length() - 1)) : device.equals(value);
    }

    @Override
    public String toString() {
        return value;
    }
}
