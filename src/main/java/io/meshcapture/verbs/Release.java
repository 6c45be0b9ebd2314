package io.meshcapture.verbs;

import io.meshcapture.backend.nftables.LiveState;
import io.meshcapture.backend.nftables.NftablesBackend;
import io.meshcapture.plan.Port;
import io.meshcapture.system.SocketTable;
import java.time.Duration;
import java.util.List;

/**
 * Ends all capture: new connections go direct at once, captured ones may end first.
 *
 * <p>A captured connection lives as long as its packets are translated, which takes the nat base chain and a rule that
 * uses conntrack. So the look-ups and their maps go first and the table stays until the connections have ended or their time
 * is over. A process that dies in between leaves a table that captures nothing, which the next command removes.
 */
final class Release {

    private static final Duration PAUSE = Duration.ofMillis(100);

    private Release() {}

    /** Releases everything; answers how many captured connections were cut. */
    static int all(NftablesBackend backend, LiveState live, Duration drain, Progress progress)
            throws InterruptedException {
        backend.commit(backend.removalOfAll(live));
        List<Port> listeners = live.listeners();
        long deadline = System.nanoTime() + drain.toNanos();
        int left = left(listeners);
        while (left > 0 && System.nanoTime() < deadline) {
            progress.waiting("waiting for " + left + " captured connection(s) to end");
            Thread.sleep(PAUSE);
            left = left(listeners);
        }
        backend.deleteTable();
        return left;
    }

    private static int left(List<Port> listeners) {
        return CapturedConnections.pairs(SocketTable.open(), listeners).size();
    }
}
