package io.meshcapture.rules;

import io.meshcapture.failure.Problem;
import io.meshcapture.plan.Account;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.CgroupPath;
import io.meshcapture.plan.Destination;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.From;
import io.meshcapture.plan.HostName;
import io.meshcapture.plan.HostsCapture;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.Ports;
import io.meshcapture.plan.Rank;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.plan.UnitName;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Turns one service of the plan into entries: names resolved, destinations made disjoint. */
final class ServiceCompiler {

    private final Identities identities;
    private final List<Family> families;
    private final List<Problem> problems;

    /**
     * @param families the families that are captured or rejected; entries are made for no other
     * @param problems receives what cannot be resolved
     */
    ServiceCompiler(Identities identities, List<Family> families, List<Problem> problems) {
        this.identities = identities;
        this.families = families;
        this.problems = problems;
    }

    ServiceRules compile(Service service) {
        List<Entry> except = new ArrayList<>();
        List<Entry> to = new ArrayList<>();
        if (!service.from().networks().isEmpty() && service.from().rank() != Rank.ANY) {
            problems.add(new Problem(
                    "service \"" + service.name()
                            + "\" names a network and a user, group, unit or cgroup, and nobody has both",
                    service.origin().toString(),
                    "make two services of it: a network is that of virtual machines and containers behind this host"));
        }
        for (CallerKey caller : callers(service.from())) {
            except.addAll(entries(service.name(), caller, service.except(), null));
            to.addAll(entries(service.name(), caller, service.to(), service.outbound()));
        }
        return new ServiceRules(service.name(), service.from().rank(), except, to, service.origin());
    }

    /** A service by name: whoever connects to its address is captured, since the names tell that to everybody. */
    static ServiceRules named(Service service, HostsCapture hosts, LoopbackAddress address) {
        Network network = new Network(address.address(), Family.IPV4.bits());
        String said = hosts.names().stream().map(HostName::value).collect(Collectors.joining(", "));
        List<Entry> to = new ArrayList<>();
        if (hosts.ports().isEmpty()) {
            to.add(new Entry(service.name(), CallerKey.ANYBODY, network, PortRange.ALL, service.outbound(), said));
        }
        hosts.ports()
                .forEach((port, listener) -> to.add(new Entry(
                        service.name(),
                        CallerKey.ANYBODY,
                        network,
                        new PortRange(port.number(), port.number()),
                        listener,
                        said + " port " + port)));
        return new ServiceRules(service.name(), Rank.NAME, List.of(), to, service.origin());
    }

    /** Every combination of the kinds that are named. */
    private Set<CallerKey> callers(From from) {
        Set<String> cgroups = new LinkedHashSet<>();
        for (UnitName unit : from.units()) {
            cgroups.addAll(resolve(() -> identities.cgroups(unit), unit.origin(), List.of()));
        }
        for (CgroupPath path : from.cgroups()) {
            cgroups.addAll(resolve(() -> List.of(identities.cgroup(path)), path.origin(), List.of()));
        }
        List<Network> networks = widest(from.networks());
        Set<CallerKey> callers = new LinkedHashSet<>();
        for (@Nullable String cgroup : orNothing(cgroups)) {
            for (@Nullable Long uid : orNothing(ids(from.users()))) {
                for (@Nullable Long gid : orNothing(ids(from.groups()))) {
                    for (@Nullable Network network : orNothing(networks)) {
                        callers.add(new CallerKey(cgroup, uid, gid, network));
                    }
                }
            }
        }
        return callers;
    }

    /** Those that lie in no other: elements of a map may not overlap. */
    private static List<Network> widest(List<Network> networks) {
        return networks.stream()
                .distinct()
                .filter(network ->
                        networks.stream().noneMatch(other -> !other.equals(network) && other.contains(network)))
                .toList();
    }

    private Set<Long> ids(List<Account> accounts) {
        Set<Long> ids = new LinkedHashSet<>();
        for (Account account : accounts) {
            ids.addAll(resolve(() -> List.of(identities.id(account)), account.origin(), List.of()));
        }
        return ids;
    }

    SortedSet<Long> sortedIds(List<Account> accounts) {
        return new TreeSet<>(ids(accounts));
    }

    private static <T extends @Nullable Object> Collection<T> orNothing(Collection<T> values) {
        return values.isEmpty() ? Collections.<T>singletonList(nothing()) : values;
    }

    @SuppressWarnings({"NullAway", "TypeParameterUnusedInFormals"}) // the one place where an absent kind becomes null
    private static <T extends @Nullable Object> T nothing() {
        return (T) null;
    }

    private interface Resolution<T> {
        T get() throws BadValue;
    }

    private <T> T resolve(Resolution<T> resolution, Origin origin, T otherwise) {
        try {
            return resolution.get();
        } catch (BadValue e) {
            Problem problem = new Problem(e.what(), origin.toString(), e.mend());
            if (!problems.contains(problem)) {
                problems.add(problem);
            }
            return otherwise;
        }
    }

    /** Entries of one step for one caller. No two of them share an address and a port. */
    List<Entry> entries(
            @Nullable ServiceName service, CallerKey caller, List<Destination> destinations, @Nullable Port listener) {
        List<Entry> entries = new ArrayList<>();
        for (Family family : families) {
            if (caller.network() != null && caller.network().family() != family) {
                continue; // nobody calls across families
            }
            Map<Network, Ports> portsOf = new LinkedHashMap<>();
            Map<Network, String> said = new HashMap<>();
            for (Destination destination : destinations) {
                for (Network network : destination.networks(family)) {
                    portsOf.merge(network, destination.ports(), Ports::plus);
                    said.merge(network, destination.toString(), (first, second) -> first + ", " + second);
                }
            }
            TreeSet<Integer> prefixes = new TreeSet<>();
            portsOf.keySet().forEach(network -> prefixes.add(network.prefix()));
            portsOf.forEach((network, ports) -> {
                Ports own = minusWider(network, ports, portsOf, prefixes);
                for (PortRange range : own.ranges()) {
                    entries.add(new Entry(service, caller, network, range, listener, said.getOrDefault(network, "")));
                }
            });
        }
        return entries;
    }

    private static Ports minusWider(
            Network network, Ports ports, Map<Network, Ports> portsOf, SortedSet<Integer> prefixes) {
        Ports own = ports;
        for (int prefix : prefixes) {
            if (prefix >= network.prefix()) {
                break;
            }
            Ports wider = portsOf.get(network.widened(prefix));
            if (wider != null) {
                own = own.minus(wider);
            }
        }
        return own;
    }
}
