package io.meshcapture.backend.nftables;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Priorities of hooks, which versions of nft print by number or as near to a name: {@code dstnat - 1} is -101. */
final class HookPriority {

    /** nft's names (nft(8)); those of the bridge family differ. */
    private static final Map<String, Integer> NAMES =
            Map.of("raw", -300, "mangle", -150, "dstnat", -100, "filter", 0, "security", 50, "srcnat", 100);

    private static final Pattern NAMED =
            Pattern.compile("priority (raw|mangle|dstnat|filter|security|srcnat)(?: ([+-]) (\\d+))?;");

    private HookPriority() {}

    /** The properties of a chain with its priority as a number. */
    static String numbered(String properties) {
        Matcher named = NAMED.matcher(properties);
        if (!named.find()) {
            return properties;
        }
        int offset = named.group(3) == null ? 0 : Integer.parseInt(named.group(3));
        int priority = NAMES.getOrDefault(named.group(1), 0) + ("-".equals(named.group(2)) ? -offset : offset);
        return named.replaceFirst("priority " + priority + ";");
    }
}
