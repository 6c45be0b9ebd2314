package io.meshcapture.rules;

import io.meshcapture.plan.Origin;
import io.meshcapture.plan.Rank;
import io.meshcapture.plan.ServiceName;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * A service with its names resolved, before its place among the others is known.
 *
 * @param name its name
 * @param rank how narrowly it names its callers
 * @param except entries that keep a connection direct; asked before {@code to}
 * @param to entries that capture
 * @param origin where the service was written
 */
public record ServiceRules(ServiceName name, Rank rank, List<Entry> except, List<Entry> to, Origin origin) {
    public ServiceRules {
        except = List.copyOf(except);
        to = List.copyOf(to);
    }

    /**
     * Entries that were read back, service by service; those of the plan itself are left out.
     *
     * @param byName the services that capture by name
     * @param origin where all of them were read
     */
    public static Map<ServiceName, ServiceRules> of(Iterable<Entry> entries, Set<ServiceName> byName, Origin origin) {
        Map<ServiceName, List<Entry>> except = new LinkedHashMap<>();
        Map<ServiceName, List<Entry>> to = new LinkedHashMap<>();
        for (Entry entry : entries) {
            if (entry.service() != null) {
                (entry.listener() == null ? except : to)
                        .computeIfAbsent(entry.service(), any -> new ArrayList<>())
                        .add(entry);
            }
        }
        Map<ServiceName, ServiceRules> services = new LinkedHashMap<>();
        for (Map<ServiceName, List<Entry>> some : List.of(except, to)) {
            some.forEach((name, all) -> services.put(
                    name,
                    new ServiceRules(
                            name,
                            byName.contains(name)
                                    ? Rank.NAME
                                    : all.getFirst().caller().rank(),
                            except.getOrDefault(name, List.of()),
                            to.getOrDefault(name, List.of()),
                            origin)));
        }
        return services;
    }

    /** Without what asks for callers behind this host. */
    ServiceRules ofThisHost() {
        boolean all = except.stream().allMatch(entry -> entry.caller().network() == null)
                && to.stream().allMatch(entry -> entry.caller().network() == null);
        return all ? this : with(entry -> entry.caller().network() == null);
    }

    /** What a caller behind this host can fit. */
    ServiceRules ofForwarded() {
        return with(entry -> !entry.caller().isLocal());
    }

    private ServiceRules with(Predicate<Entry> some) {
        return new ServiceRules(
                name,
                rank,
                except.stream().filter(some).toList(),
                to.stream().filter(some).toList(),
                origin);
    }

    /** Equal for equal capture, whatever the order in which the plan lists destinations. */
    public String digest() {
        List<String> lines = new ArrayList<>();
        for (List<Entry> entries : List.of(except, to)) {
            for (Entry entry : entries) {
                lines.add(entry.caller() + " " + entry.network() + " " + entry.ports() + " " + entry.listener());
            }
        }
        lines.sort(null);
        return Fnv.hex(Fnv.hash(lines));
    }
}
