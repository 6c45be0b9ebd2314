package io.meshcapture.doctor;

import io.meshcapture.plan.PortRange;
import io.meshcapture.rules.AlwaysDirect;
import io.meshcapture.system.SocketTable.Listening;
import io.meshcapture.system.SocketTable.Open;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Sockets that capture cannot help, or that may be mistaken.
 *
 * @param open connections
 * @param listening servers
 * @param ephemeral the ports that the kernel gives to clients
 */
record Sockets(Collection<Open> open, Collection<Listening> listening, PortRange ephemeral) implements Examination {

    @Override
    public List<Finding> examine() {
        List<Finding> findings = new ArrayList<>();
        long bound = open.stream()
                .filter(one -> one.device() != 0 && ephemeral.contains(one.localPort()))
                .filter(one -> !AlwaysDirect.isIpv6LinkLocal(one.remote()))
                .count();
        if (bound > 0) {
            findings.add(Finding.note(
                    Topic.ADDRESSES,
                    "sockets.bound-to-device",
                    bound + " connection(s) come from sockets that are bound to an interface (SO_BINDTODEVICE)",
                    "such a socket cannot be redirected to loopback: captured, its connections would time out",
                    "give that program no interface, or name its destinations or its user in \"except\""));
        }
        TreeSet<Integer> ports = listening.stream()
                .map(Listening::port)
                .filter(ephemeral::contains)
                .collect(Collectors.toCollection(TreeSet::new));
        if (!ports.isEmpty()) {
            findings.add(Finding.note(
                    Topic.ADDRESSES,
                    "sockets.ephemeral-listener",
                    "servers listen on ports that the kernel also gives to clients: " + Samples.of(ports),
                    "a connection to them that loses its conntrack entry is taken for a client's",
                    "move them below " + ephemeral.first() + ", or reserve their ports",
                    "sysctl -w net.ipv4.ip_local_reserved_ports="
                            + ports.stream().map(String::valueOf).collect(Collectors.joining(","))));
        }
        return findings;
    }
}
