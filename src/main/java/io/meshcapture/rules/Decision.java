package io.meshcapture.rules;

import io.meshcapture.plan.Port;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How connections are decided: for outbound ones the steps in order, then what capture means; inbound ones likewise.
 *
 * @param steps asked one after the other; a connection that no step decides stays direct
 * @param endings what happens to a connection that a look-up sends to a listener, in order
 * @param listeners Envoy's listeners that look-ups send to
 * @param services the services in it
 * @param inbound how connections to this host are decided, or null where they are left alone
 * @param forwarding how connections through this host are decided, or null where they are left alone
 */
public record Decision(
        List<Step> steps,
        List<Ending> endings,
        List<Port> listeners,
        List<ServiceFacts> services,
        @Nullable InboundDecision inbound,
        @Nullable Forwarding forwarding) {

    public Decision {
        steps = List.copyOf(steps);
        endings = List.copyOf(endings);
        listeners = List.copyOf(listeners);
        services = List.copyOf(services);
    }

    /** How DNS is captured, or null where it is left alone. */
    public Step.@Nullable Dns dns() {
        for (Step step : steps) {
            if (step instanceof Step.Dns dns) {
                return dns;
            }
        }
        return null;
    }

    /** Whether it captures anything at all. */
    public boolean isNothing() {
        return services.isEmpty() && inbound == null && dns() == null;
    }

    /** What happens to a captured connection; the first that applies. */
    public enum Ending {
        REJECT_IPV6("IPv6 is rejected, so that clients fall back to IPv4"),
        REJECT_QUIC("QUIC is rejected, so that clients fall back to TCP"),
        /** Later: what conntrack calls INVALID cannot be translated, and would meet whoever knows nothing of the connection. */
        DROP_INVALID("INVALID packets of captured connections are dropped"),
        REDIRECT("to Envoy");

        private final String why;

        Ending(String why) {
            this.why = why;
        }

        /** The comment in the ruleset and the sentence of {@code explain}. */
        public String why() {
            return why;
        }
    }
}
