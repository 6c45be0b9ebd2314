package io.meshcapture.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostFactsTest {

    @Test
    void ipv4_addresses_are_the_local_hosts_of_the_routing_table() throws BadValue {
        List<String> routes = """
                Local:
                  +-- 0.0.0.0/0 3 0 5
                     |-- 0.0.0.0
                        /0 universe UNICAST
                     +-- 10.99.0.0/24 2 0 2
                        |-- 10.99.0.0
                           /24 link UNICAST
                        |-- 10.99.0.2
                           /32 host LOCAL
                        |-- 10.99.0.255
                           /32 link BROADCAST
                        |-- 127.0.0.0
                           /8 host LOCAL
                """.lines().toList();
        Set<Address> found = new TreeSet<>();
        HostFacts.addIpv4(routes, HostFacts.LOCAL, found);
        assertEquals(Set.of(Address.parse("10.99.0.2")), found);
        found.clear();
        HostFacts.addIpv4(routes, HostFacts.BROADCAST, found);
        assertEquals(Set.of(Address.parse("10.99.0.255")), found);
    }

    @Test
    void ipv6_addresses_are_those_of_the_interfaces() throws BadValue {
        Set<Address> found = new TreeSet<>();
        HostFacts.addIpv6("""
                00000000000000000000000000000001 01 80 10 80       lo
                fd990000000000000000000000000002 02 40 00 80     eth0
                """.lines().toList(), found);
        assertEquals(Set.of(Address.parse("::1"), Address.parse("fd99::2")), found);
    }

    @Test
    void address_of_all_zeros_leads_to_the_host() throws BadValue {
        assertTrue(HostFacts.ownAddresses().containsAll(Set.of(Address.parse("0.0.0.0"), Address.parse("::"))));
    }

    @Test
    void the_kubelet_tells_a_pod_on_its_nodes_network_by_the_first_line_of_the_hosts_file(@TempDir Path directory)
            throws IOException {
        Path hosts = directory.resolve("hosts");
        Files.writeString(hosts, "# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n");
        assertTrue(HostFacts.isOfHostNetwork(hosts));
        for (String other : List.of("# Kubernetes-managed hosts file.\n", "", "127.0.0.1 localhost\n")) {
            Files.writeString(hosts, other);
            assertFalse(HostFacts.isOfHostNetwork(hosts), other);
        }
        assertFalse(HostFacts.isOfHostNetwork(directory.resolve("none")));
    }
}
