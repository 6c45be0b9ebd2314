package io.meshcapture.backend.iptables;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.PortRange;
import io.meshcapture.rules.CallerKey;
import io.meshcapture.rules.Entry;
import io.meshcapture.rules.Step;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One rule of a look-up: entries of one service that differ in their ports alone, as many as one rule can ask for.
 *
 * @param caller what it asks of the caller
 * @param network what it asks of the destination's address
 * @param ports what it asks of its port
 * @param udp whether it is about QUIC and not about TCP
 * @param comment whose it is
 * @param listener where to, or null where the connection stays direct
 */
record Leaf(
        CallerKey caller,
        Network network,
        List<PortRange> ports,
        boolean udp,
        String comment,
        @Nullable Port listener) {

    /** XT_MULTI_PORTS (linux/netfilter/xt_multiport.h); a range takes two. */
    private static final int SLOTS = 15;

    private static final Comparator<Leaf> ORDER = Comparator.comparing(Leaf::network)
            .thenComparing(leaf -> leaf.matches())
            .thenComparing(Leaf::comment);

    /** What is asked of a connection that rules can be sorted by. */
    enum Field {
        CALLER_ADDRESS,
        USER,
        GROUP,
        ADDRESS,
        PORT
    }

    /** The leaves of a look-up in one family, in an order that depends on nothing but what they ask. */
    static List<Leaf> of(Step.Lookup lookup, Family family, boolean quicToo, Map<String, Long> groups) {
        record Group(
                CallerKey caller,
                Network network,
                String comment,
                @Nullable Port listener) {}
        Map<Group, List<PortRange>> grouped = new LinkedHashMap<>();
        for (Entry entry : lookup.entries()) {
            if (entry.network().family() == family) {
                grouped.computeIfAbsent(
                                new Group(
                                        entry.caller(),
                                        entry.network(),
                                        LeafComment.of(lookup, entry, groups),
                                        entry.listener()),
                                any -> new ArrayList<>(1))
                        .add(entry.ports());
            }
        }
        List<Leaf> leaves = new ArrayList<>();
        grouped.forEach((group, ports) -> {
            for (List<PortRange> some : chunks(ports)) {
                leaves.add(new Leaf(group.caller, group.network, some, false, group.comment, group.listener));
            }
            boolean all = ports.contains(PortRange.ALL);
            if (quicToo && !all && ports.stream().anyMatch(range -> range.contains(443))) {
                leaves.add(new Leaf(
                        group.caller,
                        group.network,
                        List.of(new PortRange(443, 443)),
                        true,
                        group.comment,
                        group.listener));
            }
        });
        leaves.sort(ORDER);
        return leaves;
    }

    private static List<List<PortRange>> chunks(Collection<PortRange> ports) {
        List<List<PortRange>> chunks = new ArrayList<>();
        int left = 0;
        for (PortRange range : ports.stream().sorted().toList()) {
            int slots = range.first() == range.last() ? 1 : 2;
            if (slots > left) {
                chunks.add(new ArrayList<>());
                left = SLOTS;
            }
            chunks.getLast().add(range);
            left -= slots;
        }
        return chunks;
    }

    /** What it asks, as iptables prints it. */
    String matches() {
        StringBuilder text = new StringBuilder();
        if (caller.network() != null) {
            append(text, "-s " + spelled(caller.network()));
        }
        if (network.prefix() > 0) {
            append(text, "-d " + spelled(network));
        }
        if (udp) {
            append(text, "-p udp -m udp --dport " + spelled(ports.getFirst()));
        } else if (ports.size() > 1) {
            append(
                    text,
                    "-p tcp -m multiport --dports "
                            + String.join(",", ports.stream().map(Leaf::spelled).toList()));
        } else if (!ports.getFirst().equals(PortRange.ALL)) {
            append(text, "-p tcp -m tcp --dport " + spelled(ports.getFirst()));
        }
        if (caller.cgroup() != null) {
            append(text, "-m cgroup --path " + Words.quoted(caller.cgroup()));
        }
        if (caller.uid() != null || caller.gid() != null) {
            append(text, "-m owner");
            if (caller.uid() != null) {
                append(text, "--uid-owner " + caller.uid());
            }
            if (caller.gid() != null) {
                append(text, "--gid-owner " + caller.gid());
            }
        }
        return text.toString();
    }

    /**
     * The smallest cell that holds all that it asks for in a field: a network of the address's family, or numbers as the last
     * bits of one; null where it asks nothing.
     */
    @Nullable
    Network cell(Field field) {
        return switch (field) {
            case CALLER_ADDRESS -> caller.network();
            case USER -> caller.uid() == null ? null : number(caller.uid());
            case GROUP -> caller.gid() == null ? null : number(caller.gid());
            case ADDRESS -> network.prefix() == 0 ? null : network;
            case PORT ->
                udp || ports.getFirst().equals(PortRange.ALL)
                        ? null
                        : enclosing(
                                number(ports.getFirst().first()),
                                number(ports.getLast().last()));
        };
    }

    private static Network number(long number) {
        return new Network(new Address(Family.IPV6, 0, number), 128);
    }

    /** The smallest network that holds both. */
    static Network enclosing(Network one, Network other) {
        int prefix = Math.min(one.prefix(), other.prefix());
        while (!one.widened(prefix).contains(other)) {
            prefix--;
        }
        return one.widened(prefix);
    }

    /** Asks whether a connection is in a cell, as iptables prints it. */
    static String matches(Field field, Network cell) {
        long first = cell.base().low();
        long last = cell.last().low();
        return switch (field) {
            case CALLER_ADDRESS -> "-s " + spelled(cell);
            case ADDRESS -> "-d " + spelled(cell);
            case USER -> "-m owner --uid-owner " + identities(first, last);
            case GROUP -> "-m owner --gid-owner " + identities(first, last);
            case PORT -> "-p tcp -m tcp --dport " + (first == last ? "" + first : first + ":" + last);
        };
    }

    /** iptables knows no identity of 32 set bits, which is none. */
    private static String identities(long first, long last) {
        return first == last ? "" + first : first + "-" + Math.min(last, 0xfffffffeL);
    }

    static String spelled(Network network) {
        return network.base() + "/" + network.prefix();
    }

    static String spelled(PortRange range) {
        return range.first() == range.last() ? "" + range.first() : range.first() + ":" + range.last();
    }

    private static void append(StringBuilder text, String words) {
        text.append(text.isEmpty() ? "" : " ").append(words);
    }
}
