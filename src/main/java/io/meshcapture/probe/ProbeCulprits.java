package io.meshcapture.probe;

import io.meshcapture.backend.nftables.NamedChain;
import io.meshcapture.backend.nftables.TraceTable;
import io.meshcapture.failure.Failure;
import io.meshcapture.rules.Sample;
import io.meshcapture.system.NftTrace;
import io.meshcapture.system.PacketTrace.Event;
import io.meshcapture.system.PacketTrace.Verdict;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Names who has decided about probes that went wrong. They are sent once more, and the kernel tells whose chain dropped or
 * translated them, as far as that is one of nf_tables (iptables-nft's are). Nothing is guessed: what our rules were asked about
 * after it was not decided by it.
 */
final class ProbeCulprits {

    /** So many are sent again at most. */
    private static final int MOST = 8;

    /** So long nothing more was told: it was all. */
    private static final Duration QUIET = Duration.ofMillis(50);

    /** So long it is heard at most: others may have packets traced all the time. */
    private static final Duration PATIENCE = Duration.ofMillis(500);

    /** Tables in which the destination of a connection may be changed. */
    private final Set<String> translating = new HashSet<>();

    private ProbeCulprits() {
        for (NamedChain chain : NamedChain.ofOthers()) {
            if (chain.hook().startsWith("type nat") || chain.hook().startsWith("type route")) {
                translating.add(chain.table().substring(chain.table().indexOf(' ') + 1));
            }
        }
    }

    /** The same verdicts, with a name where there is one. */
    static List<Probe.Verdict> named(List<Sample> samples, List<Probe.Verdict> verdicts) throws InterruptedException {
        List<Integer> wrong = IntStream.range(0, verdicts.size())
                .filter(i -> isToBeNamed(verdicts.get(i)))
                .limit(MOST)
                .boxed()
                .toList();
        if (wrong.isEmpty()) {
            return verdicts;
        }
        try (NftTrace trace = NftTrace.open()) {
            List<Integer> ports =
                    ProbeRun.traced(wrong.stream().map(samples::get).toList());
            Map<Integer, List<Event>> ways = ways(trace, ports);
            ProbeCulprits culprits = new ProbeCulprits();
            List<Probe.Verdict> named = new ArrayList<>(verdicts);
            for (int i = 0; i < wrong.size(); i++) {
                Probe.Verdict verdict = verdicts.get(wrong.get(i));
                String name = culprits.of(ways.getOrDefault(ports.get(i), List.of()));
                named.set(wrong.get(i), name == null ? verdict : verdict.found(words(verdict.found(), name)));
            }
            return named;
        } catch (Failure cannotBeTold) {
            return verdicts;
        }
    }

    /** What arrives or a guest opens is nobody's here, and where nobody listens nobody is to blame. */
    private static boolean isToBeNamed(Probe.Verdict verdict) {
        boolean isOpenedHere =
                verdict.connection() != null && verdict.connection().caller().source() == null && !verdict.isArriving();
        return verdict.result() == Probe.Result.WRONG && !verdict.isUnserved() && isOpenedHere;
    }

    /**
     * By the port that they came from; what others have traced is not among them.
     *
     * @param sent the ports that were sent from, 0 where none was
     */
    private static Map<Integer, List<Event>> ways(NftTrace trace, List<Integer> sent) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        Map<Integer, Integer> ports = new HashMap<>();
        Map<Integer, List<Event>> ways = new HashMap<>();
        boolean isQuiet = false;
        while (!isQuiet && System.nanoTime() - deadline < 0) {
            long asked = System.nanoTime();
            List<Event> some = trace.next(QUIET);
            // none at once says that the kernel had more to tell than there was room for: what came first can still be
            // read
            isQuiet = some.isEmpty() && System.nanoTime() - asked > QUIET.toNanos() / 2;
            for (Event event : some) {
                if (event.ends() != null && sent.contains(event.ends().sourcePort())) {
                    ports.putIfAbsent(event.packet(), event.ends().sourcePort());
                }
                int port = ports.getOrDefault(event.packet(), 0);
                if (port != 0) {
                    ways.computeIfAbsent(port, any -> new ArrayList<>()).add(event);
                }
            }
        }
        return ways;
    }

    /** The chain of somebody else that dropped it or decided where it goes; null where none did. */
    private @Nullable String of(List<Event> way) {
        String decided = null;
        for (Event event : way) {
            if (TraceTable.isOurs(event)) {
                boolean translates =
                        event.table().equals("meshcapture") || event.table().equals("nat");
                decided = translates ? null : decided; // we were asked after it
            } else if (!TraceTable.isPassing(event.table())) {
                String chain = "table " + event.table() + " chain " + event.chain();
                if (event.verdict() == Verdict.DROP) {
                    return chain;
                }
                boolean decides = event.rule() != 0 && event.verdict() == Verdict.ACCEPT;
                decided = decides && translating.contains(event.table()) ? chain : decided;
            }
        }
        return decided;
    }

    private static String words(String found, String name) {
        return found.startsWith(ProbeVerdicts.LOST)
                ? ProbeVerdicts.LOST + ": " + name + " drops it"
                : found + (found.endsWith("as it is") ? ", since " + name + " decides before" : " by " + name);
    }
}
