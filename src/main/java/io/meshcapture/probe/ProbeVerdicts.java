package io.meshcapture.probe;

import io.meshcapture.backend.nftables.ProbeTable.Caught;
import io.meshcapture.backend.nftables.ProbeTable.End;
import io.meshcapture.backend.nftables.ProbeTable.Where;
import io.meshcapture.plan.Address;
import io.meshcapture.probe.Probe.Evidence;
import io.meshcapture.probe.Probe.Result;
import io.meshcapture.probe.Probe.Verdict;
import io.meshcapture.probe.ProbeRun.Attempt;
import io.meshcapture.rules.Caller;
import io.meshcapture.rules.Connection;
import io.meshcapture.rules.Connection.Protocol;
import io.meshcapture.rules.Explanation;
import io.meshcapture.rules.Sample;
import io.meshcapture.system.FirstPacket;
import io.meshcapture.system.SocketTable;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Says of each probe whether it went where the plan says, and how that is known. */
final class ProbeVerdicts {
    static final String LOST = "is lost on the way";

    private final List<SocketTable.Listening> tcp = SocketTable.listening();
    private final List<SocketTable.Open> udp = SocketTable.openUdp();
    private final List<Caught> caught;

    /** Judges by what was caught, and by who listens now. */
    ProbeVerdicts(List<Caught> caught) {
        this.caught = caught;
    }

    Verdict of(Attempt attempt) {
        FirstPacket packet = attempt.packet();
        if (packet == null) {
            return verdict(attempt, Result.UNKNOWN, "not tried: " + attempt.refusal(), null);
        }
        Explanation expected = attempt.sample().expected();
        Caught one = attempt.among(caught);
        boolean isStopped = one == null || one.where() == Where.ENTERING;
        if (isStopped && packet.isRefused()) {
            boolean rejected = expected.outcome() == Explanation.Outcome.REJECTED;
            return verdict(attempt, rejected ? Result.OK : Result.WRONG, "is rejected", Evidence.ANSWER);
        }
        if (one != null) {
            return one.where() == Where.ENTERING ? filtered(attempt, one) : caught(attempt, one);
        }
        if (packet.isOver()) {
            return verdict(
                    attempt,
                    packet.isWithoutRoute() ? Result.UNKNOWN : Result.WRONG,
                    packet.isWithoutRoute()
                            ? "not tried: no route leads there"
                            : "the kernel refuses it: " + packet.words(),
                    Evidence.ANSWER);
        }
        return isArriving(attempt)
                ? verdict(
                        attempt,
                        Result.UNKNOWN,
                        "not told: a rule of somebody or the check of senders (rp_filter) drops it on its way in, maybe"
                                + " for the sender or the interface of the probe",
                        Evidence.SILENCE)
                : verdict(
                        attempt,
                        Result.WRONG,
                        LOST + ": a rule of somebody drops it, or where it is sent to cannot be reached",
                        Evidence.SILENCE);
    }

    private static boolean isArriving(Attempt attempt) {
        return attempt.sample().connection().caller().source() != null;
    }

    /** Filters of others may know nothing of the probe's interface; but no filter makes up for a wrong way. */
    private Verdict filtered(Attempt attempt, Caught one) {
        Verdict without = caught(attempt, one);
        boolean isCapture = attempt.sample().expected().outcome() == Explanation.Outcome.CAPTURED;
        return isCapture && without.result() == Result.WRONG && !without.isUnserved()
                ? verdict(attempt, Result.WRONG, without.found() + ", until a filter drops it", Evidence.ENTERING)
                : verdict(
                        attempt,
                        Result.UNKNOWN,
                        "not told: it is sent to " + ends(one)
                                + ", and a filter drops it then, maybe for the interface of the probe",
                        Evidence.ENTERING);
    }

