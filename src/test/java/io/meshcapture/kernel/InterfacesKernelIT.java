package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Connection;
import io.meshcapture.lab.Echo;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Interfaces with a treatment of their own. */
@InNetns
@Tag("every-backend")
class InterfacesKernelIT {
    private static final String PLAN = """
            version: 1
            envoy: {user: 1337, inbound: 15006}
            services: {any: {}}
            """;

    private static Verdict fromElsewhere(Lab lab, String destination) {
        return lab.inSrv(() -> lab.caller().connect(destination));
    }

    @ParameterizedTest
    @ValueSource(strings = {"eth0", "eth*", "[wg0, eth0]"})
    void traffic_on_an_excepted_interface_is_left_alone_both_ways(String except, Lab lab) {
        lab.proxy(15001);
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        lab.server(8080);
        lab.localServer(9090);
        lab.addGuest();
        String plan = PLAN + "interfaces: {except: " + except + "}\n";
        Program.apply(plan);
        for (String there : List.of("10.99.0.1:8080", "[fd99::1]:8080")) {
            assertEquals(new Direct(there), lab.caller().connect(there));
        }
        for (String own : List.of("10.99.0.2:9090", "[fd99::2]:9090")) {
            assertEquals(new Direct(own), fromElsewhere(lab, own));
        }
        for (String live : List.of("-v", "--live")) { // the kernel says which way a connection takes
            assertTrue(explained(plan, "10.99.0.1:8080", live).endsWith("these interfaces alone\ndirect\n"));
            assertTrue(explained(plan, "[2001:db8::1]:8080", live).endsWith("these interfaces alone\ndirect\n"));
            assertTrue(explained(plan, "10.98.0.2:8080", live).contains("captured: "));
        }
        // through the other interface everything is as ever
        assertEquals(new Proxied(15001, "10.98.0.2:8080"), lab.caller().connect("10.98.0.2:8080"));
        assertEquals(
                new Proxied(15006, "10.98.0.1:9090"),
                lab.inGuest(() -> lab.caller().connect("10.98.0.1:9090")));
        assertEquals(0, Program.check(plan).exit());
    }

    @Test
    void explanation_tells_excepted_interfaces_from_the_plan_and_live(Lab lab) {
        lab.proxy(15001);
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        String plan = PLAN + "interfaces: {except: [wg0, veth*]}\n";
        Program.apply(plan);
        for (String live : List.of("-v", "--live")) {
            for (String device : List.of("wg0", "veth9")) {
                assertTrue(explained(plan, live, "10.99.0.1:80", "--interface", device)
                        .endsWith("direct\n"));
                assertTrue(explained(plan, live, "10.99.0.2:80", "--inbound", "--interface", device)
                        .endsWith("decides  the plan leaves traffic on these interfaces alone\ndirect\n"));
            }
            assertTrue(
                    explained(plan, live, "10.99.0.1:80", "--interface", "eth0").contains("captured: "));
            assertTrue(explained(plan, live, "10.99.0.2:80", "--inbound").contains("captured: "));
        }
    }

    private static final String BRIDGE = """
            version: 1
            envoy: {user: 1337}
            interfaces: {outbound: guest0}
            except: [192.0.2.7]
            services:
              vm: {from: {network: [10.98.0.0/24, 10.98.0.2, "fd98::/64"]}, to: [":8080", ":443"], except: [192.0.2.8], outbound: 15002}
              mine: {from: {user: 1000}, outbound: 15003}
              any: {to: [10.99.0.0/24, "fd99::/64"]}
            """;
    private static final List<Integer> LISTENERS = List.of(15001, 15002, 15003);

    private static Verdict fromGuest(Lab lab, String destination) {
        return lab.inGuest(() -> lab.caller().connect(destination));
    }

    private static void listenEverywhere(Lab lab) {
        LISTENERS.forEach(port -> lab.proxyAt(Identity.ENVOY, "0.0.0.0:" + port, "[::]:" + port));
    }

