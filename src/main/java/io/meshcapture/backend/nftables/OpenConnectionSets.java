package io.meshcapture.backend.nftables;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Family;
import io.meshcapture.system.SocketTable;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * The sets that keep open connections alive when capture begins.
 *
 * <p>In a namespace where nothing used conntrack, the first rule that redirects switches it on, and the next packet of every
 * open connection looks like the first of a new one. So the rules are built first, with nothing leading to them: from then on
 * conntrack knows every connection from its first packet. Then the connections that are open are listed, and put into these
 * sets by the very transaction that leads to the rules. None is opened unseen, and nothing has to be taken back later.
 */
final class OpenConnectionSets {

    /**
     * As many connections of a family can be left alone. The kernel's default for such a set is 65,535, and it makes room
     * for all of them at once, 4 MB for these.
     */
    static final int SIZE = 262_144;

    private OpenConnectionSets() {}

    /** Makes the sets hold these connections and no others: of the ones before, many have ended. */
    static String script(Collection<SocketTable.Open> open) {
        StringBuilder script = new StringBuilder();
        script.append("flush set " + Ruleset.TABLE + " " + Ruleset.OPEN_IPV4 + "\n");
        script.append("flush set " + Ruleset.TABLE + " " + Ruleset.OPEN_IPV6 + "\n");
        Set<String> ipv4 = keys(open, Family.IPV4);
        Set<String> ipv6 = keys(open, Family.IPV6);
        if (ipv4.size() > SIZE || ipv6.size() > SIZE) {
            throw new Failure.Refused(
                    "more than " + SIZE + " connections are open, and nothing was put in force",
                    open.size() + " connections that are not captured would have to be left alone",
                    "apply when fewer are open");
        }
        append(script, Ruleset.OPEN_IPV4, ipv4);
        append(script, Ruleset.OPEN_IPV6, ipv6);
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
