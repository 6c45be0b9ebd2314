package io.meshcapture.envoy;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Port;
import java.util.List;

/** Addresses, ports and networks as Envoy writes them. */
final class Sockets {

    static final Address ANY_IPV4 = Address.ipv4(0);
    static final Address ANY_IPV6 = new Address(Family.IPV6, 0, 0);

    private Sockets() {}

    /** {@code { socket_address: { address: 127.0.0.1, port_value: 15001 } }}. */
    static Message tcp(String host, Port port) {
        return new Message()
                .with("socket_address", new Message().with("address", host).with("port_value", port.number()))
                .inline();
    }

    static Message tcp(Address address, Port port) {
        return tcp(address.toString(), port);
    }

    static Message udp(Address address, Port port) {
        Message socket = new Message()
                .with("protocol", "UDP")
                .with("address", address.toString())
                .with("port_value", port.number());
        return new Message().with("socket_address", socket).inline();
    }

    /** Where a cluster finds an instance: an address, or a name that the hosts file never answers for. */
    static Message upstream(HostPort instance) {
        return tcp(instance.isAddress() ? instance.host() : instance.host() + ".", instance.port());
    }

    /** {@code { address_prefix: 10.0.0.0, prefix_len: 8 }} each. */
    static List<Message> ranges(List<Network> networks) {
        return networks.stream().map(Sockets::range).toList();
    }

    private static Message range(Network network) {
        return new Message()
                .with("address_prefix", network.base().toString())
                .with("prefix_len", network.prefix())
                .inline();
    }
}
