package io.meshcapture.verbs;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.system.DnsQuestion;
import io.meshcapture.system.Processes;
import io.meshcapture.system.SocketTable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A DNS server of the calling thread's network namespace.
 *
 * @param process as {@code 812 (dnsmasq)}; empty where it cannot be seen
 * @param addresses that it has; all zeros for any
 */
record LocalNameServer(String process, List<Address> addresses) {
    private static final int PORT = 53;

    /** What stands in a file is answered within a millisecond; what others are asked for is of no interest. */
    private static final Duration PATIENCE = Duration.ofMillis(300);

    LocalNameServer {
        addresses = List.copyOf(addresses);
    }

    /** All of them. Who has several sockets is one. */
    static List<LocalNameServer> all() {
        List<SocketTable.Open> sockets = SocketTable.openUdp().stream()
                .filter(socket -> socket.localPort() == PORT && socket.remotePort() == 0)
                .toList();
        Map<Long, Set<String>> processes = Processes.ofSockets(
                sockets.stream().map(SocketTable.Open::inode).collect(Collectors.toSet()));
        Map<String, Set<Address>> servers = new LinkedHashMap<>();
        for (SocketTable.Open socket : sockets) {
            String process = String.join(", ", processes.getOrDefault(socket.inode(), Set.of()));
            servers.computeIfAbsent(process, _ -> new TreeSet<>()).add(socket.local());
        }
        List<LocalNameServer> all = new ArrayList<>();
        servers.forEach((process, addresses) -> all.add(new LocalNameServer(process, List.copyOf(addresses))));
        return all;
    }

    /** By its program. */
    boolean is(String program) {
        return process.contains(" (" + program);
    }

    /** Its process's number; empty where there is not one that can be seen. */
    String pid() {
        return process.matches("\\d+ \\([^,]*\\)") ? process.substring(0, process.indexOf(' ')) : "";
    }

    /** What it answers for a name; null where it does not. */
    DnsQuestion.@Nullable Answer ask(String name) {
        Address address = addresses.getFirst();
        return DnsQuestion.of(name).ask(isAny(address) ? loopback(address.family()) : address, PATIENCE);
    }

    /** The addresses at which others than this host may ask it. */
    List<Address> addressesForOthers() {
        return addresses.stream().filter(address -> !address.isLoopback()).toList();
    }

    /** Whether who asks an address of this host asks it. */
    boolean isAskedAt(Address server) {
        return addresses.contains(server)
                || (server.isLoopback() && addresses.stream().anyMatch(LocalNameServer::isAny));
    }

    private static boolean isAny(Address address) {
        return address.high() == 0 && address.low() == 0;
    }

    private static Address loopback(Family family) {
        return family == Family.IPV4 ? Address.LOOPBACK_IPV4 : Address.LOOPBACK_IPV6;
    }
}
