package io.meshcapture.connections;

import io.meshcapture.plan.Family;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Step;
import io.meshcapture.system.ConntrackTable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * UDP flows of captured DNS, told by their conntrack zone. A socket that asks again and again is in another flow as soon as
 * capture begins or ends, because the zone is another one then. What is left to do is where the zone stays and Envoy's
 * listener does not, and to leave nothing behind.
 */
public final class CapturedQueries {

    private static final Duration PAUSE = Duration.ofMillis(10);

    /** A resolver asks again after as much. */
    private static final Duration LONGEST_ANSWER = Duration.ofSeconds(5);

    private CapturedQueries() {}

    private static List<ConntrackTable.Entry> flows() {
        List<ConntrackTable.Entry> flows = new ArrayList<>();
        for (ConntrackTable.Entry flow : ConntrackTable.udp()) {
            if (flow.zone() == Step.Dns.ZONE && flow.original().destinationPort() == Step.Dns.PORT) {
                flows.add(flow);
            }
        }
        return flows;
    }

    /**
     * Forgets those that do otherwise than a decision says, so that their next packet is the first of a new flow.
     *
     * @return how many
     */
    public static int forgetContradicting(Decision standing) {
        Step.Dns dns = standing.dns();
        boolean rejectsIpv6 = standing.endings().contains(Decision.Ending.REJECT_IPV6);
        int forgotten = 0;
        for (ConntrackTable.Entry flow : flows()) {
            boolean rejected = rejectsIpv6 && flow.original().destination().family() == Family.IPV6;
            if ((rejected || !isSentTo(dns, flow)) && ConntrackTable.delete(flow)) {
                forgotten++;
            }
        }
        return forgotten;
    }

    private static boolean isSentTo(Step.@Nullable Dns dns, ConntrackTable.Entry flow) {
        return dns != null && flow.reply().sourcePort() == dns.listener().number();
    }

    /** Forgets all of them. */
    public static void forgetAll() {
        flows().forEach(ConntrackTable::delete);
    }

    /**
     * Waits for first answers that are on their way, whose addresses nobody would translate any more.
     *
     * @param limit how long at most
     */
    public static void awaitAnswers(Duration limit) throws InterruptedException {
        Duration patience = limit.compareTo(LONGEST_ANSWER) < 0 ? limit : LONGEST_ANSWER;
        long deadline = System.nanoTime() + patience.toNanos();
        while (System.nanoTime() < deadline && flows().stream().anyMatch(flow -> !flow.answered())) {
            Thread.sleep(PAUSE);
        }
    }
}
