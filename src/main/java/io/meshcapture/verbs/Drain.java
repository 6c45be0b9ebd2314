package io.meshcapture.verbs;

import io.meshcapture.backend.nftables.Change;
import io.meshcapture.backend.nftables.Draining;
import io.meshcapture.backend.nftables.LiveState;
import io.meshcapture.backend.nftables.NftablesBackend;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Port;
import io.meshcapture.rules.Decision;
import io.meshcapture.system.SocketTable;
import io.meshcapture.verbs.CapturedConnections.Captured;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Lets captured connections of services that are rolled back end by themselves, for a time, and cuts them when it is over.
 *
 * <p>Which connections these are is asked of the decision that stood when they were captured, before it is taken away, and
 * recorded in the kernel by the very transaction that takes it away. So a process that dies while it waits leaves a record
 * that the next command finishes.
 */
final class Drain {

    private static final Duration PAUSE = Duration.ofMillis(100);

    private final List<Port> listeners;
    private final @Nullable Decision decision;

    /** Those at which connections from elsewhere arrive. */
    private final List<Port> arriving;

    /** By the cookies of the clients' sockets; of Envoy's where the client is elsewhere. */
    private final Map<Long, Draining> waited = new LinkedHashMap<>();

    private Drain(LiveState live, Predicate<String> ofServices) {
        this.arriving = new ArrayList<>(live.inboundListeners());
        if (live.isForwarding()) {
            arriving.addAll(live.listeners()); // what is behind this host has its end elsewhere as well
        }
        this.listeners = new ArrayList<>(live.listeners());
        listeners.addAll(live.inboundListeners()); // what Envoy called here
        this.decision = decision(live);
        live.draining().forEach((cookie, one) -> {
            if (ofServices.test(one.service())) {
                waited.put(cookie, one);
                listeners.add(one.listener());
            }
        });
    }

    /** The decision that captured what is captured; null where nothing is in force or the table was edited by hand. */
    private static @Nullable Decision decision(LiveState live) {
        try {
            return live.isInForce() ? live.decision() : null;
        } catch (Failure.Conflict editedByHand) {
            return null;
        }
    }

    /**
     * How it ended.
     *
     * @param services the services of which connections were waited for
     * @param cut how many did not end in time and were cut
     * @param uncut how many this kernel cannot cut
     */
    record Ending(List<String> services, int cut, int uncut) {}

    /**
     * Takes services out and drains them.
     *
     * @param change what takes them out, or null where they are out and only an interrupted drain is to be finished
     * @param ofServices which services that is; asked with the empty text for a connection whose service is not known
     */
    static Ending commit(
            NftablesBackend backend,
            LiveState live,
            @Nullable Change change,
            Predicate<String> ofServices,
            Duration limit,
            Progress progress)
            throws InterruptedException {
        Drain drain = new Drain(live, ofServices);
        if (change != null) {
            Map<Long, Draining> before = drain.captured(ofServices);
            drain.waited.putAll(before);
            backend.commit(change, before);
            // and those that were opened between the listing and the commit
            Map<Long, Draining> late = drain.captured(ofServices);
            late.keySet().removeAll(drain.waited.keySet());
            backend.addDraining(late);
            drain.waited.putAll(late);
        }
        return drain.await(limit, progress);
    }

    /** The captured connections of the services that are alive. */
    private Map<Long, Draining> captured(Predicate<String> ofServices) {
        Map<Long, Draining> found = new LinkedHashMap<>();
        if (ofServices.test("") && !arriving.isEmpty()) {
            for (SocketTable.Open envoysEnd : CapturedConnections.arrived(SocketTable.open(), arriving)) {
                found.put(envoysEnd.cookie(), draining("", envoysEnd));
            }
        }
        if (decision == null) {
            if (ofServices.test("")) {
                CapturedConnections.pairs(SocketTable.open(), listeners)
                        .forEach(pair -> pair.clients()
                                .forEach(client -> found.put(client.cookie(), draining("", pair.envoysEnd()))));
            }
            return found;
        }
        for (Captured captured : CapturedConnections.alive(decision, listeners)) {
            String service =
                    captured.service() == null ? "" : captured.service().value();
            if (ofServices.test(service)) {
                found.put(captured.client().cookie(), draining(service, captured.envoysEnd()));
            }
        }
        return found;
    }

