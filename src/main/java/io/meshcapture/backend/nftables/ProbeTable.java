package io.meshcapture.backend.nftables;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.rules.Connection.Protocol;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

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

    private static final String PROBE = "(tcp|udp|6|17) \\. (\\d+)";
    private static final String END = "(?: |,|$)";

    private static final Pattern CAUGHT =
            Pattern.compile(PROBE + " \\. ([0-9a-f:.]+) \\. ([0-9a-f:.]+) \\. (\\d+)" + END);

    private static final Pattern TRACKED = Pattern.compile(PROBE + " \\. ([0-9a-f:.]+) \\. (\\d+)" + END);

    private static final Pattern TAKEN = Pattern.compile(PROBE + END);

    private static final String TRACED = """
            chain traced {
            type filter hook output priority -400
            meta l4proto . th sport @probes meta nftrace set 1
            }
            """;

    private final PassingTable table;
    private final boolean arriving;

    private ProbeTable(PassingTable table, boolean arriving) {
        this.table = table;
        this.arriving = arriving;
    }

    /** Where on its way the first packet of a probe was seen. */
    public enum Where {
        /** Behind the translations, from an interface of the probe's own; filters were still to come. */
        ENTERING,
        /** Behind all rules, for this host. */
        HERE,
        /** Behind all rules, about to leave by another interface than loopback. */
        LEAVING
    }

    /** Both ends, as far as a set has them. */
    public record End(Address address, int port) {}

    /**
     * The first packet of a probe.
     *
     * @param where where it was seen
     * @param source where it comes from
     * @param sourcePort the port of the probe
     * @param destination where it was heading
     * @param port likewise
     * @param asked where it was heading when conntrack saw it first, which is what Envoy is told (SO_ORIGINAL_DST); null where
     *     conntrack does not track it
     * @param isTransparent whether a socket takes it that listens for addresses of others
     */
    public record Caught(
            Where where,
            Protocol protocol,
            Address source,
            int sourcePort,
            Address destination,
            int port,
            @Nullable End asked,
            boolean isTransparent) {}

    /**
     * Puts it up, in the calling thread's network namespace.
     *
     * @param stems what the names of the interfaces begin with that probes arrive on
     * @param transparently whether they may be taken by transparent sockets
     * @param traced whether the kernel tells the way of those that are opened here (meta nftrace)
     * @throws io.meshcapture.failure.Failure.Unavailable where libnftables or nf_tables is missing
     */
    public static ProbeTable open(List<String> stems, boolean transparently, boolean traced) {
        String body = body(stems, transparently) + (traced ? TRACED : "");
        return new ProbeTable(PassingTable.open("probe", body), !stems.isEmpty());
    }

    private static String body(List<String> stems, boolean transparently) {
        StringBuilder text = new StringBuilder();
        text.append("set probes { type inet_proto . inet_service; flags timeout; timeout " + SECONDS + "s; }\n");
        for (int family : List.of(4, 6)) {
            String address = "ipv" + family + "_addr";
            for (Where where : Where.values()) {
                set(text, name(where) + family, address + " . " + address + " . inet_service");
            }
            set(text, "tracked" + family, address + " . inet_service");
        }
        set(text, "transparent", "");
        String arriving = stems.stream().map(stem -> "\"" + stem + "*\"").collect(Collectors.joining(", "));
        String here = stems.isEmpty() ? "iifname \"lo\"" : "iifname { \"lo\", " + arriving + " }";
        if (!stems.isEmpty()) {
            String from = "iifname { " + arriving + " }";
            text.append("chain entering {\ntype filter hook input priority -300\n");
            if (transparently) {
                text.append(from + " socket transparent 1 meta l4proto . th sport @probes"
                        + " add @transparent { meta l4proto . th sport }\n");
            }
            see(text, from, Where.ENTERING, "");
            text.append("}\nchain passing {\ntype filter hook forward priority -300\n");
            see(text, from, Where.ENTERING, "");
            text.append("}\nchain passed {\ntype filter hook forward priority 50\n");
            see(text, from, Where.LEAVING, " drop");
            text.append("}\n");
        }
        text.append("chain here {\ntype filter hook input priority 50\n");
        see(text, here, Where.HERE, " drop");
        text.append("}\nchain leaving {\ntype filter hook postrouting priority 50\n");
        see(text, "oifname != \"lo\" meta skuid >= 0", Where.LEAVING, " drop"); // has a socket here
        return text.append("}\n").toString();
    }

    private static void set(StringBuilder text, String name, String more) {
        text.append("set " + name + " { type inet_proto . inet_service" + (more.isEmpty() ? "" : " . " + more)
                + "; flags dynamic,timeout; timeout " + SECONDS + "s; size 65536; }\n");
    }

    private static String name(Where where) {
        return where.name().toLowerCase(Locale.ROOT);
    }

    /** Of a packet that nobody tracks, a rule that asks what conntrack knows does nothing. */
    private static void see(StringBuilder text, String which, Where where, String verdict) {
        for (int family : List.of(4, 6)) {
            String ip = family == 6 ? "ip6" : "ip";
            String probe = which + " meta nfproto ipv" + family;
            String known = " meta l4proto . th sport @probes add @";
            for (String protocol : List.of("tcp", "udp")) { // libnftables asks which one it is
                text.append(probe + " meta l4proto " + protocol + known + "tracked" + family
                        + " { meta l4proto . th sport . ct original " + ip + " daddr . ct original proto-dst }\n");
            }
            text.append(probe + known + name(where) + family + " { meta l4proto . th sport . " + ip + " saddr . " + ip
                    + " daddr . th dport }" + verdict + "\n");
        }
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
        Map<String, End> asked = new HashMap<>();
        Set<String> transparent = new HashSet<>();
        for (String set : List.of("tracked4", "tracked6")) {
            elements(
                    set,
                    TRACKED,
                    element -> asked.put(
                            key(element), new End(address(element.group(3)), Integer.parseInt(element.group(4)))));
        }
        if (arriving) {
            elements("transparent", TAKEN, element -> transparent.add(key(element)));
        }
        List<Caught> found = new ArrayList<>();
        for (Where where : Where.values()) {
            for (int family : where == Where.ENTERING && !arriving ? List.<Integer>of() : List.of(4, 6)) {
                elements(
                        name(where) + family,
                        CAUGHT,
                        element -> found.add(new Caught(
                                where,
                                protocol(element),
                                address(element.group(3)),
                                Integer.parseInt(element.group(2)),
                                address(element.group(4)),
                                Integer.parseInt(element.group(5)),
                                asked.get(key(element)),
                                transparent.contains(key(element)))));
            }
        }
        return found;
    }

    private void elements(String set, Pattern element, Consumer<Matcher> taker) {
        String listed = table.list(set);
        int elements = listed.indexOf("elements = {");
        Matcher each = element.matcher(elements < 0 ? "" : listed.substring(elements));
        while (each.find()) {
            taker.accept(each);
        }
    }

    private static Protocol protocol(Matcher element) {
        return element.group(1).equals("tcp") || element.group(1).equals("6") ? Protocol.TCP : Protocol.UDP;
    }

    private static String key(Matcher element) {
        return protocol(element) + " " + element.group(2);
    }

    private static Address address(String text) {
        try {
            return Address.parse(text);
        } catch (BadValue e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        table.close();
    }
}
