package io.meshcapture.backend.nftables;

import io.meshcapture.ffi.LibNftables;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Finds chains of other tables that are asked before ours and take connections that we then never see: those of type nat
 * that translate destinations, and those before conntrack that keep connections from it, without which nothing is translated.
 */
final class Shadows {

    private static final Pattern TABLE = Pattern.compile("table (ip|ip6|inet) (\\S+) \\{.*");
    private static final Pattern OTHER_TABLE = Pattern.compile("table .*");
    private static final Pattern CHAIN = Pattern.compile("\\s*chain (\\S+) \\{.*");
    private static final Pattern HOOK =
            Pattern.compile("\\s*type (nat|filter|route) hook (output|prerouting) priority (-?\\d+); .*");

    /** What is said and not done: comments, prefixes of logs. */
    private static final Pattern QUOTED = Pattern.compile("\"[^\"]*\"");

    private static final Pattern TRANSLATES =
            Pattern.compile(".*(?<![@\\w-])(redirect\\b|dnat .*\\bto |jump |goto ).*");
    private static final Pattern UNTRACKS = Pattern.compile(".*(?<![@\\w-])notrack\\b.*");

    /** Rules that do not concern TCP. Those for loopback do: Envoy's answers to captured connections pass there. */
    private static final Pattern ELSEWHERE =
            Pattern.compile(".*(\\b(meta l4proto|ip protocol|ip6 nexthdr) (udp|icmp|icmpv6|ipv6-icmp|sctp|\\d+)\\b"
                    + "|\\b(udp|icmp|icmpv6|sctp) [a-z]+ ).*");

    /** Ours; see {@link BaseChain}. */
    private static final int PRIORITY = -101;

    /** Conntrack's (NF_IP_PRI_CONNTRACK). */
    private static final int CONNTRACK = -200;

    private Shadows() {}

    /**
     * One sentence each, naming table, chain and the first such rule.
     *
     * @param arrivals whether chains that are asked for what arrives count too
     */
    static List<String> find(NftContext nft, boolean arrivals) {
        return find(nft, arrivals, PRIORITY, Set.of(Ruleset.TABLE));
    }

    /**
     * Likewise for rules that stand elsewhere.
     *
     * @param arrivals whether chains that are asked for what arrives count too
     * @param natPriority of the nat chains that they stand in
     * @param except tables that are not meant, as in {@code ip nat}
     */
    static List<String> find(NftContext nft, boolean arrivals, int natPriority, Set<String> except) {
        List<String> found = new ArrayList<>();
        String table = "";
        String chain = "";
        for (String line :
                nft.run("list chains", LibNftables.OUTPUT_STATELESS).output().split("\n", -1)) {
            Matcher tableLine = TABLE.matcher(line);
            Matcher chainLine = CHAIN.matcher(line);
            Matcher hookLine = HOOK.matcher(HookPriority.numbered(line));
            if (tableLine.matches()) {
                table = tableLine.group(1) + " " + tableLine.group(2);
            } else if (OTHER_TABLE.matcher(line).matches()) {
                table = "";
            } else if (chainLine.matches()) {
                chain = chainLine.group(1);
            } else if (hookLine.matches() && !table.isEmpty() && !except.contains(table)) {
                if (hookLine.group(2).equals("prerouting") && !arrivals) {
                    continue;
                }
                int priority = Integer.parseInt(hookLine.group(3));
                boolean nat = hookLine.group(1).equals("nat");
                if (nat ? priority <= natPriority : priority < CONNTRACK) {
                    String rule = first(nft, table, chain, nat);
                    if (!rule.isEmpty()) {
                        found.add("table " + table + " chain " + chain + " (priority " + priority + "): " + rule);
                    }
                }
            }
        }
        return found;
    }

    private static String first(NftContext nft, String table, String chain, boolean nat) {
        String listing = nft.run("list chain " + table + " " + chain, LibNftables.OUTPUT_STATELESS)
                .output();
        for (String line : listing.split("\n", -1)) {
            String rule = line.strip();
            if (nat ? translates(rule) : untracks(rule)) {
                return rule;
            }
        }
        return "";
    }

    /** Whether a line of a listed chain is a rule that sends connections elsewhere, or asks a chain that may. */
    static boolean translates(String rule) {
        return isRule(rule) && TRANSLATES.matcher(unquoted(rule)).matches();
    }

    /** Whether it is a rule that keeps TCP from conntrack. */
    static boolean untracks(String rule) {
        return isRule(rule)
                && UNTRACKS.matcher(unquoted(rule)).matches()
                && !ELSEWHERE.matcher(rule).matches();
    }

    private static String unquoted(String rule) {
        return QUOTED.matcher(rule).replaceAll("\"\"");
    }

    private static boolean isRule(String line) {
        return !line.startsWith("table ") && !line.startsWith("chain ") && !line.startsWith("type ");
    }
}
