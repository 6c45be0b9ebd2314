package io.meshcapture.verbs;

import io.meshcapture.backend.nftables.ProbeTable;
import io.meshcapture.backend.nftables.ProbeTable.Caught;
import io.meshcapture.plan.Account;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Caller;
import io.meshcapture.rules.Connection;
import io.meshcapture.rules.Connection.Protocol;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Explanation;
import io.meshcapture.rules.Sample;
import io.meshcapture.rules.Samples;
import io.meshcapture.rules.Step;
import io.meshcapture.system.Accounts;
import io.meshcapture.system.ConntrackTable;
import io.meshcapture.system.HostFacts;
import io.meshcapture.system.ProbeSocket;
import io.meshcapture.system.Routes;
import io.meshcapture.system.SocketTable;
import io.meshcapture.system.UserNumbers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Sends a real connection down every path of a decision, as the service's user, group and control group, and sees where the
 * kernel takes it. Its first packet is caught behind all rules of this machine ({@link ProbeTable}): nothing leaves it, and
 * Envoy hears nothing of it.
 */
public final class Probe {

    /** So many are sent at most. */
    static final int MOST = 256;

    /** A first packet that a busy machine lost is sent again after a second (TCP_TIMEOUT_INIT). */
    private static final Duration PATIENCE = Duration.ofMillis(1500);

    private static final int PAUSE_MILLIS = 5;

    /** What a probe showed. */
    public enum Result {
        OK,
        WRONG,
        /** It could not be sent. */
        UNKNOWN
    }

    /** What a verdict rests on. */
    public enum Evidence {
        /** The first packet, on loopback behind all rules. */
        ARRIVED("its first packet, as it arrived on loopback behind all rules"),
        /** The first packet, on its way out behind all rules; it was dropped there. */
        LEAVING("its first packet, as it was about to leave behind all rules"),
        /** The kernel's answer to the socket. */
        ANSWER("the answer that the socket had"),
        /** No packet came out of the rules. */
        SILENCE("nothing came out of the rules in time"),
        /** A look-up of a name, as programs in C make it. */
        LOOKUP("the answer of getaddrinfo");

        private final String words;

        Evidence(String words) {
            this.words = words;
        }

        public String words() {
            return words;
        }
    }

    /**
     * A verdict.
     *
     * @param service whose path it is, or null for one that all share
     * @param path which one
     * @param what was asked for, as in {@code tcp 192.0.2.1:80 as uid 1000, gid 1000}
     * @param result the verdict
     * @param found what happened
     * @param evidence what that rests on, or null where nothing was sent
     * @param connection the connection, or null for a look-up
     * @param expected what the plan makes of it, or null for a look-up
     */
    public record Verdict(
            @Nullable String service,
            String path,
            String what,
            Result result,
            String found,
            @Nullable Evidence evidence,
            @Nullable Connection connection,
            @Nullable Explanation expected) {}

    /**
     * What was found.
     *
     * @param verdicts one for each probe
     * @param notes what the user should know
     */
    public record Outcome(List<Verdict> verdicts, List<String> notes) {
        static final Outcome NONE = new Outcome(List.of(), List.of());

        public Outcome {
            verdicts = List.copyOf(verdicts);
            notes = List.copyOf(notes);
        }

        Outcome with(Outcome other) {
            List<Verdict> all = new ArrayList<>(verdicts);
            all.addAll(other.verdicts);
            List<String> said = new ArrayList<>(notes);
            said.addAll(other.notes);
            return new Outcome(all, said);
        }

        /** How many have this result. */
        public long count(Result result) {
            return verdicts.stream().filter(one -> one.result() == result).count();
        }
    }

    private final List<SocketTable.Listening> tcp = SocketTable.listening();
    private final List<SocketTable.Open> udp = SocketTable.openUdp();

    private Probe() {}

    /** A sample under way. */
    private record Attempt(Sample sample, @Nullable ProbeSocket socket, String refusal) {}

