package io.meshcapture.rules;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Connection.Protocol;
import io.meshcapture.rules.Explanation.Outcome;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * One connection for each path of a decision: for every service and caller the captured destinations of each family, its
 * exceptions, what is rejected, Envoy's own connections, DNS, and loopback. They are found by asking {@link Explainer}, so a
 * path that nothing can take, since others come first, has none.
 */
public final class Samples {

    /** So many exceptions of a service, and so many of its callers, have one each. */
    private static final int OF_A_SERVICE = 8;

    /** Addresses for documentation, where nobody is (RFC 5737, RFC 3849). */
    private static final List<Address> NOBODYS = List.of(
            Address.ipv4(0xc0000201),
            Address.ipv4(0xc6336401),
            Address.ipv4(0xcb007101),
            new Address(Family.IPV6, 0x20010db800000000L, 1),
            new Address(Family.IPV6, 0x20010db8ffff0000L, 1));

    private static final List<Address> LOOPBACKS = List.of(Address.LOOPBACK_IPV4, Address.LOOPBACK_IPV6);

    /** Users without name or rights, for callers of whom nothing is asked. */
    private static final long[] ANYBODY = {65534, 65533, 1};

    private static final int[] PORTS = {80, 8080, 443, 9};

    private static final int QUIC = 443;

    /**
     * What is asked of the host.
     *
     * @param ownAddresses its own addresses
     * @param groups the primary group of a user
     * @param devices the interface that leads to an address, or null where none does or nobody asks
     */
    public record Host(
            Set<Address> ownAddresses, LongUnaryOperator groups, Function<Address, @Nullable String> devices) {}

    private final Decision decision;
    private final Host host;
    private final Set<ServiceName> selected;
    private final Explainer explainer;
    private final List<Sample> samples = new ArrayList<>();
    private final Set<String> taken = new HashSet<>();
    private final Map<String, Integer> exceptions = new HashMap<>();
    private final Map<String, Set<CallerKey>> callers = new HashMap<>();
    private int leftOut;

    private Samples(Decision decision, Set<ServiceName> selected, Host host) {
        this.decision = decision;
        this.host = host;
        this.selected = selected;
        this.explainer = Explainer.of(decision);
    }

    /**
     * What was found.
     *
     * @param samples the connections
     * @param leftOut how many paths have none, since there were too many of a kind or none was found
     */
    public record Found(List<Sample> samples, int leftOut) {}

    /**
     * Finds them.
     *
     * @param selected the services that are meant, or empty for all of them and what they share
     */
    public static Found of(Decision decision, Set<ServiceName> selected, Host host) {
        Samples samples = new Samples(decision, selected, host);
        for (Step step : decision.steps()) {
            if (step instanceof Step.Lookup lookup) {
                lookup.entries().forEach(samples::entry);
            }
        }
        if (selected.isEmpty()) {
            for (Step step : decision.steps()) {
                samples.shared(step);
            }
        }
        return new Found(samples.samples, samples.leftOut);
    }

    private void entry(Entry entry) {
        ServiceName service = entry.service();
        if (service == null ? !selected.isEmpty() : !selected.isEmpty() && !selected.contains(service)) {
            return;
        }
        boolean captures = entry.listener() != null;
        Family family = entry.network().family();
        String path;
        if (captures) {
            path = "captured";
            Set<CallerKey> known = callers.computeIfAbsent(service + " " + family, _ -> new LinkedHashSet<>());
            if (known.contains(entry.caller())) {
                return;
            }
            if (known.size() >= OF_A_SERVICE) {
                leftOut++;
                return;
            }
            if (take(service, path, entry, Protocol.TCP)) {
                known.add(entry.caller());
            }
            if (decision.endings().contains(Decision.Ending.REJECT_QUIC)
                    && entry.ports().contains(QUIC)) {
                take(service, "QUIC", entry, Protocol.UDP);
            }
            return;
        }
        path = "excepts " + entry.said();
        if (!taken.add(service + " " + path + " " + family)) {
            return; // the same, of another caller
        }
        if (exceptions.merge(service + " " + family, 1, Integer::sum) > OF_A_SERVICE
                || !take(service, path, entry, Protocol.TCP)) {
            leftOut++;
        }
    }

