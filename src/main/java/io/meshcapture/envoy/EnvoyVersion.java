package io.meshcapture.envoy;

import com.google.gson.JsonObject;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which Envoy runs.
 *
 * @param major of 1.40.0: 1
 * @param minor of 1.40.0: 40
 * @param text as it calls itself, such as {@code 1.40.0}
 */
public record EnvoyVersion(int major, int minor, String text) implements Comparable<EnvoyVersion> {

    /** Those that the printed configuration, and what is read of the admin interface, were tried with. */
    static final EnvoyVersion OLDEST = new EnvoyVersion(1, 36, "1.36");

    static final EnvoyVersion NEWEST = new EnvoyVersion(1, 40, "1.40");

    /** Its command line has all certificates and options in it. */
    private static final int MOST = 1024 * 1024;

    /** {@code 9e558093…/1.40.0/Clean/RELEASE/BoringSSL}, which distributors lengthen: {@code 1.40.0-dev}. */
    private static final Pattern VERSION = Pattern.compile("[^/]*/((\\d{1,4})\\.(\\d{1,4})\\.[\\w.+-]{1,40})/.*");

    /**
     * Asks the one that runs.
     *
     * @throws NoAnswer where it cannot be asked, or answers something else
     */
    public static EnvoyVersion of(Admin admin) throws NoAnswer {
        String path = "/server_info";
        Admin.Answer answer = admin.get(path, MOST);
        return ConfigDump.reading(admin, path, () -> {
            JsonObject info = ConfigDump.object(admin, answer.text());
            Matcher version = VERSION.matcher(ConfigDump.text(info, "version"));
            if (answer.status() != 200 || !version.matches()) {
                throw new IllegalStateException("status " + answer.status());
            }
            return new EnvoyVersion(
                    Integer.parseInt(version.group(2)), Integer.parseInt(version.group(3)), version.group(1));
        });
    }

    @Override
    public int compareTo(EnvoyVersion other) {
        return major == other.major ? Integer.compare(minor, other.minor) : Integer.compare(major, other.major);
    }

    public boolean isOld() {
        return compareTo(OLDEST) < 0;
    }

    public boolean isNew() {
        return compareTo(NEWEST) > 0;
    }

    /** What there is to say of a version that is not among those. */
    public String remark() {
        return isOld()
                ? "Envoy " + text + " is older than " + OLDEST.text
                        + ", the oldest that was tried: it may refuse what envoy-config prints, or not tell what is asked of its"
                        + " admin interface; update it, or try the configuration with envoy --mode validate"
                : "Envoy " + text + " is newer than " + NEWEST.text
                        + ", the newest that was tried; where it warns of settings that it gives up, print the configuration with"
                        + " a newer meshcapture";
    }

    /** For the head of a configuration. */
    static String tried() {
        return "It was tried with Envoy " + OLDEST.text + " to " + NEWEST.text + ".";
    }
}
