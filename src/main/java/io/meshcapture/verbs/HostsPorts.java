package io.meshcapture.verbs;

import io.meshcapture.failure.Failure;
import io.meshcapture.failure.Problem;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.LoopbackAddress;
import io.meshcapture.system.Privileges;
import io.meshcapture.system.SocketTable;
import io.meshcapture.system.SocketTable.Listening;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;

/** How connections to the addresses of names reach Envoy ({@code hosts-ports}). */
final class HostsPorts {
    private HostsPorts() {}

    /**
     * Whether by a redirect, which keeps the original destination and also holds where a program listens on all addresses;
     * else by listeners that Envoy has on these addresses.
     */
    static boolean areRedirected(Plan plan) {
        return switch (plan.hostsPorts()) {
            case AUTO -> Privileges.isNetAdmin() && isNetfilterThere(plan);
            case REDIRECT -> true;
            case LISTENERS -> false;
        };
    }

    /** How they do, and who chose it. */
    static String chosen(Plan plan, boolean redirected) {
        String who = plan.hostsPorts() != Choices.HostsPorts.AUTO
                ? "as the plan says"
                : redirected ? "since netfilter is to be had" : "since netfilter is not to be had";
        return (redirected
                        ? "connections to names are redirected by it (hosts-ports: redirect), "
                        : "connections to names go to listeners of Envoy's own on their addresses (hosts-ports: listeners), ")
                + who;
    }

    private static boolean isNetfilterThere(Plan plan) {
        try (Backends backends = Backends.open()) {
            return !backends.of(plan).backend().name().isEmpty();
        } catch (Failure.Unavailable e) {
            return false;
        }
    }

    /**
     * Where Envoy itself has to listen for connections that are not redirected, and who listens there.
     *
     * @param missing where nobody does
     * @param strangers where others do: they would be called by the names
     */
    record Reached(List<ListenerAddress> missing, StrangersListeners strangers) {

        /** @throws Failure.Conflict where others would be called */
        List<String> notesOrRefusal() {
            strangers.refuse();
            return notes();
        }

        List<String> notes() {
            MissingListeners all = new MissingListeners(missing);
            return all.isEmpty()
                    ? List.of()
                    : List.of("connections to names are not redirected (hosts-ports: listeners), and "
                            + new MissingListeners(missing.subList(0, Math.min(10, missing.size()))).what()
                            + (missing.size() > 10 ? " and " + (missing.size() - 10) + " more" : "")
                            + ", so they are refused until Envoy does" + all.privilege()
                            + "; its listeners are printed by: meshcapture envoy-config --hosts-ports listeners");
        }

        List<String> faults() {
            List<String> faults = new ArrayList<>(notes());
            if (!strangers.isEmpty()) {
                faults.add(strangers.what() + ", so that " + strangers.because() + "; " + strangers.mend());
            }
            return faults;
        }
    }

    /**
     * Who takes connections to names.
     *
     * @throws Failure.Invalid where a service leaves its ports open: Envoy cannot listen on all of them
     */
    static Reached reached(Plan plan, Place place, HostsWanted wanted) throws Exception {
        Map<ListenerAddress, List<Listening>> there = areRedirected(plan) ? Map.of() : listening(plan, place, wanted);
        return new Reached(
                missing(there), place.there(() -> StrangersListeners.among(there, EnvoyIdentity.of(plan, place))));
    }

    /**
     * Tells, as often as it is asked, where Envoy does not listen yet for connections that are not redirected.
     *
     * @param selected the services that are meant, or empty for all
     */
    static Callable<List<ListenerAddress>> missing(Plan plan, Place place, Set<ServiceName> selected) {
        if (!HostsWanted.isAskedBy(plan) || areRedirected(plan)) {
            return List::of;
        }
        HostsWanted wanted = HostsWanted.of(plan, selected, HostsReading.now(place.hosts()));
        return () -> missing(listening(plan, place, wanted));
    }

    private static List<ListenerAddress> missing(Map<ListenerAddress, List<Listening>> there) {
        return there.entrySet().stream()
                .filter(entry -> entry.getValue().isEmpty())
                .map(Map.Entry::getKey)
                .toList();
    }

    /** Where Envoy itself has to listen, and who listens there. */
    private static Map<ListenerAddress, List<Listening>> listening(Plan plan, Place place, HostsWanted wanted)
            throws Exception {
        Map<ListenerAddress, List<Listening>> there = new LinkedHashMap<>();
        List<Problem> problems = new ArrayList<>();
        List<Listening> listening = place.there(SocketTable::listening);
        for (Service service : plan.services()) {
            LoopbackAddress address = wanted.addresses().get(service.name());
            if (service.hosts() == null || address == null || !wanted.lines().containsKey(service.name())) {
                continue;
            }
            if (service.hosts().ports().isEmpty()) {
                problems.add(withoutPorts(service));
            }
            for (Port port : service.hosts().ports().keySet()) {
                there.put(
                        new ListenerAddress(address.address(), port),
                        listening.stream()
                                .filter(one -> one.port() == port.number() && one.serves(address.address()))
                                .toList());
            }
        }
        if (!problems.isEmpty()) {
            throw new Failure.Invalid(problems);
        }
        return there;
    }

    private static Problem withoutPorts(Service service) {
        return new Problem(
                "service \"" + service.name() + "\" has no ports, and connections to names are not redirected here",
                service.origin().toString(),
                "write the ports that clients use, such as ports: {80: 8000}, or have them redirected"
                        + " (hosts-ports: redirect), which takes CAP_NET_ADMIN and nftables");
    }
}
