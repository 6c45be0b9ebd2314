package io.meshcapture.backend.iptables;

import java.util.List;
import java.util.Locale;

/** The tables that rules of ours stand in, in the order in which one restore writes them: what captures comes last. */
enum Table {
    FILTER,
    RAW,
    MANGLE,
    NAT;

    private static final List<Table> BACKWARDS = List.of(values()).reversed();

    /** As iptables calls it. */
    String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The order in which they are taken away: what captures goes first. */
    static List<Table> backwards() {
        return BACKWARDS;
    }
}
