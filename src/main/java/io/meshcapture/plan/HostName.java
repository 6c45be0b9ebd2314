package io.meshcapture.plan;

import java.util.Locale;
import java.util.regex.Pattern;

/**
 * A host name in lower case without a trailing dot (RFC 1123 section 2.1); underscores are let through, since resolvers
 * do the same.
 *
 * @param value the name
 */
public record HostName(String value) {
    private static final Pattern HEXADECIMAL = Pattern.compile("0x[0-9a-f]*");

    public HostName {
        for (int i = 0; i < value.length(); i++) {
            // once more, since it is written into a file that a blank or a newline would make another of
            if (value.charAt(i) <= ' ' || value.charAt(i) >= 127 || value.charAt(i) == '#') {
                throw new IllegalArgumentException(value);
            }
        }
    }

    public static HostName parse(String text) throws BadValue {
        String mend = "write a name such as payments.internal";
        if (text.startsWith("*")) {
            throw new BadValue(
                    "host name " + BadValue.quote(text) + " is a wildcard, which a hosts file cannot hold",
                    "write every name that clients use");
        }
        // before lower case, which makes a k of the Kelvin sign
        if (!isAscii(text)) {
            throw HostLabel.notAscii(text);
        }
        if (text.endsWith(".")) {
            throw new BadValue(
                    "host name " + BadValue.quote(text) + " ends with a dot",
                    "write it without: the dotted form is the way past the capture");
        }
        if (text.length() > 253) {
            throw new BadValue("host name " + BadValue.quote(text) + " has more than 253 characters", mend);
        }
        String name = text.toLowerCase(Locale.ROOT);
        String[] labels = name.split("\\.", -1);
        for (String label : labels) {
            String mistake = HostLabel.mistake(label);
            if (mistake != null) {
                throw new BadValue("host name " + BadValue.quote(text) + " " + mistake, mend);
            }
        }
        if (isNumber(labels[labels.length - 1])) {
            throw new BadValue("host name " + BadValue.quote(text) + " reads as an address", mend);
        }
        return new HostName(name);
    }

    /** As inet_aton(3) reads one, which resolvers ask before any file. */
    private static boolean isNumber(String label) {
        return PortRange.isDecimal(label) || HEXADECIMAL.matcher(label).matches();
    }

    private static boolean isAscii(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) > 127) {
                return false;
            }
        }
        return true;
    }

    @Override
    public String toString() {
        return value;
    }

    // written out: what the compiler makes for records is linked at the first call, 10 ms of every start

    @Override
    public boolean equals(Object other) {
        return other instanceof HostName that && value.equals(that.value);
    }

    @Override
    public int hashCode() {
        return value.hashCode();
    }
}
