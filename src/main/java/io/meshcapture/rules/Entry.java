package io.meshcapture.rules;

import io.meshcapture.plan.Network;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.ServiceName;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One line of a look-up: who, where to, and what then.
 *
 * @param service the service that it belongs to, or null for the plan's own exceptions
 * @param caller what it asks of the caller
 * @param network what it asks of the destination's address
 * @param ports what it asks of the destination's port
 * @param listener Envoy's listener that captures, or null where the connection stays direct
 * @param said the destination as the plan or the kernel's listing puts it
 */
public record Entry(
        @Nullable ServiceName service,
        CallerKey caller,
        Network network,
        PortRange ports,
        @Nullable Port listener,
        String said) {

    public boolean fits(Connection connection) {
        return caller.fits(connection.caller())
                && network.contains(connection.destination())
                && ports.contains(connection.port());
    }

    /**
     * Whether both are exceptions, or both are captures, of one service. Then they have one outcome, and it does not matter
     * which of them is asked first.
     */
    boolean isOfOneStepWith(Entry other) {
        return Objects.equals(service, other.service) && (listener == null) == (other.listener == null);
    }

    /** The sentence for {@code explain}. */
    public String why() {
        String who = service == null ? "the plan" : "service \"" + service + "\"";
        return listener == null ? who + " excepts " + said : who + " captures " + said;
    }
}
