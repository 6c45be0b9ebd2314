package io.meshcapture.verbs;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.Port;
import java.util.Collection;
import java.util.stream.Collectors;

/**
 * Where Envoy has to listen.
 *
 * @param address an address; all zeros for any of its family
 * @param port its port
 * @param protocol in words, as {@code UDP}; empty where it is TCP and nothing else could be meant
 */
record ListenerAddress(Address address, Port port, String protocol) {

    ListenerAddress(Address address, Port port) {
        this(address, port, "");
    }

    static String words(Collection<ListenerAddress> all) {
        return all.stream().map(ListenerAddress::toString).collect(Collectors.joining(", "));
    }

    /** {@code [::1]:15053 (UDP)}. */
    @Override
    public String toString() {
        return new HostPort(address.toString(), port) + (protocol.isEmpty() ? "" : " (" + protocol + ")");
    }
}
