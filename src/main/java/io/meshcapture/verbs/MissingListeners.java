package io.meshcapture.verbs;

import io.meshcapture.system.HostFacts;
import java.util.List;

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

    /** What a process needs that is to listen there, as the end of a mend; mostly empty. */
    String privilege() {
        int first = HostFacts.firstUnprivilegedPort();
        return places.stream().anyMatch(place -> place.port().number() < first)
                ? ", with the capability CAP_NET_BIND_SERVICE, without which the kernel refuses it ports below " + first
                : "";
    }
}
