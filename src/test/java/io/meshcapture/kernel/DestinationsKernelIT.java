package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Networks and ports: what is captured, what is excepted, what is refused before anything happens. */
@InNetns
@Tag("every-backend")
class DestinationsKernelIT {
    @BeforeEach
    void world(Lab lab) {
        lab.proxy(15001);
        lab.serverOnEveryPort();
    }

    @Test
    void exceptions_by_network_by_port_and_by_both_win_over_to(Lab lab) {
        Program.apply(service("""
                to: [10.0.0.0/8, "fd00::/8"],
                except: ["10.1.0.0/16", ":22", "10.2.0.0/16:5432", "[fd01::]:443", "[fd02::/16]:80-90,99"]"""));
        captured(lab, "10.0.0.1:80", "10.2.0.1:80", "10.3.0.1:5432", "[fd00::1]:443", "[fd02::1]:91", "[fd02::1]:98");
        direct(lab, "10.1.0.1:80", "10.99.0.1:22", "10.2.0.1:5432", "[fd00::1]:22", "[fd01::]:443");
        direct(lab, "[fd02::1]:80", "[fd02::1]:90", "[fd02::1]:99", "192.0.2.1:80", "[2001:db8::1]:80");
        captured(lab, "[fd01::]:80", "[fd01::1]:443");
    }

    @Test
    void port_ranges_and_more_than_fifteen_ports_work_to_their_ends(Lab lab) {
        String many = IntStream.range(0, 40).mapToObj(i -> "" + (2000 + 2 * i)).collect(Collectors.joining(","));
        Program.apply(service("to: [\":8000-9000\", \"10.0.0.0/8:" + many + "\", \":65535\", \":1\", \":8000,8001\"]"));
        captured(lab, "192.0.2.1:8000", "192.0.2.1:8500", "192.0.2.1:9000", "192.0.2.1:1", "[fd00::1]:65535");
        captured(lab, "10.0.0.1:2000", "10.0.0.1:2078", "10.0.0.1:2040");
        direct(lab, "192.0.2.1:7999", "192.0.2.1:9001", "10.0.0.1:2001", "10.0.0.1:2080", "192.0.2.1:2000");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                ":0",
                ":65536",
                ":9000-8000",
                ":80,",
                ":",
                ":-1",
                ":http",
                ": 80",
                "10.0.0.0/33",
                "10.1",
                "010.0.0.1",
                "fd00::/129",
                "[fd00::1",
                "10.0.0.1:80:90",
                "example.org",
                "fe80::1%eth0",
                ""
            })
    void destination_that_cannot_be_is_refused_before_anything_happens(String destination, Lab lab) {
        Outcome outcome =
                Program.must(2, Program.withPlan(service("to: [10.0.0.0/8, '" + destination + "']"), "apply"));
        assertTrue(outcome.err().contains("standard input:3:"), outcome::err);
        assertEquals("", lab.nft().list());
    }

    @Test
    void host_bits_overlaps_neighbours_and_repetitions_are_put_in_order(Lab lab) {
        Program.apply(service("""
                to: ["10.1.2.3/8", "10.0.0.0/8", "10.128.0.0/9", "192.0.2.0/25", "192.0.2.128/25", "192.0.2.7:80",
                     "fd00:1::7/32", "fd00:1::/48", "0.0.0.0/0:443", "172.16.0.0/12:80-90", "172.16.5.0/24:85-95"]"""));
        captured(lab, "10.200.0.1:5", "192.0.2.127:6", "192.0.2.128:6", "192.0.2.7:80", "[fd00:1:ffff::1]:7");
        captured(lab, "198.51.100.1:443", "172.16.5.1:95", "172.17.0.1:90", "10.200.0.1:443");
        direct(lab, "198.51.100.1:442", "172.17.0.1:95", "[fd00:2::1]:7", "[fd00:2::1]:443", "192.0.3.0:6");
        assertEquals(0, Program.run("status").exit());
    }

    @Test
    void exception_of_everything_captures_nothing_and_is_said(Lab lab) {
        Outcome outcome = Program.withPlan(service("except: [\"0.0.0.0/0\"]"), "apply");
        assertEquals(0, outcome.exit(), outcome::err);
        direct(lab, "10.0.0.1:80");
        captured(lab, "[fd00::1]:80");
        outcome = Program.withPlan(service("except: [\"0.0.0.0/0\", \"::/0\"]"), "apply");
        assertFalse(outcome.err().isEmpty(), "nothing is said of a service that captures nothing");
        direct(lab, "10.0.0.1:80", "[fd00::1]:80");
    }

    @Tag("nftables")
    @Test
    void caller_with_many_networks_is_decided_like_one_with_few(Lab lab) {
        // more than 64 networks stand in a map with the address first
        String many = IntStream.range(0, 200)
                .mapToObj(i -> "10." + i + ".0.0/16, \"fd00:" + Integer.toHexString(i) + "::/32\"")
                .collect(Collectors.joining(", "));
        Program.apply(ENVOY + """
                services:
                  few: {from: {user: 1001}, to: [10.50.0.0/16, "192.0.2.0/24:80"]}
                  many: {from: {user: 1000}, to: [%s], except: ["10.7.7.0/24", "10.8.0.0/16:22"]}
                  group: {from: {group: 1000}, to: [198.51.100.0/24]}
                """.formatted(many));
        assertTrue(
                lab.nft().ours().contains("_ip_address {"),
                lab.nft().ours().lines().limit(60)::toString);
        captured(lab, "10.0.0.1:80", "10.199.255.255:22", "[fd00:c7::1]:80", "10.7.8.1:80", "10.8.0.1:80");
        direct(lab, "10.200.0.1:80", "10.7.7.7:80", "10.8.0.1:22", "[fd00:c8::1]:80", "192.0.2.1:80");
        captured(lab, "198.51.100.1:80");
        assertEquals(new Direct("10.51.0.1:80"), lab.caller().uid(1001).connect("10.51.0.1:80"));
        assertEquals(new Proxied(15001, "192.0.2.1:80"), lab.caller().uid(1001).connect("192.0.2.1:80"));
    }

    private static String service(String keys) {
        return ENVOY + "services: {one: {" + keys + "}}\n";
    }

    private static void captured(Lab lab, String... destinations) {
        for (String destination : List.of(destinations)) {
            assertEquals(new Proxied(15001, destination), lab.caller().connect(destination));
        }
    }

    private static void direct(Lab lab, String... destinations) {
        for (String destination : List.of(destinations)) {
            assertEquals(new Direct(destination), lab.caller().connect(destination));
        }
    }
}
