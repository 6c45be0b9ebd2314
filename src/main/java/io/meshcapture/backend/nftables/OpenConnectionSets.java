package io.meshcapture.backend.nftables;

import io.meshcapture.plan.Family;
import io.meshcapture.system.SocketTable;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The sets that keep open connections alive when capture begins.
 *
 * <p>In a namespace where nothing used conntrack, the first nat chain switches it on, and the next packet of every open
 * connection looks like the first of a new one. Left alone are: the connections that the kernel listed just before the
 * commit, for good; and during a grace time, which the kernel ends by itself, whatever sends at all, so that those opened
 * between the listing and the commit get known to conntrack. Nothing has to be taken back by a later transaction, so a
 * process that dies in between leaves nothing half done.
 */
final class OpenConnectionSets {

    /** Longer than any client waits before it sends its first bytes, short enough to be over when somebody looks. */
    static final Duration GRACE = Duration.ofSeconds(5);

    /** Before the connections that are open now are added again: of the ones before, many have ended. */
    static final String FORGET_ALL = "flush set " + Ruleset.TABLE + " " + Ruleset.OPEN_IPV4 + "\nflush set "
            + Ruleset.TABLE + " " + Ruleset.OPEN_IPV6 + "\n";

    private OpenConnectionSets() {}

    static String script(Collection<SocketTable.Open> open, @Nullable Duration grace) {
        StringBuilder script = new StringBuilder();
        if (grace != null) {
            String timeout = " timeout " + grace.toSeconds() + "s";
            script.append("add element ").append(Ruleset.TABLE).append(' ').append(Ruleset.GRACE);
            script.append(" { ipv4")
                    .append(timeout)
                    .append(", ipv6")
                    .append(timeout)
                    .append(" }\n");
        }
        append(script, Ruleset.OPEN_IPV4, keys(open, Family.IPV4));
        append(script, Ruleset.OPEN_IPV6, keys(open, Family.IPV6));
        return script.toString();
    }

    private static Set<String> keys(Collection<SocketTable.Open> open, Family family) {
        Set<String> keys = new LinkedHashSet<>();
        for (SocketTable.Open one : open) {
            if (one.local().family() == family) {
                keys.add(one.local() + " . " + one.localPort() + " . " + one.remote() + " . " + one.remotePort());
            }
        }
        return keys;
    }

    private static void append(StringBuilder script, String set, Set<String> keys) {
        if (!keys.isEmpty()) {
            script.append("add element ")
                    .append(Ruleset.TABLE)
                    .append(' ')
                    .append(set)
                    .append(" { ");
            script.append(String.join(", ", keys)).append(" }\n");
        }
    }
}
