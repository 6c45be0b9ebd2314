package io.meshcapture.verbs;

import io.meshcapture.backend.LiveState;
import io.meshcapture.envoy.Admin;
import io.meshcapture.envoy.NoAnswer;
import io.meshcapture.envoy.RunningListener;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.Plan;
import io.meshcapture.rules.InboundDecision;
import io.meshcapture.rules.InboundStep;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The ports that Envoy itself serves to others, asked of its admin interface where the plan excepts them from inbound capture.
 *
 * @param ports the ports; empty where the plan does not ask for them
 * @param notes what the user should know
 */
record EnvoysPorts(SortedSet<Integer> ports, List<String> notes) {

    private static final EnvoysPorts NONE = new EnvoysPorts(new TreeSet<>(), List.of());

    EnvoysPorts {
        notes = List.copyOf(notes);
    }

    /** @throws Failure.Unavailable where Envoy cannot be asked */
    static EnvoysPorts of(Plan plan) {
        HostPort admin = asked(plan);
        try {
            return admin == null ? NONE : new EnvoysPorts(ask(admin), List.of());
        } catch (NoAnswer e) {
            throw new Failure.Unavailable(
                    "the ports that Envoy serves (inbound.except: envoy) are not known",
                    e.because(),
                    "start Envoy first, wait for it with --wait-envoy, correct envoy.admin, or write the ports,"
                            + " as in an initContainer, which comes before Envoy");
        }
    }

    /** Likewise; where Envoy cannot be asked and inbound connections are captured already, the ports stay as they stand. */
    static EnvoysPorts of(Plan plan, LiveState live) {
        HostPort admin = asked(plan);
        try {
            return admin == null ? NONE : new EnvoysPorts(ask(admin), List.of());
        } catch (NoAnswer e) {
            SortedSet<Integer> standing = standing(live);
            if (standing == null) {
                return of(plan);
            }
            return new EnvoysPorts(
                    standing,
                    List.of("the ports that Envoy serves are taken as they stand, because " + e.because()
                            + "; start Envoy, or correct envoy.admin"));
        }
    }

    private static @Nullable HostPort asked(Plan plan) {
        return plan.inbound() != null && plan.inbound().exceptEnvoy()
                ? plan.envoy().admin()
                : null;
    }

    /** What listens on loopback alone is out of reach for whoever is captured on arrival. */
    private static SortedSet<Integer> ask(HostPort admin) throws NoAnswer {
        SortedSet<Integer> ports = new TreeSet<>();
        for (RunningListener listener : RunningListener.of(new Admin(admin))) {
            for (RunningListener.Socket socket : listener.sockets()) {
                boolean loopback = socket.address().isLoopback();
                if (listener.bound() && !socket.udp() && !loopback && socket.port() > 0) {
                    ports.add(socket.port());
                }
            }
        }
        return ports;
    }

    private static @Nullable SortedSet<Integer> standing(LiveState live) {
        InboundDecision inbound =
                live.isPresent() && live.inbound().isPresent() ? live.decision().inbound() : null;
        if (inbound != null) {
            for (InboundStep step : inbound.deciding()) {
                if (step instanceof InboundStep.EnvoysPorts envoys) {
                    return envoys.ports();
                }
            }
        }
        return null;
    }
}
