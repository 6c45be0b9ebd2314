package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Standin;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import io.meshcapture.lab.Verdict.TimedOut;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What stays direct without being asked. */
@InNetns
@Tag("every-backend")
class UntouchedKernelIT {
    private static final Duration SHORT = Duration.ofMillis(200);

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1:9090", "127.0.0.2:9090", "127.255.255.254:9090", "[::1]:9090"})
    void loopback_is_direct(String loopback, Lab lab) {
        Standin envoy = lab.proxy(15001);
        lab.localServer(9090);
        Program.apply(ANY);
        assertEquals(new Direct(loopback), lab.caller().connect(loopback));
        assertEquals(List.of(), envoy.arrivals());
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.99.0.2:9090", "[fd99::2]:9090", "[fe80::2%eth0]:9090"})
    void hosts_own_address_is_direct(String own, Lab lab) {
        Standin envoy = lab.proxy(15001);
        lab.localServer(9090);
        Program.apply(ANY);
        assertEquals(new Direct(own), lab.caller().connect(own));
        assertEquals(List.of(), envoy.arrivals());
    }

    @ParameterizedTest
    @ValueSource(strings = {"169.254.169.254:80", "169.254.170.2:80", "[fe80::1%eth0]:80"})
    void link_local_is_direct(String linkLocal, Lab lab) {
        Standin envoy = lab.proxy(15001);
        lab.server(80);
        Program.apply(ANY);
        assertEquals(new Direct(linkLocal), lab.caller().connect(linkLocal));
        assertEquals(List.of(), envoy.arrivals());
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.99.0.1:53", "10.99.0.1:443", "8.8.8.8:123", "[fd99::1]:53", "[fd99::1]:443"})
    void udp_is_direct(String destination, Lab lab) {
        lab.proxy(15001);
        lab.udpServerAt(destination);
        Program.apply(ANY);
        assertEquals(new Direct(destination), lab.caller().udp(destination));
    }

    /** GRE, IPIP and friends have no ports; SCTP has, and must not be taken for TCP. */
    @ParameterizedTest
    @CsvSource({"47, 10.99.0.1", "132, 10.99.0.1", "50, 8.8.8.8", "47, fd99::1", "132, 2001:db8::1"})
    void other_protocols_leave_the_host_as_they_are(int protocol, String destination, Lab lab) {
        lab.nft().apply("""
                table inet watch {
                  chain leaving { type filter hook postrouting priority 400
                    oifname eth0 meta l4proto %d counter comment "left"
                  }
                }
                """.formatted(protocol));
        Program.apply(ENVOY + "udp443: reject\nservices: {any: {}}\n");
        lab.caller().raw(protocol, destination);
        assertLeft(lab);
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.99.0.1", "fd99::1"})
    void icmp_leaves_the_host_as_it_is(String destination, Lab lab) {
        boolean six = destination.contains(":");
        lab.nft().apply("""
                table inet watch {
                  chain leaving { type filter hook postrouting priority 400
                    oifname eth0 meta l4proto %s counter comment "left"
                  }
                }
                """.formatted(six ? "ipv6-icmp icmpv6 type echo-request" : "icmp"));
        Program.apply(ENVOY + "udp443: reject\nservices: {any: {}}\n");
        lab.caller().raw(six ? 58 : 1, destination);
        assertLeft(lab);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"239.1.2.3:443", "224.0.0.1:443", "[ff02::fb%eth0]:443", "10.99.0.255:443", "255.255.255.255:443"
            })
    void multicast_and_broadcast_leave_the_host_even_where_quic_is_rejected(String destination, Lab lab) {
        lab.nft().apply("""
                table inet watch {
                  chain leaving { type filter hook postrouting priority 400
                    oifname eth0 udp dport 443 counter comment "left"
                  }
                }
                """);
        Program.apply(ENVOY + "udp443: reject\nservices: {any: {}}\n");
        assertEquals(new TimedOut(), lab.caller().broadcasting().within(SHORT).udp(destination));
        assertLeft(lab);
    }

    /** Redirected to loopback, its packets would have to arrive on the device that it is bound to: nobody can do that. */
    @Test
    void socket_bound_to_a_device_needs_an_exception(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
        Program.apply(ANY);
        var bound = lab.caller().boundToDevice("eth0").within(SHORT);
        assertEquals(new TimedOut(), bound.connect("10.99.0.1:8080"));
        Program.apply(ENVOY + "services: {any: {except: [\":8080\"]}}\n");
        assertEquals(new Direct("10.99.0.1:8080"), bound.connect("10.99.0.1:8080"));
        assertEquals(new Proxied(15001, "10.99.0.1:8081"), lab.caller().connect("10.99.0.1:8081"));
    }

    private static void assertLeft(Lab lab) {
        String watched = lab.nft().foreign();
        assertTrue(
                Pattern.compile("counter packets [1-9]\\d* bytes \\d+ comment \"left\"")
                        .matcher(watched)
                        .find(),
                () -> watched + lab.nft().ours());
    }
}
