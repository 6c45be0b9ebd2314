package io.meshcapture.probe;

import io.meshcapture.backend.nftables.ProbeTable;
import io.meshcapture.backend.nftables.ProbeTable.Caught;
import io.meshcapture.backend.nftables.ProbeTable.Where;
import io.meshcapture.rules.Caller;
import io.meshcapture.rules.Connection;
import io.meshcapture.rules.Connection.Protocol;
import io.meshcapture.rules.Sample;
import io.meshcapture.system.ConntrackTable;
import io.meshcapture.system.FirstPacket;
import io.meshcapture.system.ProbeSocket;
import io.meshcapture.system.UserNumbers;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Sends the first packets of samples, all at once, and waits until each was caught or answered. */
final class ProbeRun {

    /** A first packet that a busy machine lost is sent again after a second (TCP_TIMEOUT_INIT). */
    private static final Duration PATIENCE = Duration.ofMillis(1500);

    private static final int PAUSE_MILLIS = 5;
    private static final int PAUSES_UNTIL_AGAIN = 40;

    private ProbeRun() {}

    /**
     * A sample under way.
     *
     * @param packet its first packet, or null where none could be made
     * @param refusal why not
     */
    record Attempt(Sample sample, @Nullable FirstPacket packet, String refusal) {
        private Protocol protocol() {
            return sample.connection().protocol();
        }

        /** Where it was seen last, or null. */
        @Nullable
        Caught among(List<Caught> caught) {
            Caught last = null;
            for (Caught one : caught) {
                boolean isIt = packet != null && one.sourcePort() == packet.port() && one.protocol() == protocol();
                if (isIt && (last == null || last.where() == Where.ENTERING)) {
                    last = one;
                }
            }
            return last;
        }

        private Stream<FirstPacket> packets() {
            return Stream.ofNullable(packet);
        }

        private boolean isOver(List<Caught> all) {
            Caught caught = among(all);
            return packet == null || packet.isOver() || (caught != null && caught.where() != Where.ENTERING);
        }
    }

    /** Sends these, in the calling thread's network namespace, and judges each. */
    static List<Probe.Verdict> of(List<Sample> samples, ProbedArrivals arrivals) throws InterruptedException {
        List<Probe.Verdict> verdicts = new ArrayList<>();
        run(samples, arrivals, false, verdicts);
        return ProbeCulprits.named(samples, verdicts);
    }

    /** Sends these while the kernel tells of their way to whoever listens; answers the port that each was sent from, or 0. */
    static List<Integer> traced(List<Sample> samples) throws InterruptedException {
        return run(samples, ProbedArrivals.NONE, true, new ArrayList<>()).stream()
                .map(attempt -> attempt.packet() == null ? 0 : attempt.packet().port())
                .toList();
    }

    private static List<Attempt> run(
            List<Sample> samples, ProbedArrivals arrivals, boolean traced, List<Probe.Verdict> verdicts)
            throws InterruptedException {
        List<Attempt> attempts = new ArrayList<>();
        if (samples.isEmpty()) {
            return attempts;
        }
        try (ProbeTable table = ProbeTable.open(arrivals.stems(), arrivals.areTakenTransparently(), traced)) {
            try {
                UserNumbers numbers = UserNumbers.ofThisNamespace();
                samples.forEach(sample -> attempts.add(open(sample, arrivals, numbers)));
                verdicts.addAll(verdicts(attempts, table));
                return attempts;
            } finally { // before the table goes: what they send again would pass
                attempts.stream().flatMap(Attempt::packets).forEach(FirstPacket::close);
            }
        }
    }

    private static List<Probe.Verdict> verdicts(List<Attempt> attempts, ProbeTable table) throws InterruptedException {
        List<Map.Entry<Protocol, Integer>> ports = new ArrayList<>();
        for (Attempt attempt : attempts) {
            attempt.packets().forEach(packet -> ports.add(Map.entry(attempt.protocol(), packet.port())));
        }
        if (!ports.isEmpty()) {
            table.expect(ports);
        }
        for (Attempt attempt : attempts) {
            Connection connection = attempt.sample().connection();
            attempt.packets().forEach(packet -> packet.send(connection.destination(), connection.port()));
        }
        List<Caught> caught = caught(attempts, table);
        ProbeVerdicts verdicts = new ProbeVerdicts(caught);
        List<Probe.Verdict> all = attempts.stream().map(verdicts::of).toList();
        forget(caught);
        return all;
    }

    private static Attempt open(Sample sample, ProbedArrivals arrivals, @Nullable UserNumbers numbers) {
        Connection connection = sample.connection();
        Caller caller = connection.caller();
        try {
            FirstPacket packet = caller.source() != null
                    ? arrivals.open(sample)
                    : ProbeSocket.open(
                            connection.destination().family(),
                            connection.protocol() == Protocol.UDP,
                            new ProbeSocket.Owner(caller.uid(), caller.gid(), caller.cgroup()),
                            numbers);
            return new Attempt(sample, packet, "");
        } catch (ProbeSocket.NotOpened e) {
            return new Attempt(sample, null, e.reason());
        } catch (IOException e) {
            return new Attempt(sample, null, String.valueOf(e.getMessage()));
        }
    }

    /** What was caught when each has had its answer, or the time was over. */
    private static List<Caught> caught(List<Attempt> attempts, ProbeTable table) throws InterruptedException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        for (int pauses = 1; true; pauses++) {
            List<Caught> caught = table.caught();
            if (attempts.stream().allMatch(one -> one.isOver(caught)) || System.nanoTime() - deadline > 0) {
                return caught;
            }
            Thread.sleep(PAUSE_MILLIS);
            if (pauses % PAUSES_UNTIL_AGAIN == 0) {
                attempts.stream()
                        .filter(one -> !one.isOver(caught))
                        .flatMap(Attempt::packets)
                        .forEach(FirstPacket::repeat);
            }
        }
    }

    /** Those that arrived on loopback were known to conntrack when they were dropped. */
    private static void forget(List<Caught> caught) {
        Set<Integer> ports = new HashSet<>();
        for (Caught one : caught) {
            if (one.protocol() == Protocol.UDP) {
                ports.add(one.sourcePort());
            } else if (one.where() == Where.HERE) {
                ConntrackTable.Entry entry = ConntrackTable.tcpWithReply(new ConntrackTable.Tuple(
                        /* source= */ one.destination(),
                        /* sourcePort= */ one.port(),
                        /* destination= */ one.source(),
                        /* destinationPort= */ one.sourcePort()));
                if (entry != null) {
                    ConntrackTable.delete(entry);
                }
            }
        }
        if (!ports.isEmpty()) {
            ConntrackTable.udp().stream()
                    .filter(entry -> ports.contains(entry.original().sourcePort()) && !entry.answered())
                    .forEach(ConntrackTable::delete);
        }
    }
}
