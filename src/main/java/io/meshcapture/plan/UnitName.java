package io.meshcapture.plan;

import java.util.regex.Pattern;

/**
 * The name of a systemd unit that has a control group of its own (systemd.unit(5)): a service, scope or slice.
 *
 * @param value the name, with its suffix
 * @param origin where it was written
 */
public record UnitName(String value, Origin origin) {

    /** systemd.unit(5): letters, digits and {@code : - _ . \ @}, 255 characters in all. {@code *} for templates. */
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9:_.\\\\@*-]{1,247}\\.(service|scope|slice)");

    public static UnitName parse(String text, Origin origin) throws BadValue {
        if (!NAME.matcher(text).matches() || text.startsWith("-")) {
            throw new BadValue(
                    "unit " + BadValue.quote(text) + " is not the name of a service, scope or slice",
                    "write it with its suffix, such as orders.service");
        }
        return new UnitName(text, origin);
    }

    @Override
    public String toString() {
        return value;
    }
}
