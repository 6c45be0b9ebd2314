package io.meshcapture.backend.iptables;

import java.util.regex.Pattern;

/**
 * One of the two places for a decision. The built-in chains jump to the one in force; the other holds what a trial falls
 * back to.
 */
enum Slot {
    FIRST(""),
    SECOND("B_");

    /** What the name of every chain of ours begins with, and the name of the one that says that they are ours. */
    static final String HOME = "MESHCAPTURE";

    /** The chain that says whose captured connections are left to end. */
    static final String OWNERS = "MESHCAPTURE_OWNERS";

    /** Chains of a decision. Whatever else begins like ours is somebody else's. */
    private static final Pattern PLAIN = Pattern.compile("((OUTPUT|FWD)(_ASKED|_MARKED)?|ARRIVING"
            + "|NOTES|INBOUND|ITSELF|DIRECT|UNDO|INTERCEPTED"
            + "|LEAVING|ENTERING|PASSING|ZONE|GUESTS|ZONE_FWD"
            + "|TO_\\d{1,5}|TO_DNS_\\d{1,5}|TO_IN_\\d{1,5}|TO_TP_\\d{1,5}"
            + "|[XHCUGNF]\\d{1,4}[a-z]?(_[0-9a-f]{8})?)");

    private final String infix;

    Slot(String infix) {
        this.infix = infix;
    }

    Slot other() {
        return this == FIRST ? SECOND : FIRST;
    }

    /** The name of a chain here; at most 28 characters (XT_EXTENSION_MAXNAMELEN). */
    String chain(String plain) {
        return HOME + "_" + infix + plain;
    }

    /** The name of a chain without what is the same for all here; null where it is none of this slot. */
    @org.jspecify.annotations.Nullable
    String plain(String chain) {
        String prefix = chain("");
        if (!chain.startsWith(prefix)) {
            return null;
        }
        String plain = chain.substring(prefix.length());
        return PLAIN.matcher(plain).matches() ? plain : null;
    }

    /** Whether a chain is one of ours, in either slot or shared. */
    static boolean isOurs(String chain) {
        return chain.equals(HOME) || chain.equals(OWNERS) || FIRST.plain(chain) != null || SECOND.plain(chain) != null;
    }
}
