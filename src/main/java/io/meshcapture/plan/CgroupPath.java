package io.meshcapture.plan;

import java.util.List;
import java.util.regex.Pattern;

/**
 * A control group of cgroup v2, as a path below its root.
 *
 * @param value the path without a leading or trailing slash, such as {@code system.slice/orders.service}
 * @param origin where it was written
 */
public record CgroupPath(String value, Origin origin) {

    /** Printable ASCII without the characters that nft text gives a meaning. */
    private static final Pattern SEGMENT = Pattern.compile("[A-Za-z0-9:_.\\\\@+=,~-]{1,255}");

    /** Longest path that fits an nft string with its quotes (NFT's symbol buffer; far above what systemd makes). */
    private static final int MAX_LENGTH = 1024;

    public static CgroupPath parse(String text, Origin origin) throws BadValue {
        String path = text.startsWith("/") ? text.substring(1) : text;
        path = path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
        boolean wellFormed = path.length() <= MAX_LENGTH
                && !path.startsWith("-") // no path may look like an option of a command
                && isPath(path);
        if (!wellFormed) {
            throw new BadValue(
                    "cgroup " + BadValue.quote(text) + " is not a path of a control group",
                    "write it as below the root of cgroup v2, such as /system.slice/orders.service");
        }
        return new CgroupPath(path, origin);
    }

    private static boolean isPath(String path) {
        for (String segment : path.split("/", -1)) {
            if (!SEGMENT.matcher(segment).matches() || segment.equals(".") || segment.equals("..")) {
                return false;
            }
        }
        return true;
    }

    /** Its parts, from the root down. */
    public List<String> segments() {
        return List.of(value.split("/"));
    }

    @Override
    public String toString() {
        return "/" + value;
    }
}
