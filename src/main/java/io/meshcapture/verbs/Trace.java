package io.meshcapture.verbs;

import io.meshcapture.backend.TracedRules;
import io.meshcapture.backend.nftables.LoggerRecord;
import io.meshcapture.backend.nftables.TraceTable;
import io.meshcapture.connections.Callers;
import io.meshcapture.plan.Address;
import io.meshcapture.rules.Caller;
import io.meshcapture.rules.Connection;
import io.meshcapture.rules.Connection.Protocol;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Explainer;
import io.meshcapture.rules.Explanation;
import io.meshcapture.system.HostFacts;
import io.meshcapture.system.LegacyTrace;
import io.meshcapture.system.PacketTrace;
import io.meshcapture.system.PacketTrace.Event;
import io.meshcapture.system.PacketTrace.Verdict;
import io.meshcapture.system.SocketTable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Tells what the kernel does with the next connections to somewhere, by its own trace of our rules. */
public final class Trace {

    /** So long nothing more was told of a packet: it has come to its end, also where processes wait for a processor. */
    private static final Duration QUIET = Duration.ofMillis(300);

    private static final Duration LOOK = Duration.ofMillis(20);

    /**
     * What is asked.
     *
     * @param destinations the addresses that connections go to
     * @param port their port
     * @param protocol TCP or UDP
     * @param inbound whether connections are meant that arrive from elsewhere
     * @param within how long they are waited for
     * @param most after how many it ends
     */
    public record Request(
            List<Address> destinations, int port, Protocol protocol, boolean inbound, Duration within, int most) {
        public Request {
            destinations = List.copyOf(destinations);
        }
    }

    /** What became of a connection. */
    public enum Outcome {
        CAPTURED,
        DIRECT,
        REJECTED,
        DROPPED,
        /** Our rules were never asked: somebody decided before. */
        UNASKED
    }

    /** Both ends of a connection, as it was opened. */
    public record Ends(Address source, int sourcePort, Address destination, int destinationPort) {}

    /**
     * A connection that was seen.
     *
     * @param ends its ends
     * @param protocol TCP or UDP
     * @param caller who opened it, or null where its socket was gone already or is not on this host
     * @param steps what our rules that decided something say, in the order in which they were asked
     * @param outcome what became of it
     * @param listener Envoy's listener where it was captured, else 0
     * @param by the chain of somebody else that dropped it or decided before, the empty text for none
     * @param explained what the rules that stand should have done, or null where the caller is not known
     */
    public record Seen(
            Ends ends,
            Protocol protocol,
            @Nullable Caller caller,
            List<String> steps,
            Outcome outcome,
            int listener,
            String by,
            @Nullable Explanation explained) {

        /** Whether the kernel did what the rules say. */
        public boolean isAsExplained() {
            return explained == null
                    || switch (outcome) {
                        case CAPTURED ->
                            explained.listener() != null && explained.listener().number() == listener;
                        case DIRECT, UNASKED -> explained.outcome() == Explanation.Outcome.DIRECT;
                        case REJECTED -> explained.outcome() == Explanation.Outcome.REJECTED;
                        case DROPPED -> false;
                    };
        }
    }

    private final Request request;
    private final Decision decision;
    private final TracedRules rules;
    private final SoughtPackets sought;
    private final Map<Integer, List<Event>> underWay = new LinkedHashMap<>();
    private final Map<Integer, Long> lastHeard = new LinkedHashMap<>();
    private final Map<Integer, Caller> callers = new LinkedHashMap<>();
    private final Set<Ends> told = new HashSet<>();
    private final Set<Address> own = HostFacts.ownAddresses();

    private Trace(Request request, Decision decision, TracedRules rules) {
        this.request = request;
        this.decision = decision;
        this.rules = rules;
        this.sought = new SoughtPackets(request.destinations(), request.port(), request.protocol(), QUIET);
    }

    /**
     * Traces, and tells each connection when it has come to its end.
     *
     * @param ready told when every connection from then on is traced
     * @param stop asks it to end before its time
     * @return how many were seen
     * @throws io.meshcapture.failure.Failure.Unavailable where the kernel does not tell its trace
     */
    public static int run(Place place, Request request, Runnable ready, Consumer<Seen> taker, Stop stop)
            throws Exception {
        return place.reading(() -> {
            LegacyTrace.putBack(new LoggerRecord()); // or this one would take it for what was there before
            Decision decision;
            TracedRules rules;
            try (Backends backends = Backends.open()) {
                Backends.Standing standing =
                        backends.captured("apply a plan first, or ask what it would do with: meshcapture explain");
                decision = standing.decision();
                rules = backends.traced(standing);
            }
            try (PacketTrace trace = rules.listen();
                    TraceTable _ = TraceTable.open(
                            request.destinations(),
                            request.port(),
                            request.protocol(),
                            request.inbound(),
                            request.within())) {
                ready.run();
                return new Trace(request, decision, rules).listen(trace, taker, stop);
            }
        });
    }

    /** Whether it could not put back what it had to set for iptables-legacy, as in a container that may not write /proc/sys. */
    public static boolean hasLeftSettings(Place place) throws Exception {
        return place.reading(() -> LegacyTrace.hasLeft(new LoggerRecord()));
    }