    @Test
    void guests_connection_is_captured_by_its_network_and_never_as_somebody_of_this_host(Lab lab) {
        listenEverywhere(lab);
        lab.server(8080);
        lab.server(81);
        lab.localServer(9090);
        lab.addGuest();
        Program.apply(BRIDGE);
        try (Connection connection = lab.inGuest(() -> lab.caller().open("10.99.0.1:8080"))) {
            assertEquals(new Proxied(15002, "10.99.0.1:8080"), connection.verdict());
            assertTrue(connection.peerSeen().startsWith("10.98.0.2:"), connection::peerSeen);
        }
        assertEquals(new Proxied(15002, "[2001:db8::9]:8080"), fromGuest(lab, "[2001:db8::9]:8080"));
        assertEquals(new Proxied(15001, "10.99.0.1:81"), fromGuest(lab, "10.99.0.1:81"));
        assertEquals(new Direct("203.0.113.1:81"), fromGuest(lab, "203.0.113.1:81"));
        assertEquals(new Direct("192.0.2.7:8080"), fromGuest(lab, "192.0.2.7:8080"));
        assertEquals(new Direct("192.0.2.8:8080"), fromGuest(lab, "192.0.2.8:8080"));
        assertEquals(new Direct("10.98.0.1:9090"), fromGuest(lab, "10.98.0.1:9090"));
        // a caller of this host has no network
        assertEquals(
                new Proxied(15003, "203.0.113.1:8080"), lab.caller().uid(1000).connect("203.0.113.1:8080"));
        assertEquals(new Direct("203.0.113.1:8080"), lab.caller().uid(1001).connect("203.0.113.1:8080"));
        assertEquals(
                new Proxied(15001, "10.99.0.1:8080"), lab.caller().uid(1001).connect("10.99.0.1:8080"));
        // and what comes from elsewhere is nobody's outbound traffic
        assertEquals(new Direct("10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"));
        assertEquals(0, Program.check(BRIDGE).exit());
        assertTrue(Program.apply(BRIDGE).out().contains("in sync: 3 services captured"));
    }

    @Test
    void guests_calls_to_this_host_are_inbound_where_that_is_captured(Lab lab) {
        listenEverywhere(lab);
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        lab.localServer(9090);
        lab.server(8080);
        lab.addGuest();
        String plan = BRIDGE.replace("user: 1337", "user: 1337, inbound: 15006");
        Program.apply(plan);
        assertEquals(new Proxied(15006, "10.98.0.1:9090"), fromGuest(lab, "10.98.0.1:9090"));
        assertEquals(new Proxied(15006, "10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"));
        assertEquals(new Proxied(15002, "10.99.0.1:8080"), fromGuest(lab, "10.99.0.1:8080"));
        assertEquals(0, Program.check(plan).exit());
        Program.apply(BRIDGE);
        assertEquals(new Direct("10.98.0.1:9090"), fromGuest(lab, "10.98.0.1:9090"));
    }

    @Test
    void guests_open_connections_go_on_and_captured_ones_survive_a_second_apply_and_drain(Lab lab) {
        listenEverywhere(lab);
        lab.server(8080);
        lab.addGuest();
        Connection before = lab.inGuest(() -> lab.caller().open("10.99.0.1:8080"));
        Program.apply(BRIDGE);
        assertEquals(Echo.ANSWERED, before.echo("open before"));
        Connection captured = lab.inGuest(() -> lab.caller().open("10.99.0.1:8080"));
        assertEquals(new Proxied(15002, "10.99.0.1:8080"), captured.verdict());
        Program.apply(BRIDGE.replace("except: [192.0.2.7]", "except: [192.0.2.9]"));
        assertEquals(Echo.ANSWERED, captured.echo("applied again"));
        Program.apply(BRIDGE.replaceAll(" +vm:.*\n", "")); // released without a drain
        assertEquals(Echo.ANSWERED, captured.echo("released"));
        Connection anothers = lab.inGuest(() -> lab.caller().open("10.99.0.1:8080"));
        assertEquals(new Proxied(15001, "10.99.0.1:8080"), anothers.verdict());
        Outcome late = Program.must(0, Program.run("rollback", "vm", "--drain", "50ms"));
        assertTrue(late.err().contains("waiting for 1 captured connection to end: vm 1"), late::err);
        assertEquals(Echo.RESET, captured.echo("over"));
        assertEquals(Echo.ANSWERED, anothers.echo("another service's"));
        Outcome all = Program.must(0, Program.run("rollback", "--all", "--drain", "50ms"));
        assertTrue(all.err().contains("waiting for 1 captured connection to end: any 1"), all::err);
        assertEquals(Echo.ANSWERED, before.echo("still"));
        assertEquals(new Direct("10.99.0.1:8080"), fromGuest(lab, "10.99.0.1:8080"));
        assertEquals("", lab.nft().list());
    }

