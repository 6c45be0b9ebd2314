package io.meshcapture.verbs;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.Change;
import io.meshcapture.backend.LiveState;
import io.meshcapture.backend.Owned;
import io.meshcapture.connections.CapturedConnections;
import io.meshcapture.connections.Ownership;
import io.meshcapture.rules.Decision;
import io.meshcapture.system.SocketTable;
import io.meshcapture.system.SocketTable.Open;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
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
 * <p>Which connections these are is recorded in the kernel by the very transaction that takes the service out. So a process
 * that dies while it waits leaves a record that the next command finishes.
 */
final class Drain {

    private static final Duration PAUSE = Duration.ofMillis(100);

    /** By the cookies of Envoy's ends. */
    private final Map<Long, Owned> waited;

    private Drain(Map<Long, Owned> waited) {
        this.waited = waited;
    }

    /**
     * How it ended.
     *
     * @param services the services of which connections were waited for
     * @param cut how many did not end in time and were cut
     * @param uncut how many this kernel cannot cut
     * @param unknown how many captured connections there are of which nobody can tell whose they are, and which go on
     */
    record Ending(List<String> services, int cut, int uncut, int unknown) {}

    /**
     * Takes services out and drains them.
     *
     * @param change what takes them out, or null where they are out and only connections of theirs are left
     * @param after the decision that is in force then, or null where that is none or not known
     * @param ofServices which services that is; asked with the empty text for a connection whose service is not known
     */
    static Ending commit(
            Backend backend,
            LiveState live,
            @Nullable Change change,
            @Nullable Decision after,
            Predicate<String> ofServices,
            Duration limit,
            Progress progress)
            throws InterruptedException {
        Ownership ownership = new Ownership(live);
        Map<Long, Owned> owned = ownership.among(SocketTable.open());
        int unknown = 0;
        Map<Long, Owned> waited = new LinkedHashMap<>();
        for (Map.Entry<Long, Owned> one : owned.entrySet()) {
            boolean isMeant = ofServices.test(one.getValue().service());
            unknown += !isMeant
                            && one.getValue().service().isEmpty()
                            && one.getValue().client() != 0
                    ? 1
                    : 0;
            if (isMeant) {
                waited.put(one.getKey(), one.getValue());
            }
        }
        if (change != null) {
            backend.commit(change, waited);
            // and those that were opened between the listing and the commit
            Map<Long, Owned> late = after == null ? Map.of() : ownership.directBy(after, SocketTable.open());
            late.keySet().removeAll(owned.keySet());
            late.values().removeIf(one -> !ofServices.test(one.service()));
            backend.addOwners(late);
            waited.putAll(late);
        }
        Ending ending = new Drain(waited).await(limit, progress);
        return new Ending(ending.services(), ending.cut(), ending.uncut(), unknown);
    }

    /**
     * How many recorded connections have not ended, by service; the empty text where that is not known.
     *
     * @param isCaptured whether a service is captured, and its connections are nothing special
     */
    static Map<String, Integer> unfinished(Map<Long, Owned> owners, Predicate<String> isCaptured) {
        if (owners.isEmpty()) {
            return Map.of();
        }
        Drain drain = new Drain(owners);
        Map<String, Integer> counts = drain.counts(drain.left());
        counts.keySet().removeIf(isCaptured);
        return counts;
    }

    /** Takes services out of the record, whose connections have ended or were cut. */
    static void forget(Backend backend, LiveState before, Set<String> services) {
        Map<Long, Owned> others = new LinkedHashMap<>(before.owners());
        others.values().removeIf(one -> services.contains(one.service()));
        backend.setOwners(others);
    }

    private Ending await(Duration limit, Progress progress) throws InterruptedException {
        List<String> services = waited.values().stream()
                .map(Owned::service)
                .filter(service -> !service.isEmpty())
                .distinct()
                .sorted()
                .toList();
        long deadline = System.nanoTime() + limit.toNanos();
        Map<Long, Open> left = left();
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
        int uncut = 0;
        for (Open envoysEnd : left.values()) {
            uncut += CapturedConnections.cut(envoysEnd) == SocketTable.Abortion.UNSUPPORTED ? 1 : 0;
        }
        return new Ending(services, left.size() - uncut, uncut, 0);
    }

    /** Envoy's ends of the connections that have not ended. Where the client's is gone, nobody waits for Envoy's. */
    private Map<Long, Open> left() {
        Map<Long, Open> left = new HashMap<>();
        if (waited.isEmpty()) {
            return left;
        }
        List<Open> sockets = SocketTable.open();
        Set<Long> cookies = new HashSet<>(sockets.size() * 2);
        for (Open socket : sockets) {
            cookies.add(socket.cookie());
        }
        for (Open socket : sockets) {
            Owned owned = waited.get(socket.cookie());
            if (owned != null && (owned.client() == 0 || cookies.contains(owned.client()))) {
                left.put(socket.cookie(), socket);
            }
        }
        return left;
    }

    /** {@code : orders 2, ledger 1}; nothing where no service is known. */
    private String byService(Map<Long, Open> left) {
        Map<String, Integer> counts = counts(left);
        counts.remove("");
        List<String> words = new ArrayList<>();
        counts.forEach((service, count) -> words.add(service + " " + count));
        return words.isEmpty() ? "" : ": " + String.join(", ", words);
    }

    private Map<String, Integer> counts(Map<Long, Open> left) {
        Map<String, Integer> counts = new TreeMap<>();
        for (Long cookie : left.keySet()) {
            Owned owned = waited.get(cookie);
            counts.merge(owned == null ? "" : owned.service(), 1, Integer::sum);
        }
        return counts;
    }
}
