package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Standin;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import io.meshcapture.lab.Verdict.Refused;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Whose connections reach Envoy, and what Envoy sees of them. */
@InNetns
@Tag("every-backend")
class CaptureKernelIT {
    @Test
    void connection_lands_on_envoy_with_its_destination_and_its_own_address(Lab lab) {
        Standin envoy = lab.proxy(15001);
        Program.apply(ANY);
        try (var connection = lab.caller().uid(1000).open("10.99.0.1:8080")) {
            assertEquals(new Proxied(15001, "10.99.0.1:8080"), connection.verdict());
            assertEquals(connection.local(), connection.peerSeen());
            assertTrue(connection.peerSeen().startsWith("10.99.0.2:"), connection::peerSeen);
        }
        assertEquals(1, envoy.arrivals().size());
    }

    @Test
    void ipv6_connection_lands_on_envoy_likewise(Lab lab) {
        lab.proxy(15001);
        Program.apply(ANY);
        try (var connection = lab.caller().uid(1000).open("[fd99::1]:8080")) {
            assertEquals(new Proxied(15001, "[fd99::1]:8080"), connection.verdict());
            assertTrue(connection.peerSeen().startsWith("[fd99::2]:"), connection::peerSeen);
        }
        assertEquals(
                new Proxied(15001, "[2001:db8::7]:443"), lab.caller().uid(1000).connect("[2001:db8::7]:443"));
    }

    @Test
    void ipv4_connection_of_an_ipv6_socket_is_captured_as_ipv4(Lab lab) {
        lab.proxy(15001);
        Program.apply(ANY);
        assertEquals(
                new Proxied(15001, "10.99.0.1:8080"), lab.caller().v4Mapped().connect("10.99.0.1:8080"));
    }

    @Test
    void source_address_that_the_caller_chose_reaches_envoy(Lab lab) {
        lab.proxy(15001);
        Run.command("ip", "address", "add", "10.99.0.77/32", "dev", "eth0").orFail();
        Program.apply(ANY);
        try (var connection = lab.caller().from("10.99.0.77:0").open("10.99.0.1:8080")) {
            assertEquals(new Proxied(15001, "10.99.0.1:8080"), connection.verdict());
            assertTrue(connection.peerSeen().startsWith("10.99.0.77:"), connection::peerSeen);
        }
    }

    @Test
    void two_connections_from_one_source_port_are_both_captured(Lab lab) {
        lab.proxy(15001);
        Program.apply(ANY);
        var caller = lab.caller().from("10.99.0.2:45000").resettingOnClose();
        assertEquals(
                new Proxied(15001, "10.99.0.1:80"), caller.open("10.99.0.1:80").verdict());
        assertEquals(
                new Proxied(15001, "10.99.0.1:81"), caller.open("10.99.0.1:81").verdict());
    }

    @Test
    void root_is_captured_like_everybody(Lab lab) {
        lab.proxy(15001);
        Program.apply(ANY);
        assertEquals(new Proxied(15001, "10.99.0.1:8080"), lab.caller().uid(0).connect("10.99.0.1:8080"));
    }

    @Test
    void root_stays_direct_where_a_service_excepts_everything_for_it(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
        Program.apply(ENVOY + """
                services:
                  root: {from: {user: 0}, except: [0.0.0.0/0, "::/0"]}
                  any: {}
                """);
        assertEquals(new Direct("10.99.0.1:8080"), lab.caller().uid(0).connect("10.99.0.1:8080"));
        assertEquals(new Direct("[fd99::1]:8080"), lab.caller().uid(0).connect("[fd99::1]:8080"));
        assertEquals(
                new Proxied(15001, "10.99.0.1:8080"), lab.caller().uid(1000).connect("10.99.0.1:8080"));
    }

