package io.meshcapture.backend;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Decision;
import io.meshcapture.system.SocketTable;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A way to write capture, in the calling thread's network namespace: reads, compares and commits. What one has read or
 * planned is for itself alone.
 */
public interface Backend extends AutoCloseable {

    /** Its name in a plan. */
    String name();

    /** What holds everything of ours, in the backend's own words: {@code table inet meshcapture}. */
    String home();

    /** Whether the kernel ends a trial by itself; where it does not, somebody has to stay and do it. */
    boolean holdsTrials();

    /**
     * Sees whether what it writes with is there.
     *
     * @throws Failure.Unavailable where it is not
     */
    default void requireUsable() {}

    /** What stands now. */
    LiveState live();

    /** What stands now, also where another version wrote it: enough to remove it. */
    LiveState liveOfAnyVersion();

    /**
     * The change that makes the live state that of a decision.
     *
     * @param version written into the records of services that change
     * @param now likewise
     * @param trial how long it is to last unless it is confirmed, or null for good
     */
    Change change(LiveState live, Decision decision, String version, Instant now, @Nullable Duration trial);

    /** The change that makes the trial that runs last. */
    Change confirmation(LiveState live);

    /** The change that ends a trial now, and puts what stood before it in force again. */
    Change abandonment(LiveState live);

    /** The change that lets a trial run for a time from now. */
    Change extension(LiveState live, Duration trial);

    /**
     * The differences between the live state and a decision.
     *
     * @param only the services that are compared, or null for all
     */
    List<Finding> differences(LiveState live, Decision decision, @Nullable Set<ServiceName> only);

    /**
     * The decision that stands.
     *
     * @throws Failure.Conflict where a rule does not say what its comment says
     */
    default Decision standing(LiveState live) {
        Decision decision = live.decision();
        for (Finding finding : differences(live, decision, null)) {
            if (finding.service() == null) {
                throw new Failure.Conflict(
                        "what stands was changed by hand",
                        finding.where() + " is " + (finding.stands().isEmpty() ? "missing" : finding.stands()),
                        "see the difference with: meshcapture check; repair it with: meshcapture apply");
            }
        }
        return decision;
    }

    /**
     * Clears and builds what a change needs; what happens to connections stays as it is. From then on conntrack knows every
     * new connection.
     *
     * @throws io.meshcapture.failure.Failure.Refused where the kernel does not take it
     */
    void prepare(Change change);

    /**
     * Puts a change in force that is prepared.
     *
     * @param open connections that are left alone, listed after the preparation
     * @param owners whose captured connections are of which the new decision would not tell
     * @throws io.meshcapture.failure.Failure.Refused where the kernel does not take it; what stood before is in force then
     */
    void commit(Change change, Collection<SocketTable.Open> open, Map<Long, Owned> owners);

    /**
     * The change that takes services out, and leaves everything else as it stands, edited by hand or on trial: first their
     * captures, in one transaction, and then their exceptions, so that none of these is captured in between.
     */
    Change removal(LiveState live, Set<String> services);

    /** The change that ends all capture and keeps what translates the packets of captured connections. */
    Change removalOfAll(LiveState live);

    /** Commits a change that captures nothing new: no connection has to be left alone. */
    void commit(Change change);

    /**
     * Likewise, and records whose captured connections are left to end.
     *
     * @param owners by the cookies of Envoy's ends
     */
    void commit(Change change, Map<Long, Owned> owners);

    /** Records captured connections that are left to end. */
    void addOwners(Map<Long, Owned> owners);

    /** Makes the record of connections that are left to end be of these alone. */
    void setOwners(Map<Long, Owned> owners);

    /** Removes everything of ours. Packets of captured connections are no longer translated from then on. */
    void removeAll();

    /** Rules of others that may decide before ours, one sentence each. */
    List<String> shadows(LiveState live);

    @Override
    void close();
}
