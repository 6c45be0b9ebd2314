package io.meshcapture.backend.nftables;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The content of a table as nft text, in the spelling of libnftables' own listing.
 *
 * @param comment the table's comment, or null
 * @param isDormant whether none of its chains is hooked ({@code flags dormant})
 * @param sets sets and maps by name
 * @param chains chains by name
 * @param foreign things in the table that are neither, which we never make: {@code counter hits}
 */
record Ruleset(
        @Nullable String comment,
        boolean isDormant,
        Map<String, NftSet> sets,
        Map<String, Chain> chains,
        List<String> foreign) {

    Ruleset(@Nullable String comment, Map<String, NftSet> sets, Map<String, Chain> chains) {
        this(comment, false, sets, chains, List.of());
    }

    static final String TABLE = "inet meshcapture";

    /** What every table of ours begins its comment with. */
    static final String TAG = "meshcapture schema ";

    /** Raised when a table of this version means something else to the version before. */
    static final int SCHEMA = 2;

    /** Names of the sets that live: they change without the plan, and no difference in them is drift. */
    static final String TRIAL = "trial";

    static final String OPEN_IPV4 = "open_ip";
    static final String OPEN_IPV6 = "open_ip6";
    static final String OWNERS = "owners";

    /** Every listener that the table has sent to since it was made: connections to one that is no longer wanted go on. */
    static final String LISTENERS = "listeners";

    /** Likewise those for connections to this host. */
    static final String INBOUND_LISTENERS = "inbound_listeners";

    static final String SERVICES = "services";

    /** Captured connections, as their clients see them: what they send when conntrack has no idea is told by it. */
    static final String CAPTURED_IPV4 = "captured_ip";

    static final String CAPTURED_IPV6 = "captured_ip6";

    static Ruleset empty() {
        return new Ruleset(null, new LinkedHashMap<>(), new LinkedHashMap<>());
    }

    /** Whether a set's elements come and go by themselves. */
    static boolean isLiving(String set) {
        return set.equals(TRIAL)
                || set.equals(OPEN_IPV4)
                || set.equals(OPEN_IPV6)
                || set.equals(OWNERS)
                || remembersListeners(set)
                || isRecord(set);
    }

    /** Whether its elements stay once they are there. */
    static boolean remembersListeners(String set) {
        return set.equals(LISTENERS) || set.equals(INBOUND_LISTENERS);
    }

    /** Whether its elements are written by the kernel alone, and read by rules alone. */
    static boolean isRecord(String set) {
        return set.equals(CAPTURED_IPV4) || set.equals(CAPTURED_IPV6);
    }

    /**
     * A set or a map.
     *
     * @param name its name
     * @param isMap whether it is a map
     * @param declaration its properties, a line each: type, flags, counter
     * @param elements its elements by key
     */
    record NftSet(String name, boolean isMap, List<String> declaration, Map<String, Element> elements) {
        /** The word before the name. */
        String keyword() {
            return isMap ? "map" : "set";
        }
    }

    /**
     * An element of a set or a map.
     *
     * @param key its key
     * @param options what stands between key and comment, such as a timeout; empty for most
     * @param comment its comment, the empty text for none
     * @param verdict what a map gives, the empty text in a set
     * @param packets its counter, 0 where it has none
     * @param bytes likewise
     */
    record Element(String key, String options, String comment, String verdict, long packets, long bytes) {

        static Element of(String key, String comment, String verdict) {
            return new Element(key, "", comment, verdict, 0, 0);
        }

        /** The same, with what another one has counted. */
        Element counting(Element other) {
            return new Element(key, options, comment, verdict, other.packets, other.bytes);
        }

        /** The same, with another verdict. */
        Element deciding(String other) {
            return new Element(key, options, comment, other, packets, bytes);
        }

        /** Equal but for counters and timeouts. */
        boolean isSame(Element other) {
            return key.equals(other.key) && comment.equals(other.comment) && verdict.equals(other.verdict);
        }

        /** As in a script. */
        String text() {
            StringBuilder text = new StringBuilder(key.length() + comment.length() + verdict.length() + 32).append(key);
            if (!options.isEmpty()) {
                text.append(' ').append(options);
            }
            if (packets > 0) {
                text.append(" counter packets ")
                        .append(packets)
                        .append(" bytes ")
                        .append(bytes);
            }
            if (!comment.isEmpty()) {
                text.append(" comment \"").append(comment).append('"');
            }
            if (!verdict.isEmpty()) {
                text.append(" : ").append(verdict);
            }
            return text.toString();
        }
    }

    /**
     * A chain.
     *
     * @param name its name
     * @param base type, hook, priority and policy as nft prints them, or null for a chain that is jumped to
     * @param rules its rules in order
     */
    record Chain(String name, @Nullable String base, List<String> rules) {}
}