    @Test
    void envoys_own_connections_go_direct_by_any_of_its_users_and_groups(Lab lab) {
        Standin envoy = lab.proxy(15001);
        lab.server(8080);
        Program.apply("""
                version: 1
                envoy: {user: [1337, 1338], group: [2337, 2338]}
                services: {any: {}}
                """);
        for (Identity own : List.of(
                new Identity(1337, 100),
                new Identity(1338, 100),
                new Identity(1000, 2337),
                new Identity(1000, 2338),
                new Identity(0, 2338))) {
            assertEquals(new Direct("10.99.0.1:8080"), lab.caller().as(own).connect("10.99.0.1:8080"), own.toString());
            assertEquals(new Direct("[fd99::1]:8080"), lab.caller().as(own).connect("[fd99::1]:8080"), own.toString());
        }
        assertEquals(List.of(), envoy.arrivals());
    }

    @Test
    void envoys_user_alone_leaves_others_of_its_group_captured(Lab lab) {
        lab.proxy(15001);
        Program.apply(ANY);
        assertEquals(
                new Proxied(15001, "10.99.0.1:8080"),
                lab.caller().as(new Identity(1000, 1337)).connect("10.99.0.1:8080"));
    }

    @Test
    void envoys_connection_to_the_hosts_own_address_and_to_loopback_goes_direct(Lab lab) {
        Standin envoy = lab.proxy(15001);
        lab.localServer(9090);
        Program.apply(ANY);
        for (String own : List.of("10.99.0.2:9090", "[fd99::2]:9090", "127.0.0.1:9090", "[::1]:9090")) {
            assertEquals(new Direct(own), lab.caller().as(Identity.ENVOY).connect(own));
        }
        assertEquals(List.of(), envoy.arrivals());
    }

    @Test
    void virtual_address_that_leads_back_to_the_caller_passes_envoy_once(Lab lab) {
        Standin envoy = lab.proxy(15001);
        lab.localServer(9090);
        lab.nft().apply("""
                table ip cluster {
                  chain services { type nat hook output priority -100
                    ip daddr 10.96.0.1 tcp dport 80 dnat to 10.99.0.2:9090
                  }
                }
                """);
        Program.apply(ANY);
        assertEquals(new Proxied(15001, "10.96.0.1:80"), lab.caller().connect("10.96.0.1:80"));
        // and on from Envoy, which meets the cluster's rule only
        assertEquals(
                new Direct("10.99.0.2:9090"), lab.caller().as(Identity.ENVOY).connect("10.96.0.1:80"));
        assertEquals(1, envoy.arrivals().size());
    }

    @Test
    void application_running_as_envoys_user_is_named_with_its_pid(Lab lab) {
        lab.proxy(15001);
        var application = lab.background(
                "setpriv", "--reuid=1337", "--regid=1337", "--clear-groups", "sh", "-c", "echo up; sleep 60; :");
        application.awaitOutput("up", Duration.ofSeconds(10));
        var outcome = Program.apply(ANY);
        assertTrue(outcome.err().contains("run as Envoy's user or group and are not Envoy: "), outcome::err);
        assertTrue(outcome.err().contains(application.pid() + " (sh)"), outcome::err);
    }

    @Test
    void without_envoy_connections_are_refused_at_once_and_apply_says_so(Lab lab) {
        lab.server(8080);
        var outcome = Program.apply(ANY);
        assertTrue(outcome.err().contains("nobody listens on 127.0.0.1:15001, [::1]:15001"), outcome::err);
        assertEquals(new Refused(), lab.caller().connect("10.99.0.1:8080"));
        assertEquals(new Refused(), lab.caller().connect("[fd99::1]:8080"));
    }

    @Test
    void connections_are_refused_when_envoy_dies_and_captured_when_it_is_back(Lab lab) {
        Standin envoy = lab.proxy(15001);
        Program.apply(ANY);
        envoy.close();
        assertEquals(new Refused(), lab.caller().connect("10.99.0.1:8080"));
        lab.proxy(15001);
        assertEquals(new Proxied(15001, "10.99.0.1:8080"), lab.caller().connect("10.99.0.1:8080"));
    }
}
