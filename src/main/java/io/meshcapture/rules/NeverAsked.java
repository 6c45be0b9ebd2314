package io.meshcapture.rules;

import io.meshcapture.failure.Problem;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.Ports;
import io.meshcapture.plan.Rank;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import org.jspecify.annotations.Nullable;

/** Finds services that can never decide anything, because guards, the plan's exceptions or earlier services cover them. */
final class NeverAsked {

    private NeverAsked() {}

    static List<Problem> among(List<ServiceRules> services, List<Entry> exceptions, SortedSet<Long> envoyUsers) {
        PrefixTable forAll = new PrefixTable();
        for (Network network : AlwaysDirect.NETWORKS) {
            forAll.add(new PrefixTable.Placed(
                    new Entry(null, CallerKey.ANYBODY, network, PortRange.ALL, null, "always direct"), 0));
        }
        exceptions.forEach(entry -> forAll.add(new PrefixTable.Placed(entry, 0)));

        Map<Rank, CallerTables> earlier = new EnumMap<>(Rank.class);
        Map<String, ServiceRules> byName = new LinkedHashMap<>();
        List<Problem> problems = new ArrayList<>();
        for (ServiceRules service : services) {
            CallerTables tables = earlier.computeIfAbsent(service.rank(), any -> new CallerTables());
            List<Entry> all = new ArrayList<>(service.except());
            all.addAll(service.to());
            boolean decides = false;
            for (Entry entry : all) {
                if (!isCovered(entry, tables, forAll, envoyUsers)) {
                    decides = true;
                    break;
                }
            }
            if (!decides) {
                problems.add(problem(service, all, tables, byName, envoyUsers));
            }
            all.forEach(entry -> tables.add(new PrefixTable.Placed(entry, 0)));
            byName.put(service.name().value(), service);
        }
        return problems;
    }

    private static boolean isCovered(Entry entry, CallerTables tables, PrefixTable forAll, SortedSet<Long> envoyUsers) {
        if (isEnvoy(entry, envoyUsers)) {
            return true;
        }
        List<PrefixTable> covering = tables.covering(entry.caller());
        covering.add(forAll);
        return PrefixTable.covers(covering, entry.network(), new Ports(List.of(entry.ports())));
    }

    private static boolean isEnvoy(Entry entry, SortedSet<Long> envoyUsers) {
        Long uid = entry.caller().uid();
        return uid != null && envoyUsers.contains(uid);
    }

    private static Problem problem(
            ServiceRules service,
            List<Entry> entries,
            CallerTables tables,
            Map<String, ServiceRules> byName,
            SortedSet<Long> envoyUsers) {
        String what = "service \"" + service.name() + "\" can never decide anything";
        String where = service.origin().toString();
        if (!entries.isEmpty() && entries.stream().allMatch(entry -> isEnvoy(entry, envoyUsers))) {
            return new Problem(
                    what + ", because its user is Envoy's own, whose traffic is never captured",
                    where,
                    "run the service as a user of its own, or correct envoy.user");
        }
        ServiceRules coverer = entries.stream()
                .map(entry -> covererOf(entry, tables, byName))
                .filter(found -> found != null)
                .findFirst()
                .orElse(null);
        if (coverer == null) {
            return new Problem(
                    what + ", because all of its destinations stay direct anyway",
                    where,
                    "correct its \"to\", or the plan's \"except\", or remove the service");
        }
        return new Problem(
                what + ", because service \"" + coverer.name() + "\" at " + coverer.origin()
                        + " is asked first and covers it",
                where,
                "put it before \"" + coverer.name() + "\", narrow that one, or remove it");
    }

    private static @Nullable ServiceRules covererOf(
            Entry entry, CallerTables tables, Map<String, ServiceRules> byName) {
        @Nullable ServiceRules[] found = {null};
        for (PrefixTable table : tables.covering(entry.caller())) {
            table.forEachAround(entry.network(), placed -> {
                if (found[0] == null && placed.entry().service() != null) {
                    found[0] = byName.get(placed.entry().service().value());
                }
            });
            if (found[0] == null) {
                table.forEachInside(entry.network(), placed -> {
                    if (found[0] == null && placed.entry().service() != null) {
                        found[0] = byName.get(placed.entry().service().value());
                    }
                });
            }
        }
        return found[0];
    }
}
