package io.meshcapture.backend;

import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.ServiceRules;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What stands in the kernel now, as one backend has read it. */
public interface LiveState {

    /**
     * A service that is captured.
     *
     * @param name its name
     * @param digest of its capture
     * @param version of meshcapture that applied it
     * @param since when it was applied, or null where the record was damaged
     * @param captured new connections that were captured since then
     * @param excepted new connections that its exceptions kept direct
     * @param rejected new connections over IPv6 that were rejected
     */
    record LiveService(
            String name,
            String digest,
            String version,
            @Nullable Instant since,
            long captured,
            long excepted,
            long rejected) {}

    /**
     * Capture of connections to this host, as it stands.
     *
     * @param mode how they reach Envoy
     * @param listener Envoy's listener for them
     * @param captured new connections that were captured or rejected
     * @param excepted new connections to ports that the plan excepts
     */
    record LiveInboundCapture(Choices.InboundMode mode, Port listener, long captured, long excepted) {}

    /** Whether new connections are decided at all: something leads to what decides. */
    boolean isInForce();

    /** What is left of the trial that runs; empty where none does. */
    Optional<Duration> trial();

    /** Whether a trial ended because nobody confirmed it, and its rules have not been cleared away yet. */
    boolean hasEndedTrial();

    /** Whether the beginnings of a change stand there that nothing leads to: its process was killed. */
    boolean hasLeftover();

    /** Whose captured connections are of which the decision in force would not tell, by the cookies of Envoy's ends. */
    Map<Long, Owned> owners();

    /**
     * The decisions by which captured connections may have been captured: the one in force, and that of a trial that has ended.
     * None where rules stand there that are not ours.
     */
    List<Decision> decisions();

    /** The decision that comes back when the trial ends; null where that is none, or rules stand there that are not ours. */
    @Nullable
    Decision decisionBehindTrial();

    /** Whether a change can be built beside what stands: nobody has made something else of what holds it. */
    boolean canBeBuiltUpon();

    /** The services that a trial is to replace, while it runs; empty otherwise. */
    List<LiveService> servicesBehindTrial();

    /** Whether anything of ours is there. */
    boolean isPresent();

    /** The services that are captured, in name order. */
    List<LiveService> services();

    /** Services of whose control groups one is gone: it is listed by its number, and nobody will be in it again. */
    Set<String> servicesOfGoneGroups();

    /**
     * The decision that stands, as far as it can be read without comparing. Only where anything is there.
     *
     * @throws io.meshcapture.failure.Failure.Conflict where something stands there that is not ours
     */
    Decision decision();

    /** The services as they stand, to be compiled again beside others. */
    Map<ServiceName, ServiceRules> standing();

    /** Likewise, entries of control groups that are gone included: to be compared, since nobody could write them again. */
    Map<ServiceName, ServiceRules> standingWithGoneGroups();

    /** What happens to IPv6 as it stands; null where nothing is in force. */
    Choices.@Nullable Ipv6 ipv6();

    /** Envoy's listener that DNS goes to, by what is in force; empty where DNS is not captured. */
    Optional<Port> dns();

    /** Flows of DNS that were captured: a query over UDP, a connection over TCP. */
    long dnsCaptured();

    /** First packets of QUIC that were rejected since the rules changed last; services count them as captured too. */
    long quicRejected();

    /** Whether DNS is captured, by what is in force or by what a trial falls back to. */
    boolean holdsDns();

    /** Whether it is by what a trial falls back to, while it runs. */
    boolean holdsDnsBehindTrial();

    /** Whether something stands that sends DNS to Envoy, whether or not anything leads to it. */
    boolean hasEverCapturedDns();

    /** Capture of connections to this host; empty where there is none. */
    Optional<LiveInboundCapture> inbound();

    /** Whether connections to this host are captured, by what is in force or by what a trial falls back to. */
    boolean holdsInbound();

    /** Whether they are by what a trial falls back to, while it runs. */
    boolean holdsInboundBehindTrial();

    /** Whether connections through this host are captured, or have been. */
    boolean isForwarding();

    /** Envoy's listeners for connections to this host that what stands sends to or has sent to. */
    List<Port> inboundListeners();

    /** Envoy's listeners that what stands sends to or has sent to. */
    List<Port> listeners();
}
