package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Connection;
import io.meshcapture.lab.Echo;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Standin;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import io.meshcapture.lab.Verdict.Refused;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** With tproxy what arrives reaches Envoy and nothing is translated. */
@InNetns
@Tag("every-backend")
class TproxyKernelIT {
    private static final String PLAN = """
            version: 1
            envoy: {user: 1337, inbound: 15006}
            services: {}
            inbound: {mode: tproxy, except: [15020]}
            """;
    private static final List<String> BOTH = List.of("10.99.0.2:9090", "[fd99::2]:9090");

    private static Standin inbound(Lab lab) {
        return lab.transparentProxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
    }

    private static Verdict fromElsewhere(Lab lab, String destination) {
        return lab.inSrv(() -> lab.caller().connect(destination));
    }

    private static Connection openFromElsewhere(Lab lab, String destination) {
        return lab.inSrv(() -> lab.caller().open(destination));
    }

    @Test
    void client_lands_on_the_inbound_listener_and_nothing_is_translated(Lab lab) {
        inbound(lab);
        Standin server = lab.localServer(9090);
        Program.apply(PLAN);
        for (String own : BOTH) {
            try (Connection connection = openFromElsewhere(lab, own)) {
                assertEquals(new Proxied(15006, own), connection.verdict());
                assertEquals(connection.local(), connection.peerSeen());
                assertEquals(Echo.ANSWERED, connection.echo("both ways"));
                // Envoy's socket has the address that the client asked for
                String sockets = Run.command("ss", "-Htn", "state", "established", "sport = :9090")
                        .orFail();
                assertTrue(sockets.contains(own), sockets);
            }
        }
        assertEquals(List.of(), server.arrivals());
    }

    @Test
    void no_routing_rule_and_no_route_is_needed_or_left(Lab lab) {
        inbound(lab);
        String before = routing();
        for (int i = 0; i < 2; i++) {
            Program.apply(PLAN);
            assertEquals(before, routing());
            assertEquals(new Proxied(15006, "10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"));
        }
        Program.rollback("--all");
        assertEquals(before, routing());
        assertEquals("", lab.nft().list());
    }

    private static String routing() {
        StringBuilder text = new StringBuilder();
        for (String family : List.of("-4", "-6")) {
            text.append(Run.command("ip", family, "rule").orFail());
            text.append(Run.command("ip", family, "route", "show", "table", "all")
                    .orFail()
                    .replaceAll("expires \\d+sec", ""));
        }
        return text.toString();
    }

    @Test
    void what_is_excepted_loopback_and_the_applications_own_calls_stay_direct(Lab lab) {
        inbound(lab);
        lab.localServer(9090);
        lab.localServer(15020);
        Program.apply(PLAN);
        assertEquals(new Direct("10.99.0.2:15020"), fromElsewhere(lab, "10.99.0.2:15020"));
        assertEquals(new Direct("[fd99::2]:15020"), fromElsewhere(lab, "[fd99::2]:15020"));
        for (String own : List.of("127.0.0.1:9090", "[::1]:9090", "10.99.0.2:9090", "[fd99::2]:9090")) {
            assertEquals(new Direct(own), lab.caller().connect(own));
        }
    }

    @Test
    void envoys_call_to_the_hosts_own_address_is_inbound(Lab lab) {
        inbound(lab);
        lab.localServer(9090);
        Program.apply(PLAN);
        for (String own : BOTH) {
            assertEquals(
                    new Proxied(15006, own), lab.caller().as(Identity.ENVOY).connect(own));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void connections_that_are_open_go_on_when_capture_begins_and_when_it_ends(boolean conntrack, Lab lab) {
        if (conntrack) {
            lab.nft().apply("""
                    table inet firewall {
                      chain in { type filter hook input priority 0; ct state established,related accept; }
                    }
                    """);
        }
        inbound(lab);
        lab.localServer(9090);
        lab.localServer(40000);
        lab.server(8080);
        List<Connection> open = new ArrayList<>();
        for (String own : List.of("10.99.0.2:9090", "[fd99::2]:9090", "10.99.0.2:40000")) {
            open.add(openFromElsewhere(lab, own));
        }
        open.add(lab.caller().open("10.99.0.1:8080"));
        Program.apply(PLAN);
        open.forEach(one -> assertEquals(Echo.ANSWERED, one.echo("applied")));
        for (String own : BOTH) {
            Connection captured = openFromElsewhere(lab, own);
            assertEquals(new Proxied(15006, own), captured.verdict());
            open.add(captured);
        }
        lab.conntrack().flush();
        open.forEach(one -> assertEquals(Echo.ANSWERED, one.echo("forgotten")));
        Program.rollback("--all");
        open.forEach(one -> assertEquals(Echo.ANSWERED, one.echo("rolled back")));
        assertEquals(new Direct("10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"));
    }

    /** The target TPROXY of iptables drops what it has no listener for, and clients wait. */
    @Tag("nftables")
    @Test
    void without_envoy_or_without_its_right_to_be_transparent_clients_are_refused_and_never_let_past(Lab lab) {
        lab.localServer(9090);
        Program.apply(PLAN);
        for (String own : BOTH) {
            assertEquals(new Refused(), fromElsewhere(lab, own));
        }
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006"); // not transparent
        for (String own : BOTH) {
            assertEquals(new Refused(), fromElsewhere(lab, own));
        }
    }

    @Test
    void the_modes_replace_each_other_and_check_and_status_tell_which_stands(Lab lab) {
        inbound(lab);
        String redirect = PLAN.replace("tproxy", "redirect");
        for (String plan : List.of(PLAN, redirect, PLAN)) {
            Program.apply(plan);
            assertEquals(new Proxied(15006, "10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"));
            assertEquals(0, Program.check(plan).exit());
            assertEquals(3, Program.check(plan.equals(PLAN) ? redirect : PLAN).exit());
            String mode = plan.equals(PLAN) ? "tproxy" : "redirect";
            String status = Program.run("status").out();
            assertTrue(status.endsWith(" captured, 0 excepted; to Envoy's listener 15006 by " + mode + "\n"), status);
            assertFalse(plan.equals(PLAN) && lab.nft().ours().contains("chain prerouting"));
        }
    }

    @Test
    void ipv6_that_is_rejected_is_refused_at_once(Lab lab) {
        inbound(lab);
        Program.apply(PLAN + "ipv6: reject\n");
        assertEquals(new Refused(), fromElsewhere(lab, "[fd99::2]:9090"));
        assertEquals(new Proxied(15006, "10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"));
        assertEquals(0, Program.check(PLAN + "ipv6: reject\n").exit());
    }
}
