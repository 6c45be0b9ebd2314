package io.meshcapture.rules;

import io.meshcapture.failure.Problem;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.Ports;
import io.meshcapture.plan.Rank;
import io.meshcapture.plan.ServiceName;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Finds services that can never decide anything, because guards, the plan's exceptions or earlier services cover them. */
final class NeverAsked {

    private final Set<Long> envoyUsers;
    private final Set<Long> envoyGroups;

    /** What stays direct for every caller. */
    private final PrefixTable direct = new PrefixTable();

    /** The entries of the services so far; only those of the same rank can cover all callers of another. */
    private final Map<Rank, CallerTables> earlier = new EnumMap<>(Rank.class);

    private final Map<ServiceName, ServiceRules> byName = new LinkedHashMap<>();

    private NeverAsked(List<Entry> exceptions, Set<Long> envoyUsers, Set<Long> envoyGroups) {
        this.envoyUsers = envoyUsers;
        this.envoyGroups = envoyGroups;
        for (Network network : AlwaysDirect.NETWORKS) {
            direct.add(new Entry(null, CallerKey.ANYBODY, network, PortRange.ALL, null, "always direct"), 0);
        }
        exceptions.forEach(entry -> direct.add(entry, 0));
    }

    /** A problem for each such service. */
    static List<Problem> among(
            List<ServiceRules> services, List<Entry> exceptions, Set<Long> envoyUsers, Set<Long> envoyGroups) {
        NeverAsked search = new NeverAsked(exceptions, envoyUsers, envoyGroups);
        List<Problem> problems = new ArrayList<>();
        for (ServiceRules service : services) {
            search.ask(service, problems);
        }
        return problems;
    }

    private void ask(ServiceRules service, List<Problem> problems) {
        CallerTables tables = earlier.computeIfAbsent(service.rank(), any -> new CallerTables());
        List<Entry> entries = new ArrayList<>(service.except());
        entries.addAll(service.to());
        if (entries.stream().allMatch(entry -> isCovered(entry, tables))) {
            problems.add(problem(service, entries, tables));
        }
        entries.forEach(entry -> tables.add(entry, 0));
        byName.put(service.name(), service);
    }

    private boolean isCovered(Entry entry, CallerTables tables) {
        if (isEnvoy(entry)) {
            return true;
        }
        List<PrefixTable> covering = tables.covering(entry.caller());
        covering.add(direct);
        return covers(covering, entry);
    }

    private static boolean covers(List<PrefixTable> tables, Entry entry) {
        return PrefixTable.covers(tables, entry.network(), new Ports(List.of(entry.ports())));
    }

    private boolean isEnvoy(Entry entry) {
        CallerKey caller = entry.caller();
        return (caller.uid() != null && envoyUsers.contains(caller.uid()))
                || (caller.gid() != null && envoyGroups.contains(caller.gid()));
    }

    private Problem problem(ServiceRules service, List<Entry> entries, CallerTables tables) {
        String what = "service \"" + service.name() + "\" can never decide anything, because ";
        String where = service.origin().toString();
        if (!entries.isEmpty() && entries.stream().allMatch(this::isEnvoy)) {
            return new Problem(
                    what + "its callers are Envoy's own, whose traffic is never captured",
                    where,
                    "run the service as a user of its own, or correct envoy.user and envoy.group");
        }
        if (entries.isEmpty()) {
            return new Problem(
                    what + "it names IPv6 destinations only, which ipv6: bypass leaves direct",
                    where,
                    "write ipv6: auto or capture, add IPv4 destinations, or take the service out");
        }
        List<Entry> notDirect = entries.stream()
                .filter(entry -> !isEnvoy(entry) && !covers(List.of(direct), entry))
                .toList();
        if (notDirect.isEmpty()) {
            return new Problem(
                    what + "all of its destinations stay direct anyway",
                    where,
                    "correct its \"to\", or the plan's \"except\", or remove the service");
        }
        List<ServiceRules> coverers = coverers(notDirect, tables);
        if (coverers.size() == 1) {
            ServiceRules coverer = coverers.getFirst();
            return new Problem(
                    what + said(coverer) + " is asked first and covers it",
                    where,
                    "put it before \"" + coverer.name() + "\", narrow that one, or remove it");
        }
        return new Problem(
                what + coverers.stream().map(NeverAsked::said).collect(Collectors.joining(" and "))
                        + " are asked first and together cover it",
                where,
                "put it before one of them, narrow one of them, or remove it");
    }

    private static String said(ServiceRules service) {
        return "service \"" + service.name() + "\" at " + service.origin();
    }

    /** The earlier service that covers all entries; where none does so alone, every one that covers a part of them. */
    private List<ServiceRules> coverers(List<Entry> entries, CallerTables tables) {
        Set<ServiceName> overlapping = new LinkedHashSet<>();
        for (Entry entry : entries) {
            for (PrefixTable table : tables.covering(entry.caller())) {
                table.forEachOverlapping(entry, placed -> {
                    if (placed.entry().service() != null) {
                        overlapping.add(placed.entry().service());
                    }
                });
            }
        }
        List<ServiceRules> coverers = new ArrayList<>();
        for (ServiceRules service : byName.values()) {
            if (overlapping.contains(service.name())) {
                coverers.add(service);
            }
        }
        for (ServiceRules coverer : coverers) {
            CallerTables own = new CallerTables();
            coverer.except().forEach(entry -> own.add(entry, 0));
            coverer.to().forEach(entry -> own.add(entry, 0));
            if (entries.stream().allMatch(entry -> isCovered(entry, own))) {
                return List.of(coverer);
            }
        }
        return coverers;
    }
}
