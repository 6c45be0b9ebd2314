package io.meshcapture.plan;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The unit of capture.
 *
 * @param name its name
 * @param from whose connections
 * @param to where to; one {@link Destination#any} where the plan leaves it out
 * @param except destinations that stay direct although {@code to} names them
 * @param onEnvoyDown what becomes of its connections while Envoy is down
 * @param outbound Envoy's listener for it
 * @param hosts names that are captured instead of addresses, or null
 * @param origin where the service was written
 */
public record Service(
        ServiceName name,
        From from,
        List<Destination> to,
        List<Destination> except,
        Choices.OnEnvoyDown onEnvoyDown,
        Port outbound,
        @Nullable HostsCapture hosts,
        Origin origin) {

    public Service {
        to = List.copyOf(to);
        except = List.copyOf(except);
    }
}