    /**
     * Sends one down every path of a decision, in the calling thread's network namespace.
     *
     * @param selected the services that are meant, or empty for all and what they share
     */
    static Outcome of(Decision decision, Set<ServiceName> selected, Accounts accounts) throws InterruptedException {
        boolean asksForDevices = decision.steps().stream().anyMatch(Step.ExceptInterfaces.class::isInstance);
        Samples.Found found = Samples.of(
                decision,
                selected,
                new Samples.Host(
                        HostFacts.ownAddresses(),
                        uid -> accounts.primaryGroup(
                                new Account(Account.Kind.USER, Long.toString(uid), Origin.of("probe"))),
                        address -> asksForDevices ? Routes.device(address) : null));
        List<Sample> samples = found.samples();
        int leftOut = found.leftOut() + Math.max(0, samples.size() - MOST);
        List<String> notes = new ArrayList<>();
        if (leftOut > 0) {
            notes.add(leftOut
                    + " path(s) were not probed, since no connection takes them or there are too many of a kind");
        }
        if (decision.inbound() != null && selected.isEmpty()) {
            notes.add("inbound connections were not probed, since they would have to come from another machine; try:"
                    + " meshcapture explain ADDRESS:PORT --inbound");
        }
        if (decision.forwarding() != null && selected.isEmpty()) {
            notes.add("connections of guests behind interfaces.outbound were not probed, since they would have to come"
                    + " from there; try: meshcapture explain DESTINATION --from-address ADDRESS");
        }
        return new Outcome(of(samples.subList(0, Math.min(MOST, samples.size()))), notes);
    }

    /** Sends these. */
    static List<Verdict> of(List<Sample> samples) throws InterruptedException {
        if (samples.isEmpty()) {
            return List.of();
        }
        try (ProbeTable table = ProbeTable.open()) {
            return new Probe().send(samples, table);
        }
    }

    private List<Verdict> send(List<Sample> samples, ProbeTable table) throws InterruptedException {
        List<Attempt> attempts = new ArrayList<>();
        try {
            UserNumbers numbers = UserNumbers.ofThisNamespace();
            List<Map.Entry<Protocol, Integer>> ports = new ArrayList<>();
            for (Sample sample : samples) {
                Attempt attempt = open(sample, numbers);
                attempts.add(attempt);
                if (attempt.socket() != null) {
                    ports.add(Map.entry(
                            sample.connection().protocol(), attempt.socket().port()));
                }
            }
            if (!ports.isEmpty()) {
                table.expect(ports);
            }
            for (Attempt attempt : attempts) {
                if (attempt.socket() != null) {
                    Connection connection = attempt.sample().connection();
                    attempt.socket().send(connection.destination(), connection.port());
                }
            }
            List<Caught> caught = caught(attempts, table);
            List<Verdict> verdicts = new ArrayList<>();
            for (Attempt attempt : attempts) {
                verdicts.add(verdict(attempt, caught));
            }
            forget(caught);
            return verdicts;
        } finally {
            attempts.forEach(attempt -> {
                if (attempt.socket() != null) {
                    attempt.socket().close();
                }
            });
        }
    }

    private static Attempt open(Sample sample, @Nullable UserNumbers numbers) {
        Connection connection = sample.connection();
        Caller caller = connection.caller();
        try {
            return new Attempt(
                    sample,
                    ProbeSocket.open(
                            connection.destination().family(),
                            connection.protocol() == Protocol.UDP,
                            new ProbeSocket.Owner(caller.uid(), caller.gid(), caller.cgroup()),
                            numbers),
                    "");
        } catch (ProbeSocket.NotOpened e) {
            return new Attempt(sample, null, e.reason());
        }
    }