    /** Whether a connection was found that is decided by the entry. */
    private boolean take(@Nullable ServiceName service, String path, Entry entry, Protocol protocol) {
        for (long uid : entry.caller().uid() == null
                ? ANYBODY
                : new long[] {entry.caller().uid()}) {
            Long asked = entry.caller().gid();
            long gid = asked == null ? host.groups().applyAsLong(uid) : asked;
            Caller caller = new Caller(uid, gid, entry.caller().cgroup());
            for (Address address : addresses(entry.network())) {
                for (int port : protocol == Protocol.UDP ? List.of(QUIC) : ports(entry.ports())) {
                    Connection connection = connection(protocol, address, port, caller);
                    Explanation said = explainer.explain(connection);
                    boolean isDirect = said.outcome() == Outcome.DIRECT;
                    boolean isDecidedByIt = said.lines().stream()
                            .anyMatch(line -> line.decides() && line.why().equals(entry.why()));
                    if (isDecidedByIt && isDirect == (entry.listener() == null)) {
                        samples.add(new Sample(service, path, connection, said));
                        return true;
                    }
                }
            }
        }
        return false;
    }

    private Connection connection(Protocol protocol, Address address, int port, Caller caller) {
        return new Connection(
                protocol,
                address,
                port,
                caller,
                host.ownAddresses(),
                host.devices().apply(address));
    }

    static List<Address> addresses(Network network) {
        List<Address> found = new ArrayList<>();
        for (Address address : NOBODYS) {
            if (network.contains(address)) {
                found.add(address);
            }
        }
        Network part = network;
        while (found.size() < 40) {
            Address base = part.base();
            Address second = new Address(base.family(), base.high(), base.low() + 1);
            found.add(network.contains(second) ? second : base);
            if (part.prefix() == part.family().bits()) {
                break;
            }
            part = part.upperHalf();
        }
        return found;
    }

    static List<Integer> ports(PortRange range) {
        Set<Integer> found = new LinkedHashSet<>();
        for (int port : PORTS) {
            if (range.contains(port)) {
                found.add(port);
            }
        }
        found.add(Math.max(1, range.first()));
        found.add(range.last());
        found.add((range.first() + range.last()) / 2);
        found.remove(0);
        return List.copyOf(found);
    }

    private void shared(Step step) {
        switch (step) {
            case Step.EnvoyUsers envoy ->
                envoy.uids().forEach(uid -> envoysOwn(uid, host.groups().applyAsLong(uid)));
            case Step.EnvoyGroups envoy -> envoy.gids().forEach(gid -> envoysOwn(ANYBODY[0], gid));
            case Step.Dns dns -> dns(dns);
            case Step.OwnAddresses _ -> {
                for (Address loopback : LOOPBACKS) {
                    direct("loopback", loopback, 9, new Caller(ANYBODY[0], ANYBODY[0], null));
                }
            }
            default -> {}
        }
    }

    /** To where others are captured. */
    private void envoysOwn(long uid, long gid) {
        Set<Family> asked = new HashSet<>();
        for (Sample sample : List.copyOf(samples)) {
            Connection captured = sample.connection();
            if (sample.expected().outcome() == Outcome.CAPTURED
                    && captured.protocol() == Protocol.TCP
                    && asked.add(captured.destination().family())) {
                direct("Envoy's own", captured.destination(), captured.port(), new Caller(uid, gid, null));
            }
        }
        Step.Dns dns = decision.dns();
        asked.clear();
        for (Address server : dns == null ? new TreeSet<Address>() : servers(dns)) {
            if (asked.add(server.family())) {
                direct("Envoy's own", Protocol.UDP, server, Step.Dns.PORT, new Caller(uid, gid, null));
            }
        }
    }

    private static SortedSet<Address> servers(Step.Dns dns) {
        return dns.any() ? new TreeSet<>(NOBODYS) : dns.servers();
    }

    private void direct(String path, Address address, int port, Caller caller) {
        direct(path, Protocol.TCP, address, port, caller);
    }

    private void direct(String path, Protocol protocol, Address address, int port, Caller caller) {
        Connection connection = connection(protocol, address, port, caller);
        Explanation said = explainer.explain(connection);
        if (said.outcome() == Outcome.DIRECT) {
            samples.add(new Sample(null, path, connection, said));
        } else {
            leftOut++;
        }
    }

    private void dns(Step.Dns dns) {
        SortedSet<Address> servers = servers(dns);
        Caller caller = new Caller(ANYBODY[0], ANYBODY[0], null);
        Set<Family> asked = new HashSet<>();
        for (Address server : servers) {
            if (dns.any() && !asked.add(server.family())) {
                continue; // one of each family
            }
            for (Protocol protocol : Protocol.values()) {
                Connection query = connection(protocol, server, Step.Dns.PORT, caller);
                Explanation said = explainer.explain(query);
                if (said.outcome() != Outcome.DIRECT) {
                    samples.add(new Sample(null, "DNS", query, said));
                }
            }
        }
    }
}
