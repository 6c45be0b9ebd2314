package io.meshcapture.rules;

import io.meshcapture.plan.Port;
import java.util.List;

/**
 * How outbound connections are decided: the steps in order, then what capture means.
 *
 * @param steps asked one after the other; a connection that no step decides stays direct
 * @param endings what happens to a connection that a look-up sends to a listener, in order
 * @param listeners Envoy's listeners that look-ups send to
 * @param services the services in it
 */
public record Decision(List<Step> steps, List<Ending> endings, List<Port> listeners, List<ServiceFacts> services) {

    public Decision {
        steps = List.copyOf(steps);
        endings = List.copyOf(endings);
        listeners = List.copyOf(listeners);
        services = List.copyOf(services);
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