    private Verdict caught(Attempt attempt, Caught one) {
        Connection asked = attempt.sample().connection();
        Explanation expected = attempt.sample().expected();
        boolean leaving = one.where() == Where.LEAVING;
        boolean unchanged = one.destination().equals(asked.destination()) && one.port() == asked.port();
        if (expected.listener() != null && expected.outcome() == Explanation.Outcome.CAPTURED) {
            int listener = expected.listener().number();
            if (unchanged && one.isTransparent()) {
                return verdict(
                        attempt, Result.OK, "is taken by the transparent listener " + listener, Evidence.ARRIVED);
            }
            if (!leaving && one.port() == listener && !unchanged) {
                return reaches(attempt, one, new End(asked.destination(), asked.port()));
            }
        }
        Evidence evidence = leaving ? Evidence.LEAVING : Evidence.ARRIVED;
        boolean asPlanned = unchanged && !one.isTransparent() && expected.outcome() == Explanation.Outcome.DIRECT;
        if (asPlanned && attempt.sample().path().equals(Probe.BY_NAME) && !isServed(one)) {
            return verdict(attempt, Result.WRONG, "reaches " + ends(one) + Verdict.UNSERVED, evidence);
        }
        String direct = leaving ? "leaves as it is" : "arrives as it is";
        return verdict(
                attempt,
                asPlanned ? Result.OK : Result.WRONG,
                unchanged ? direct : "is sent to " + ends(one),
                evidence);
    }

    /** Envoy's listener; Envoy asks conntrack where a connection wanted to go (SO_ORIGINAL_DST). */
    private Verdict reaches(Attempt attempt, Caught one, End wanted) {
        String where = "reaches " + ends(one);
        if (one.asked() == null) {
            return verdict(
                    attempt,
                    Result.WRONG,
                    where + " untracked, so that Envoy does not learn where it wanted to go",
                    Evidence.ARRIVED);
        }
        if (!one.asked().equals(wanted)) {
            return verdict(
                    attempt,
                    Result.WRONG,
                    where + " as if it wanted to go to "
                            + ends(one.asked().address().toString(), one.asked().port()),
                    Evidence.CONNTRACK);
        }
        return isServed(one) || (isArriving(attempt) && isServedElsewhere(one))
                ? verdict(attempt, Result.OK, where, Evidence.CONNTRACK)
                : verdict(attempt, Result.WRONG, where + Verdict.UNSERVED, Evidence.CONNTRACK);
    }

    private boolean isServed(Caught one) {
        return one.protocol() == Protocol.TCP
                ? tcp.stream().anyMatch(each -> each.port() == one.port() && each.serves(one.destination()))
                : udp.stream()
                        .filter(each -> each.localPort() == one.port() && each.remotePort() == 0)
                        .anyMatch(each -> SocketTable.Listening.of(each).serves(one.destination()));
    }

    /** What arrives is sent to the address of its interface, and Envoy may listen on those of the real ones alone. */
    private boolean isServedElsewhere(Caught one) {
        Address any = new Address(one.destination().family(), 0, 0);
        return tcp.stream().anyMatch(each -> each.port() == one.port() && each.takesArrivals(any));
    }

    private static Verdict verdict(Attempt attempt, Result result, String found, @Nullable Evidence evidence) {
        Sample sample = attempt.sample();
        Connection connection = sample.connection();
        Caller caller = connection.caller();
        String by = caller.source() != null
                ? " from " + caller.source()
                : " as uid " + caller.uid() + ", gid " + caller.gid()
                        + (caller.cgroup() == null ? "" : ", cgroup /" + caller.cgroup());
        return new Verdict(
                sample.service() == null ? null : sample.service().value(),
                sample.path(),
                (connection.protocol() == Protocol.TCP ? "tcp " : "udp ")
                        + ends(connection.destination().toString(), connection.port())
                        + by,
                result,
                found,
                evidence,
                connection,
                sample.expected(),
                sample.isArriving());
    }

    private static String ends(Caught one) {
        return ends(one.destination().toString(), one.port());
    }

    private static String ends(String address, int port) {
        return (address.indexOf(':') >= 0 ? "[" + address + "]" : address) + ":" + port;
    }
}