    private int listen(PacketTrace trace, Consumer<Seen> taker, Stop stop) {
        long deadline = System.nanoTime() + request.within().toNanos();
        long end = deadline + QUIET.toNanos();
        while (!isEnough(stop) && isTime(underWay.isEmpty() ? deadline : end)) {
            for (Event event : trace.next(underWay.isEmpty() ? Duration.ofMillis(200) : LOOK)) {
                if (sought.isOf(event) && (underWay.containsKey(event.packet()) || isTime(deadline))) {
                    hear(event);
                }
            }
            tell(QUIET, taker, stop);
        }
        tell(Duration.ZERO, taker, stop);
        return told.size();
    }

    private boolean isEnough(Stop stop) {
        return stop.isAsked() || told.size() >= request.most();
    }

    /** Tells those of which nothing was heard for so long. */
    private void tell(Duration quiet, Consumer<Seen> taker, Stop stop) {
        for (Integer packet : List.copyOf(underWay.keySet())) {
            boolean isOver = System.nanoTime() - lastHeard.getOrDefault(packet, 0L) >= quiet.toNanos();
            if (isOver && !isEnough(stop)) {
                List<Event> events = underWay.remove(packet);
                lastHeard.remove(packet);
                Seen one = events == null ? null : seen(events, callers.remove(packet));
                if (one != null && told.add(one.ends())) {
                    taker.accept(one);
                }
            }
        }
    }

    private static boolean isTime(long until) {
        return System.nanoTime() - until < 0;
    }

    private void hear(Event event) {
        PacketTrace.Ends ends = event.ends();
        if (!underWay.containsKey(event.packet()) && ends != null && !request.inbound()) {
            Caller caller = caller(ends); // at once, since a connection that is refused has no socket for long
            if (caller != null) {
                callers.put(event.packet(), caller);
            }
        }
        underWay.computeIfAbsent(event.packet(), any -> new ArrayList<>()).add(event);
        lastHeard.put(event.packet(), System.nanoTime());
    }

    /** What the steps of one packet come to; null where they are not those of a connection's first one. */
    private @Nullable Seen seen(List<Event> events, @Nullable Caller caller) {
        PacketTrace.Ends ends = null;
        List<String> steps = new ArrayList<>();
        boolean asked = false;
        int listener = 0;
        String others = "";
        boolean dropped = false;
        for (Event event : events) {
            ends = ends == null ? event.ends() : ends;
            Verdict verdict = rules.verdict(event);
            if (rules.isOurs(event)) {
                String why = event.rule() == 0 ? "" : rules.why(event);
                boolean isSaid = !steps.isEmpty() && steps.getLast().equals(why); // by two rules that do it together
                if (!why.isEmpty() && !isSaid) {
                    steps.add(why);
                }
                asked = true;
                listener = Math.max(listener, rules.listener(event));
                dropped |= verdict == Verdict.DROP;
            } else if (!TraceTable.isPassing(event.table())) {
                if (verdict == Verdict.DROP) {
                    return of(ends, caller, steps, Outcome.DROPPED, 0, chain(event));
                }
                boolean decides = event.rule() != 0 && verdict == Verdict.ACCEPT;
                others = decides && (others.isEmpty() || event.table().equals("nat")) ? chain(event) : others;
            }
        }
        if (!asked) {
            return of(ends, caller, steps, Outcome.UNASKED, 0, others);
        }
        if (dropped) {
            return of(ends, caller, steps, listener > 0 ? Outcome.REJECTED : Outcome.DROPPED, 0, "");
        }
        return of(ends, caller, steps, listener > 0 ? Outcome.CAPTURED : Outcome.DIRECT, listener, "");
    }

    private static String chain(Event event) {
        return "table " + event.table() + " chain " + event.chain();
    }

    private @Nullable Seen of(
            PacketTrace.@Nullable Ends ends,
            @Nullable Caller caller,
            List<String> steps,
            Outcome outcome,
            int listener,
            String by) {
        if (ends == null) {
            return null;
        }
        Explanation explained = caller == null
                ? null
                : Explainer.explain(
                        decision,
                        new Connection(request.protocol(), ends.destination(), ends.destinationPort(), caller, own));
        Ends both = new Ends(ends.source(), ends.sourcePort(), ends.destination(), ends.destinationPort());
        return new Seen(both, request.protocol(), caller, steps, outcome, listener, by, explained);
    }

    /** Whoever has the socket that it was opened from, while that is there. */
    private @Nullable Caller caller(PacketTrace.Ends ends) {
        List<SocketTable.Open> sockets =
                request.protocol() == Protocol.TCP ? SocketTable.open() : SocketTable.openUdp();
        List<SocketTable.Open> found = sockets.stream()
                .filter(socket -> socket.localPort() == ends.sourcePort()
                        && socket.remotePort() == ends.destinationPort()
                        && socket.remote().equals(ends.destination()))
                .toList();
        return found.isEmpty() ? null : Callers.of(decision, found).of(found.getFirst());
    }
}
