package io.meshcapture.plan;

import java.util.regex.Pattern;

/**
 * A user or a group as the plan names it: by name or by number. What a name stands for is asked of the host later.
 *
 * @param kind user or group
 * @param text the name, or the number in canonical decimal
 * @param origin where it was written
 */
public record Account(Kind kind, String text, Origin origin) {

    /** User or group. */
    public enum Kind {
        USER,
        GROUP;

        /** As messages say it. */
        public String label() {
            return this == USER ? "user" : "group";
        }
    }

    /** 4294967295 is (uid_t) -1, which chown(2) and setresuid(2) take for "leave as it is": nobody can have it. */
    public static final long MAX_ID = 4294967294L;

    /** What shadow's useradd and systemd's relaxed rule (sysusers.d) allow, ASCII only. */
    private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_.-]{0,254}\\$?");

    public static Account parse(Kind kind, String text, Origin origin) throws BadValue {
        if (PortRange.isDecimal(text)) {
            boolean canonical = text.length() == 1 || text.charAt(0) != '0';
            if (!canonical || text.length() > 10 || Long.parseLong(text) > MAX_ID) {
                throw new BadValue(
                        kind.label() + " " + BadValue.quote(text) + " is not an id from 0 to " + MAX_ID,
                        "write a name or a number such as 1337");
            }
        } else if (!NAME.matcher(text).matches()) {
            throw new BadValue(
                    kind.label() + " " + BadValue.quote(text) + " is neither a name nor an id",
                    "write a name such as envoy or a number such as 1337");
        }
        return new Account(kind, text, origin);
    }

    /** Whether it is given as a number; then {@link #id()} is it. */
    public boolean isId() {
        return PortRange.isDecimal(text);
    }

    /** The number; only where {@link #isId()}. */
    public long id() {
        return Long.parseLong(text);
    }

    @Override
    public String toString() {
        return text;
    }
}