    private Draining draining(String service, SocketTable.Open envoysEnd) {
        for (Port listener : listeners) {
            if (listener.number() == envoysEnd.localPort()) {
                return new Draining(service, listener);
            }
        }
        throw new IllegalStateException("no listener has port " + envoysEnd.localPort());
    }

    /** Forgets recorded connections that have ended, and those of services that are captured again; tells of the others. */
    static List<String> tidy(NftablesBackend backend, LiveState before, Predicate<String> isCapturedAgain) {
        if (before.draining().isEmpty()) {
            return List.of();
        }
        Drain drain = new Drain(before, service -> !isCapturedAgain.test(service));
        Map<Long, SocketTable.Open> left = drain.left();
        drain.waited.keySet().retainAll(left.keySet());
        backend.setDraining(drain.waited);
        if (left.isEmpty()) {
            return List.of();
        }
        return List.of("a rollback was interrupted: " + left.size()
                + " captured connection(s) still go on through Envoy" + drain.byService(left)
                + "; let them end, or cut them with: meshcapture rollback --drain 0 SERVICE");
    }

    /** How many connections of rolled back services have not ended, by service; the empty text where that is not known. */
    static Map<String, Integer> unfinished(LiveState live) {
        if (live.draining().isEmpty()) {
            return Map.of();
        }
        Drain drain = new Drain(live, any -> true);
        return drain.counts(drain.left());
    }

    /** Takes services out of the record, whose connections have ended or were cut. */
    static void forget(NftablesBackend backend, LiveState before, Set<String> services) {
        Map<Long, Draining> others = new LinkedHashMap<>(before.draining());
        others.values().removeIf(one -> services.contains(one.service()));
        backend.setDraining(others);
    }

    private Ending await(Duration limit, Progress progress) throws InterruptedException {
        List<String> services = waited.values().stream()
                .map(Draining::service)
                .filter(service -> !service.isEmpty())
                .distinct()
                .sorted()
                .toList();
        long deadline = System.nanoTime() + limit.toNanos();
        Map<Long, SocketTable.Open> left = left();
        while (!left.isEmpty() && System.nanoTime() < deadline) {
            progress.waiting("waiting for " + left.size()
                    + (left.size() == 1 ? " captured connection" : " captured connections") + " to end"
                    + byService(left));
            progress.ifInterrupted("interrupted: new connections are direct, and " + left.size()
                    + " captured one(s) go on until they end; finish with the same rollback again");
            Thread.sleep(PAUSE);
            left = left();
        }
        progress.ifInterrupted(null);
        // Envoy's end is ended, which resets the client's: it hears at once, also where it is idle
        int uncut = 0;
        for (SocketTable.Open envoysEnd : left.values()) {
            uncut += SocketTable.abort(envoysEnd) == SocketTable.Abortion.UNSUPPORTED ? 1 : 0;
        }
        return new Ending(services, left.size() - uncut, uncut);
    }

    /** Envoy's ends of the connections that have not ended. */
    private Map<Long, SocketTable.Open> left() {
        Map<Long, SocketTable.Open> left = new HashMap<>();
        if (waited.isEmpty()) {
            return left;
        }
        List<SocketTable.Open> sockets = SocketTable.open();
        for (CapturedConnections.Pair pair : CapturedConnections.pairs(sockets, listeners)) {
            for (SocketTable.Open client : pair.clients()) {
                if (waited.containsKey(client.cookie())) {
                    left.put(client.cookie(), pair.envoysEnd());
                }
            }
        }
        for (SocketTable.Open envoysEnd : CapturedConnections.arrived(sockets, listeners)) {
            if (waited.containsKey(envoysEnd.cookie())) {
                left.put(envoysEnd.cookie(), envoysEnd);
            }
        }
        return left;
    }

    /** {@code : orders 2, ledger 1}; nothing where no service is known. */
    private String byService(Map<Long, SocketTable.Open> left) {
        Map<String, Integer> counts = counts(left);
        counts.remove("");
        List<String> words = new ArrayList<>();
        counts.forEach((service, count) -> words.add(service + " " + count));
        return words.isEmpty() ? "" : ": " + String.join(", ", words);
    }

    private Map<String, Integer> counts(Map<Long, SocketTable.Open> left) {
        Map<String, Integer> counts = new TreeMap<>();
        left.keySet().forEach(cookie -> counts.merge(service(cookie), 1, Integer::sum));
        return counts;
    }

    private String service(long cookie) {
        Draining one = waited.get(cookie);
        return one == null ? "" : one.service();
    }
}
