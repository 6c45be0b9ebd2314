package io.meshcapture.config;

import java.util.Locale;

/**
 * The flags that describe one service, so that an initContainer needs no file, with their environment twins
 * ({@code MESHCAPTURE_TO}). All but {@code --service} may be repeated. In one text, several values are separated by
 * commas, except where a value can contain a comma itself: there by white space, and in the environment only.
 */
public enum ServiceFlag {
    SERVICE("--service", "NAME", "", false, "name of the service that these flags describe (default: default)"),
    TO("--to", "DESTINATION", "to", true, "where its connections go: any, or ADDRESS[/PREFIX][:PORTS] or :PORTS"),
    EXCEPT("--except", "DESTINATION", "except", true, "destinations that stay direct although --to names them"),
    FROM_USER("--from-user", "USER", "from.user", false, "user whose connections are captured"),
    FROM_GROUP("--from-group", "GROUP", "from.group", false, "group whose connections are captured"),
    FROM_UNIT("--from-unit", "UNIT", "from.unit", false, "systemd unit whose connections are captured"),
    FROM_CGROUP("--from-cgroup", "PATH", "from.cgroup", true, "control group whose connections are captured"),
    HOST("--host", "NAME", "hosts", false, "host name that is captured, instead of addresses");

    private final String flag;
    private final String variable;
    private final String label;
    private final String key;
    private final boolean spaced;
    private final String description;

    ServiceFlag(String flag, String label, String key, boolean spaced, String description) {
        this.flag = flag;
        this.variable = Environment.PREFIX + flag.substring(2).replace('-', '_').toUpperCase(Locale.ROOT);
        this.label = label;
        this.key = key;
        this.spaced = spaced;
        this.description = description;
    }

    /** The flag, such as {@code --from-user}. */
    public String flag() {
        return flag;
    }

    /** The environment variable, such as {@code MESHCAPTURE_FROM_USER}. */
    public String variable() {
        return variable;
    }

    /** What stands for its value in {@code --help}. */
    public String label() {
        return label;
    }

    /** The service's key that it gives, such as {@code from.user}; "" for the name. */
    public String key() {
        return key;
    }

    /** Whether its values can contain commas, so that the environment separates them by white space. */
    public boolean isSpaced() {
        return spaced;
    }

    /** Whether it may be given more than once. */
    public boolean isList() {
        return this != SERVICE;
    }

    /** One line for {@code --help}. */
    public String description() {
        return description;
    }
}
