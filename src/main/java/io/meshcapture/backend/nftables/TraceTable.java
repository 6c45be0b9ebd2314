package io.meshcapture.backend.nftables;

import io.meshcapture.backend.TracedRules;
import io.meshcapture.ffi.LibNftables;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.rules.Connection.Protocol;
import io.meshcapture.system.NftTrace;
import io.meshcapture.system.PacketTrace;
import io.meshcapture.system.PacketTrace.Event;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A table that has the kernel trace new connections to some destinations, before any other rule is asked. All others are
 * asked for their destination in one set, and pass. It goes with the process ({@link PassingTable}), and its elements before
 * that, when their time is over.
 */
public final class TraceTable implements AutoCloseable {
    private static final Pattern RULE =
            Pattern.compile("\\t+.*?(?: comment \"([^\"]*)\")? # handle ([0-9]+)$", Pattern.MULTILINE);

    private static final Pattern CHAIN = Pattern.compile("\tchain (\\S+) \\{.*");

    /** A captured connection ends in a chain that is named after the listener. */
    private static final Pattern TO = Pattern.compile(Redirect.TO + "(?:[a-z]+_)?([0-9]+)");

    private final PassingTable table;

    private TraceTable(PassingTable table) {
        this.table = table;
    }

    /**
     * Puts it up, in the calling thread's network namespace.
     *
     * @param inbound whether connections are meant that arrive, else those that are opened here
     * @param within how long they are traced
     */
    public static TraceTable open(
            List<Address> destinations, int port, Protocol protocol, boolean inbound, Duration within) {
        StringBuilder body = new StringBuilder();
        boolean tcp = protocol == Protocol.TCP;
        String which = tcp ? "tcp flags & (fin|syn|rst|ack) == syn " : "meta l4proto udp ";
        String rules = "";
        for (Family family : Family.values()) {
            String ip = family == Family.IPV4 ? "ip" : "ip6";
            String addresses = String.join(
                    ", ",
                    destinations.stream()
                            .filter(address -> address.family() == family)
                            .map(Address::toString)
                            .toList());
            body.append("set traced_" + ip + " { type " + (family == Family.IPV4 ? "ipv4" : "ipv6")
                    + "_addr; flags timeout; timeout " + Math.max(1, within.toSeconds()) + "s"
                    + (addresses.isEmpty() ? "" : "; elements = { " + addresses + " }") + "; }\n");
            rules += which + "th dport " + port + " " + ip + " daddr @traced_" + ip + " meta nftrace set 1\n";
        }
        body.append("chain traced {\ntype filter hook " + (inbound ? "prerouting" : "output") + " priority -400\n"
                + rules + "}\n");
        return new TraceTable(PassingTable.open("trace", body.toString()));
    }

    /**
     * The handles of the rules of a table, by chain and in their order.
     *
     * @param name such as {@code ip nat}
     */
    public static Map<String, List<Long>> handles(String name) {
        Map<String, List<Long>> handles = new HashMap<>();
        String chain = "";
        for (String line : listing(name).lines().toList()) {
            Matcher begin = CHAIN.matcher(line);
            Matcher rule = RULE.matcher(line);
            if (begin.matches()) {
                chain = begin.group(1);
            } else if (rule.matches()) {
                handles.computeIfAbsent(chain, any -> new ArrayList<>()).add(Long.parseLong(rule.group(2)));
            }
        }
        return handles;
    }

    private static String listing(String name) {
        try (NftContext nft = NftContext.open()) {
            return nft.run("list table " + name, LibNftables.OUTPUT_HANDLE | LibNftables.OUTPUT_TERSE)
                    .output();
        }
    }

    /** What the steps of packets through our table mean. */
    public static TracedRules rules() {
        Map<Long, String> comments = new HashMap<>();
        Matcher rule = RULE.matcher(listing(Ruleset.TABLE));
        while (rule.find()) {
            comments.put(Long.parseLong(rule.group(2)), rule.group(1) == null ? "" : rule.group(1));
        }
        return new Rules(comments);
    }

    private record Rules(Map<Long, String> comments) implements TracedRules {
        @Override
        public PacketTrace listen() {
            return NftTrace.open();
        }

        @Override
        public boolean isOurs(Event event) {
            return Ruleset.TABLE.endsWith(" " + event.table());
        }

        @Override
        public String why(Event event) {
            return comments.getOrDefault(event.rule(), "");
        }

        @Override
        public int listener(Event event) {
            Matcher to = TO.matcher(Slot.plainName(event.chain()));
            return to.matches() ? Integer.parseInt(to.group(1)) : 0;
        }

        @Override
        public PacketTrace.Verdict verdict(Event event) {
            return event.verdict();
        }
    }

    /** Whether a step is one through rules of ours, whatever they are written with. */
    public static boolean isOurs(Event event) {
        return Ruleset.TABLE.endsWith(" " + event.table()) || event.chain().startsWith("MESHCAPTURE");
    }

    /** Whether it is that of a trace or a probe. */
    public static boolean isPassing(String name) {
        return name.startsWith("meshcapture-");
    }

    @Override
    public void close() {
        table.close();
    }
}
