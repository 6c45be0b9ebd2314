package io.meshcapture.plan;

import java.util.regex.Pattern;

/**
 * The name of a service: a DNS label (RFC 1123 section 2.1) in lower case of at most 40 characters.
 *
 * @param value the name
 */
public record ServiceName(String value) implements Comparable<ServiceName> {

    private static final Pattern LABEL = Pattern.compile("[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?");

    public ServiceName {
        if (!LABEL.matcher(value).matches()) {
            throw new IllegalArgumentException(value);
        }
    }

    public static ServiceName parse(String text) throws BadValue {
        if (!LABEL.matcher(text).matches()) {
            throw new BadValue(
                    "service name " + BadValue.quote(text) + " is not a DNS label",
                    "write 1 to 40 of a-z, 0-9 and -, with a letter or digit first and last");
        }
        return new ServiceName(text);
    }

    @Override
    public int compareTo(ServiceName other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value;
    }

    // written out: what the compiler makes for records is linked at the first call, 10 ms of every start

    @Override
    public boolean equals(Object other) {
        return other instanceof ServiceName name && name.value.equals(value);
    }

    @Override
    public int hashCode() {
        return value.hashCode();
    }
}
