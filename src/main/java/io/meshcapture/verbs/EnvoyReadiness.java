package io.meshcapture.verbs;

import io.meshcapture.envoy.Admin;
import io.meshcapture.envoy.NoAnswer;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.system.SocketTable.Listening;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/**
 * Whether Envoy takes what the plan sends it. Neither of its two accounts is enough: its admin interface goes on saying LIVE
 * after the listeners were closed, and listeners accept while it is draining or waits for its first configuration. So the
 * admin interface is asked, where the plan has it, and each listener is connected to.
 */
final class EnvoyReadiness {

    private static final Duration PAUSE = Duration.ofMillis(50);

    /** How long Envoy may take from its first listener to its last. */
    private static final Duration SETTLED = Duration.ofSeconds(1);

    /** For a connection on this host, which takes microseconds unless nobody takes it out of the backlog. */
    private static final Duration ACCEPTED = Duration.ofSeconds(1);

    /** For an answer of the admin interface at the very end of the time that there is. */
    private static final Duration LEAST = Duration.ofMillis(500);

    private EnvoyReadiness() {}

    /**
     * Why Envoy is not ready, as the end of a sentence that begins with Envoy: {@code did not listen on 127.0.0.1:15001}. The
     * empty text where it is.
     *
     * @param ipv6 capture where it has to be there for IPv6 too
     * @param ofNames where it does not listen yet for names
     * @param left of the time that there is
     */
    private static String lacking(Plan plan, Choices.Ipv6 ipv6, List<ListenerAddress> ofNames, Duration left) {
        EnvoyListeners listeners = EnvoyListeners.of(plan);
        List<ListenerAddress> missing = new ArrayList<>(listeners.missing(ipv6).places());
        missing.addAll(ofNames);
        if (!missing.isEmpty()) {
            return "did not listen on " + ListenerAddress.words(missing);
        }
        String state = state(plan.envoy().admin(), left);
        if (!state.isEmpty()) {
            return state;
        }
        List<String> closed = listeners.doors().stream()
                .filter(door -> !accepts(door))
                .map(door -> new ListenerAddress(door.address(), new Port(door.port())).toString())
                .toList();
        return closed.isEmpty() ? "" : "did not accept connections to " + String.join(", ", closed);
    }

    private static String state(@Nullable HostPort admin, Duration left) {
        if (admin == null) {
            return "";
        }
        try {
            Admin.Readiness ready = Admin.within(admin, left.compareTo(LEAST) > 0 ? left : LEAST)
                    .ready();
            return ready.live() ? "" : "was not ready, but " + ready.state() + " by its admin interface " + admin + ",";
        } catch (NoAnswer e) {
            return "could not be asked whether it is ready, because " + e.because() + ",";
        }
    }

    private static boolean accepts(Listening door) {
        try (Socket socket = new Socket()) {
            socket.connect(
                    new InetSocketAddress(InetAddress.getByName(door.address().toString()), door.port()),
                    (int) ACCEPTED.toMillis());
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Waits until it is ready.
     *
     * @param ofNames tells where it does not listen yet for names
     * @throws Failure.Unverified where it is not in time
     */
    static void await(Plan plan, Callable<List<ListenerAddress>> ofNames, Duration patience, Progress progress)
            throws Exception {
        Choices.Ipv6 ipv6 = plan.ipv6() == Choices.Ipv6.CAPTURE ? Choices.Ipv6.CAPTURE : Choices.Ipv6.BYPASS;
        long deadline = System.nanoTime() + patience.toNanos();
        while (true) {
            String lacking = lacking(plan, ipv6, ofNames.call(), Duration.ofNanos(deadline - System.nanoTime()));
            if (lacking.isEmpty()) {
                break;
            }
            String waiting = "waiting for Envoy, which " + lacking;
            progress.waiting(waiting.endsWith(",") ? waiting.substring(0, waiting.length() - 1) : waiting);
            if (System.nanoTime() >= deadline) {
                throw new Failure.Unverified(
                        "Envoy " + lacking + " within " + patience.toMillis() / 1000.0 + " s",
                        "nothing was applied",
                        "start Envoy, correct envoy.outbound or envoy.admin, wait longer with --wait-envoy, or leave it out"
                                + " where Envoy starts later, as after an initContainer");
            }
            Thread.sleep(PAUSE);
        }
        if (plan.ipv6() == Choices.Ipv6.AUTO) {
            settle(plan, deadline);
        }
    }

    /** Envoy opens its listeners one after the other: that IPv6 is missing is believed a little later only. */
    private static void settle(Plan plan, long deadline) throws InterruptedException {
        long until = Math.min(deadline, System.nanoTime() + SETTLED.toNanos());
        while (EnvoyListeners.of(plan).isForIpv4Only() && System.nanoTime() < until) {
            Thread.sleep(PAUSE);
        }
    }
}