    @Test
    void rollback_of_a_guests_service_drains_its_connections_and_no_others(Lab lab) {
        listenEverywhere(lab);
        lab.server(8080);
        lab.server(81);
        lab.addGuest();
        Program.apply(BRIDGE);
        Connection machines = lab.inGuest(() -> lab.caller().open("10.99.0.1:8080"));
        assertEquals(new Proxied(15002, "10.99.0.1:8080"), machines.verdict());
        Connection others = lab.inGuest(() -> lab.caller().open("10.99.0.1:81"));
        assertEquals(new Proxied(15001, "10.99.0.1:81"), others.verdict());
        Outcome outcome = Program.must(0, Program.run("rollback", "vm", "--drain", "50ms"));
        assertTrue(outcome.err().contains("waiting for 1 captured connection to end: vm 1"), outcome::err);
        assertEquals(Echo.RESET, machines.echo("over"));
        assertEquals(Echo.ANSWERED, others.echo("still captured"));
    }

    /** Every kind of base chain stands then, and each has to come along when the rules are laid out anew. */
    @Test
    void rollback_of_one_service_leaves_what_an_apply_of_the_others_would_write(Lab lab) {
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15001", "[::]:15001", "0.0.0.0:15002", "[::]:15002");
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        lab.addGuest();
        String[] dns = {"127.0.0.1:15053", "[::1]:15053", "10.98.0.1:15053", "[fd98::1]:15053"};
        lab.proxyAt(Identity.ENVOY, dns);
        lab.udpProxyAt(Identity.ENVOY, dns);
        String plan = """
                version: 1
                envoy: {user: 1337, inbound: 15006, dns: 15053}
                interfaces: {outbound: guest0}
                dns: {servers: any}
                services:
                  vm: {from: {network: [10.98.0.0/24, "fd98::/64"]}, outbound: 15002}
                """;
        Program.apply(plan + "  mine: {from: {user: 1000}}\n");
        Program.rollback("mine");
        Outcome check = Program.must(0, Program.check(plan));
        Outcome status = Program.must(0, Program.withPlan(plan, "status"));
        assertFalse((check.err() + status.err()).contains("interrupted"), () -> check.err() + status.err());
        assertTrue(status.out().matches("(?s).*\nvm .* none\n.*"), status::out);
        assertTrue(Program.apply(plan).out().startsWith("in sync: "));
        Program.rollback("--all");
        assertEquals("", lab.nft().list());
    }

    @Test
    void listener_on_loopback_alone_is_a_conflict_and_an_interface_that_is_not_there_is_a_note(Lab lab) {
        LISTENERS.forEach(lab::proxy);
        Outcome loopback = Program.withPlan(BRIDGE, "apply");
        assertEquals(7, loopback.exit());
        assertTrue(loopback.err().contains("every captured connection that arrives would be refused"), loopback::err);
        assertEquals("", lab.nft().list());
        Outcome later = Program.apply(PLAN + "interfaces: {except: [wg0, tun*, lo]}\n");
        assertTrue(later.err().contains("no interface wg0 is there yet"), later::err);
        assertTrue(later.err().contains("no interface tun* is there yet"), later::err);
        assertFalse(later.err().contains("no interface lo "), later::err);
    }

    @Test
    void explanation_of_a_guests_connection_is_what_the_kernel_does(Lab lab) {
        listenEverywhere(lab);
        lab.serverOnEveryPort();
        lab.addGuest();
        Program.apply(BRIDGE);
        for (String destination : List.of(
                "10.99.0.1:8080",
                "10.99.0.1:81",
                "203.0.113.1:443",
                "203.0.113.1:81",
                "192.0.2.7:8080",
                "192.0.2.8:8080",
                "[fd99::1]:81",
                "[2001:db8::1]:443",
                "[2001:db8::1]:81")) {
            String guest = destination.startsWith("[") ? "fd98::2" : "10.98.0.2";
            String expected = fromGuest(lab, destination) instanceof Proxied proxied
                    ? "captured: to Envoy's listener " + proxied.port()
                    : "direct";
            for (String live : List.of("-v", "--live")) {
                String said = explained(BRIDGE, destination, "--from-address", guest, live);
                assertTrue(said.lines().toList().getLast().startsWith(expected), () -> expected + " is not in " + said);
            }
        }
    }

    @Test
    void service_that_names_a_network_and_a_user_is_refused(Lab lab) {
        Outcome outcome = Program.withPlan(BRIDGE + "  both: {from: {user: 7, network: 10.98.0.0/24}}\n", "apply");
        assertEquals(2, outcome.exit());
        assertTrue(
                outcome.err().contains("\" names a network and a user, group, unit or cgroup, and nobody has both"),
                outcome::err);
    }

    private static String explained(String plan, String... args) {
        return Program.must(0, Program.withPlan(plan, "explain", args)).out();
    }
}
