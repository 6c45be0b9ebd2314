package io.meshcapture.backend.nftables;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.rules.Connection.Protocol;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A table that catches the first packets of probes behind all other rules, writes down where they were heading, and drops
 * them: on loopback where the input hook ends, and elsewhere where they would leave. So a real connection shows what the
 * kernel makes of it, and neither Envoy nor anybody outside ever hears of it. Packets of others are asked for their port in
 * one set, and pass.
 *
 * <p>It goes with the process ({@link PassingTable}), and its elements do nothing any more after {@value #SECONDS} seconds.
 *
 * <p>Priority 50 is after the filters of iptables (0), where a packet may be dropped, and before source NAT (100), which may
 * give it another port.
 */
public final class ProbeTable implements AutoCloseable {

    /** How long the kernel remembers; a probe takes one at most. */
    private static final int SECONDS = 10;

    private static final Pattern CAUGHT =
            Pattern.compile("(tcp|udp|6|17) \\. (\\d+) \\. ([0-9a-f:.]+) \\. ([0-9a-f:.]+) \\. (\\d+)(?: |,|$)");

    private final PassingTable table;

    private ProbeTable(PassingTable table) {
        this.table = table;
    }

    /**
     * The first packet of a probe.
     *
     * @param leaving whether it was about to leave by another interface than loopback
     * @param source where it comes from
     * @param sourcePort the port of the probe
     * @param destination where it was heading, behind all rules
     * @param port likewise
     */
    public record Caught(
            boolean leaving, Protocol protocol, Address source, int sourcePort, Address destination, int port) {}

    /**
     * Puts it up, in the calling thread's network namespace.
     *
     * @throws io.meshcapture.failure.Failure.Unavailable where libnftables or nf_tables is missing
     */
    public static ProbeTable open() {
        return new ProbeTable(PassingTable.open("probe", body()));
    }

    private static String body() {
        StringBuilder text = new StringBuilder();
        text.append("set probes { type inet_proto . inet_service; flags timeout; timeout " + SECONDS + "s; }\n");
        for (String where : List.of("here", "leaving")) {
            for (int family : List.of(4, 6)) {
                text.append("set " + where + family + " { type inet_proto . inet_service . ipv" + family + "_addr . ipv"
                        + family + "_addr . inet_service; flags dynamic,timeout; timeout " + SECONDS
                        + "s; size 65536; }\n");
            }
        }
        chain(text, "here", "input", "iifname \"lo\"");
        chain(text, "leaving", "postrouting", "oifname != \"lo\" meta skuid >= 0"); // has a socket here
        return text.toString();
    }

    private static void chain(StringBuilder text, String name, String hook, String which) {
        text.append("chain " + name + " {\ntype filter hook " + hook + " priority 50\n");
        for (int family : List.of(4, 6)) {
            String ip = family == 6 ? "ip6" : "ip";
            text.append(which + " meta nfproto ipv" + family + " meta l4proto . th sport @probes add @" + name + family
                    + " { meta l4proto . th sport . " + ip + " saddr . " + ip + " daddr . th dport } drop\n");
        }
        text.append("}\n");
    }

    /** From now on, packets from these ports are caught. */
    public void expect(Collection<Map.Entry<Protocol, Integer>> ports) {
        table.add(
                "probes",
                ports.stream()
                        .map(port -> (port.getKey() == Protocol.TCP ? "tcp" : "udp") + " . " + port.getValue())
                        .collect(Collectors.joining(", ")));
    }

    /** What has been caught so far. */
    public List<Caught> caught() {
        List<Caught> found = new ArrayList<>();
        for (String set : List.of("here4", "here6", "leaving4", "leaving6")) {
            String listed = table.list(set);
            int elements = listed.indexOf("elements = {");
            Matcher caught = CAUGHT.matcher(elements < 0 ? "" : listed.substring(elements));
            while (caught.find()) {
                found.add(caught(set.startsWith("leaving"), caught));
            }
        }
        return found;
    }

    private static Caught caught(boolean leaving, Matcher element) {
        try {
            return new Caught(
                    leaving,
                    element.group(1).equals("tcp") || element.group(1).equals("6") ? Protocol.TCP : Protocol.UDP,
                    Address.parse(element.group(3)),
                    Integer.parseInt(element.group(2)),
                    Address.parse(element.group(4)),
                    Integer.parseInt(element.group(5)));
        } catch (BadValue e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        table.close();
    }
}
