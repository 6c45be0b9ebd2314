package io.meshcapture.verbs;

import io.meshcapture.system.HostFacts;
import java.util.List;
import java.util.Map;

/**
 * Where Envoy has to listen and nobody does.
 *
 * @param places where
 */
record MissingListeners(List<ListenerAddress> places) {
    MissingListeners {
        places = List.copyOf(places);
    }

    boolean isEmpty() {
        return places.isEmpty();
    }

    /** {@code nobody listens on 127.0.0.1:15001, [::1]:15001}. */
    String what() {
        return "nobody listens on " + ListenerAddress.words(places);
    }

    /** What apply says of it. Whoever runs first in a container mostly prepares it for others, Envoy among them. */
    String note(Map<String, String> environment) {
        String refused = ", so captured connections fail until Envoy does; ";
        return HostFacts.isContainersFirstProcess(environment)
                ? what() + refused + "that is as it should be where Envoy's container starts after this one"
                        + (privilege().isEmpty() ? "" : "; start it" + privilege())
                : what() + refused + "start it" + privilege() + ", or use --wait-envoy";
    }

    /** What a process needs that is to listen there, as the end of a mend; mostly empty. */
    String privilege() {
        int first = HostFacts.firstUnprivilegedPort();
        return places.stream().anyMatch(place -> place.port().number() < first)
                ? ", with the capability CAP_NET_BIND_SERVICE, without which the kernel refuses it ports below " + first
                : "";
    }
}
