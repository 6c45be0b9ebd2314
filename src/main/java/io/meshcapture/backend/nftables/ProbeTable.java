package io.meshcapture.backend.nftables;

import io.meshcapture.failure.Failure;
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
 * <p>The table belongs to the netlink socket of this context (NFT_TABLE_F_OWNER, Linux 5.12): it goes with the process,
 * however that ends, and nobody else can change it. Where the kernel does not know that, its elements still do nothing any
 * more after {@value #SECONDS} seconds, and the next probe removes it.
 *
 * <p>Priority 50 is after the filters of iptables (0), where a packet may be dropped, and before source NAT (100), which may
 * give it another port.
 */
public final class ProbeTable implements AutoCloseable {

    /** How long the kernel remembers; a probe takes one at most. */
    private static final int SECONDS = 10;

    private static final String NAME = "meshcapture-probe";

    private static final Pattern CAUGHT =
            Pattern.compile("(tcp|udp|6|17) \\. (\\d+) \\. ([0-9a-f:.]+) \\. ([0-9a-f:.]+) \\. (\\d+)(?: |,|$)");

    private final NftContext nft;
    private final String table;

    private ProbeTable(NftContext nft, String table) {
        this.nft = nft;
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
     * @throws Failure.Unavailable where libnftables or nf_tables is missing
     */
    public static ProbeTable open() {
        NftContext nft = NftContext.open();
        String table = NAME + "-" + ProcessHandle.current().pid();
        NftContext.Answer answer = nft.run(text(table, "flags owner\n"), 0);
        if (!answer.accepted()) {
            String plain = "add table inet " + table + "\ndelete table inet " + table + "\n" + text(table, "");
            answer = nft.run(plain, 0);
        }
        if (!answer.accepted()) {
            nft.close();
            throw new Failure.Unavailable(
                    "no table can be put up that catches probes",
                    Refusal.firstLine(answer.error()),
                    "load the module nf_tables, and run it as root with the capability NET_ADMIN");
        }
        return new ProbeTable(nft, table);
    }

    private static String text(String table, String flags) {
        StringBuilder text = new StringBuilder("table inet " + table + " {\n" + flags);
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
        return text.append("}\n").toString();
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
        String elements = ports.stream()
                .map(port -> (port.getKey() == Protocol.TCP ? "tcp" : "udp") + " . " + port.getValue())
                .collect(Collectors.joining(", "));
        NftContext.Answer answer = nft.run("add element inet " + table + " probes { " + elements + " }\n", 0);
        if (!answer.accepted()) {
            throw new Failure.Refused(
                    "the probes could not be prepared, and none was sent",
                    Refusal.firstLine(answer.error()),
                    "see what the kernel lacks with: meshcapture doctor");
        }
    }

    /** What has been caught so far. */
    public List<Caught> caught() {
        List<Caught> found = new ArrayList<>();
        for (String set : List.of("here4", "here6", "leaving4", "leaving6")) {
            NftContext.Answer answer = nft.run("list set inet " + table + " " + set + "\n", 0);
            int elements = answer.output().indexOf("elements = {");
            Matcher caught = CAUGHT.matcher(elements < 0 ? "" : answer.output().substring(elements));
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
        nft.run("delete table inet " + table + "\n", 0);
        nft.close();
    }
}