    /** What was caught when each has had its answer, or the time was over. */
    private static List<Caught> caught(List<Attempt> attempts, ProbeTable table) throws InterruptedException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            List<Caught> caught = table.caught();
            boolean complete = attempts.stream()
                    .allMatch(one -> one.socket() == null || one.socket().errno() != 0 || find(one, caught) != null);
            if (complete || System.nanoTime() - deadline > 0) {
                return caught;
            }
            Thread.sleep(PAUSE_MILLIS);
        }
    }

    private static @Nullable Caught find(Attempt attempt, List<Caught> caught) {
        ProbeSocket socket = attempt.socket();
        for (Caught one : caught) {
            if (socket != null
                    && one.sourcePort() == socket.port()
                    && one.protocol() == attempt.sample().connection().protocol()) {
                return one;
            }
        }
        return null;
    }

    /** Those that arrived on loopback were known to conntrack when they were dropped. */
    private static void forget(List<Caught> caught) {
        Set<Integer> ports = new HashSet<>();
        for (Caught one : caught) {
            if (one.protocol() == Protocol.UDP) {
                ports.add(one.sourcePort());
            } else if (!one.leaving()) {
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

    private Verdict verdict(Attempt attempt, List<Caught> caught) {
        Connection asked = attempt.sample().connection();
        ProbeSocket socket = attempt.socket();
        if (socket == null) {
            return verdict(attempt, Result.UNKNOWN, "not tried: " + attempt.refusal(), null);
        }
        Explanation expected = attempt.sample().expected();
        Caught one = find(attempt, caught);
        if (one != null) {
            Evidence evidence = one.leaving() ? Evidence.LEAVING : Evidence.ARRIVED;
            boolean unchanged = one.destination().equals(asked.destination()) && one.port() == asked.port();
            String where = ends(one.destination().toString(), one.port());
            boolean isCaptured = !one.leaving()
                    && expected.listener() != null
                    && one.port() == expected.listener().number()
                    && !unchanged;
            if (expected.outcome() == Explanation.Outcome.CAPTURED && isCaptured) {
                return isServed(one)
                        ? verdict(attempt, Result.OK, "reaches " + where, evidence)
                        : verdict(attempt, Result.WRONG, "reaches " + where + ", where nobody listens", evidence);
            }
            boolean asPlanned = unchanged && expected.outcome() == Explanation.Outcome.DIRECT;
            if (asPlanned && attempt.sample().path().equals(BY_NAME) && !isServed(one)) {
                return verdict(attempt, Result.WRONG, "reaches " + where + ", where nobody listens", evidence);
            }
            String direct = one.leaving() ? "leaves as it is" : "arrives as it is";
            return verdict(
                    attempt,
                    asPlanned ? Result.OK : Result.WRONG,
                    unchanged ? direct : "is sent to " + where,
                    evidence);
        }
        if (socket.isRefused()) {
            boolean rejected = expected.outcome() == Explanation.Outcome.REJECTED;
            return verdict(attempt, rejected ? Result.OK : Result.WRONG, "is rejected", Evidence.ANSWER);
        }
        if (socket.errno() != 0) {
            return verdict(
                    attempt,
                    socket.isWithoutRoute() ? Result.UNKNOWN : Result.WRONG,
                    socket.isWithoutRoute()
                            ? "not tried: no route leads there"
                            : "the kernel refuses it: " + socket.words(),
                    Evidence.ANSWER);
        }
        return verdict(
                attempt,
                Result.WRONG,
                "is lost on the way: a rule of somebody drops it, or where it is sent to cannot be reached",
                Evidence.SILENCE);
    }

    /** The path of connections to names that nobody redirects: Envoy itself listens there. */
    static final String BY_NAME = "by name";

    private boolean isServed(Caught one) {
        return one.protocol() == Protocol.TCP
                ? tcp.stream().anyMatch(each -> each.port() == one.port() && each.serves(one.destination()))
                : udp.stream()
                        .filter(each -> each.localPort() == one.port() && each.remotePort() == 0)
                        .anyMatch(each -> SocketTable.Listening.of(each).serves(one.destination()));
    }

    private static Verdict verdict(Attempt attempt, Result result, String found, @Nullable Evidence evidence) {
        Sample sample = attempt.sample();
        Connection connection = sample.connection();
        String caller = "uid " + connection.caller().uid() + ", gid "
                + connection.caller().gid()
                + (connection.caller().cgroup() == null
                        ? ""
                        : ", cgroup /" + connection.caller().cgroup());
        String what = (connection.protocol() == Protocol.TCP ? "tcp " : "udp ")
                + ends(connection.destination().toString(), connection.port()) + " as " + caller;
        return new Verdict(
                sample.service() == null ? null : sample.service().value(),
                sample.path(),
                what,
                result,
                found,
                evidence,
                connection,
                sample.expected());
    }

    private static String ends(String address, int port) {
        return (address.indexOf(':') >= 0 ? "[" + address + "]" : address) + ":" + port;
    }
}
