package io.meshcapture.probe;

import io.meshcapture.plan.Account;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Connection;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.EitherWay;
import io.meshcapture.rules.Explanation;
import io.meshcapture.rules.Sample;
import io.meshcapture.rules.Samples;
import io.meshcapture.system.Accounts;
import io.meshcapture.system.HostFacts;
import io.meshcapture.system.Routes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Sends a real connection down every path of a decision, as the service's user, group and control group, or as one that
 * arrives, and sees where the kernel takes it. Its first packet is caught behind all rules of this machine ({@link
 * io.meshcapture.backend.nftables.ProbeTable}): nothing leaves it, and Envoy hears nothing of it.
 */
public final class Probe {

    /** So many are sent at most. */
    public static final int MOST = 256;

    /** The path of connections to names that nobody redirects: Envoy itself listens there. */
    public static final String BY_NAME = "by name";

    /** What a probe showed. */
    public enum Result {
        OK,
        WRONG,
        /** It could not be sent. */
        UNKNOWN
    }

    /** What a verdict rests on. */
    public enum Evidence {
        /** The first packet, for this host behind all rules. */
        ARRIVED("its first packet, as it arrived behind all rules"),
        /** Likewise, and what conntrack keeps of it. */
        CONNTRACK(
                "its first packet, as it arrived behind all rules, and its entry in conntrack, from which Envoy learns where"
                        + " it wanted to go"),
        /** The first packet, on an interface of the probe's own before filters. */
        ENTERING("its first packet, as it arrived on an interface of the probe's own, before filters dropped it"),
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
     * @param isArriving whether somebody elsewhere opens it to this host
     */
    public record Verdict(
            @Nullable String service,
            String path,
            String what,
            Result result,
            String found,
            @Nullable Evidence evidence,
            @Nullable Connection connection,
            @Nullable Explanation expected,
            boolean isArriving) {

        static final String UNSERVED = ", where nobody listens";

        /** Whether it went where it should, and there is nobody. */
        public boolean isUnserved() {
            return result == Result.WRONG && found.endsWith(UNSERVED);
        }

        /** The same, found in other words. */
        Verdict found(String words) {
            return new Verdict(service, path, what, result, words, evidence, connection, expected, isArriving);
        }

        /** As if somebody were there. */
        public Verdict asIfServed() {
            return isUnserved()
                    ? new Verdict(service, path, what, Result.OK, found, evidence, connection, expected, isArriving)
                    : this;
        }

        /** One of a look-up. */
        public static Verdict ofLookup(String service, String what, Result result, String found) {
            return new Verdict(service, "name", what, result, found, Evidence.LOOKUP, null, null, false);
        }
    }

    /**
     * What was found.
     *
     * @param verdicts one for each probe
     * @param notes what the user should know
     */
    public record Outcome(List<Verdict> verdicts, List<String> notes) {
        public static final Outcome NONE = new Outcome(List.of(), List.of());

        public Outcome {
            verdicts = List.copyOf(verdicts);
            notes = List.copyOf(notes);
        }

        public Outcome with(Outcome other) {
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

    private Probe() {}

    /** Sends these, in the calling thread's network namespace. */
    public static List<Verdict> of(List<Sample> samples) throws InterruptedException {
        return ProbeRun.of(samples, ProbedArrivals.NONE);
    }

    /**
     * Sends one down every path of a decision, in the calling thread's network namespace.
     *
     * @param selected the services that are meant, or empty for all and what they share
     */
    public static Outcome of(Decision decision, Set<ServiceName> selected, Accounts accounts)
            throws InterruptedException {
        boolean asksForDevices = decision.steps().stream().anyMatch(EitherWay.ExceptInterfaces.class::isInstance);
        Set<Address> own = HostFacts.ownAddresses();
        Samples.Found found = Samples.of(
                decision,
                selected,
                new Samples.Host(
                        own,
                        uid -> accounts.primaryGroup(
                                new Account(Account.Kind.USER, Long.toString(uid), Origin.of("probe"))),
                        address -> asksForDevices ? Routes.device(address) : null));
        try (ProbedArrivals arrivals = selected.isEmpty() ? ProbedArrivals.of(decision, own) : ProbedArrivals.NONE) {
            int room = MOST - arrivals.samples().size();
            List<Sample> all = found.samples();
            List<Sample> samples = new ArrayList<>(all.subList(0, Math.min(room, all.size())));
            int leftOut = found.leftOut() + all.size() - samples.size() + arrivals.leftOut();
            samples.addAll(arrivals.samples());
            List<String> notes = new ArrayList<>(arrivals.notes());
            if (leftOut > 0) {
                notes.add(leftOut
                        + " path(s) were not probed, since no connection takes them or there are too many of a kind");
            }
            return new Outcome(ProbeRun.of(samples, arrivals), notes);
        }
    }
}
