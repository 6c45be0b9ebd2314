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

/** What arrives reaches Envoy's inbound listener, and nothing else does. */
@InNetns
@Tag("every-backend")
class InboundKernelIT {
    private static final String ENVOY = """
            version: 1
            envoy: {user: 1337, inbound: 15006}
            """;
    private static final String ALONE = ENVOY + "services: {}\n";
    private static final String WITH_OUTBOUND = ENVOY + "services: {any: {}}\n";
    private static final List<String> BOTH = List.of("10.99.0.2:9090", "[fd99::2]:9090");

    private static Standin inbound(Lab lab) {
        return lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
    }

    private static Verdict fromElsewhere(Lab lab, String destination) {
        return lab.inSrv(() -> lab.caller().connect(destination));
    }

    private static Connection openFromElsewhere(Lab lab, String destination) {
        return lab.inSrv(() -> lab.caller().open(destination));
    }

    @Test
    void client_lands_on_the_inbound_listener_with_its_own_address_and_the_destination_it_meant(Lab lab) {
        Standin envoy = inbound(lab);
        Standin server = lab.localServer(9090);
        Program.apply(ALONE);
        for (String own : BOTH) {
            try (Connection connection = openFromElsewhere(lab, own)) {
                assertEquals(new Proxied(15006, own), connection.verdict());
                assertEquals(connection.local(), connection.peerSeen());
            }
        }
        assertEquals(2, envoy.arrivals().size());
        assertEquals(List.of(), server.arrivals());
    }

    @Test
    void loopback_and_own_addresses_stay_direct_for_the_application(Lab lab) {
        Standin envoy = inbound(lab);
        lab.localServer(9090);
        for (String plan : List.of(ALONE, WITH_OUTBOUND)) {
            Program.apply(plan);
            for (String own :
                    List.of("127.0.0.1:9090", "127.0.0.2:9090", "[::1]:9090", "10.99.0.2:9090", "[fd99::2]:9090")) {
                assertEquals(new Direct(own), lab.caller().connect(own));
            }
        }
        assertEquals(List.of(), envoy.arrivals());
    }

    @Test
    void excepted_ports_envoys_own_ports_and_link_local_addresses_stay_direct(Lab lab) {
        inbound(lab);
        lab.localServer(9090);
        lab.localServer(15020);
        lab.localServer(15021);
        lab.localServer(9901);
        Program.apply("""
                version: 1
                envoy: {user: 1337, inbound: 15006, admin: "0.0.0.0:9901"}
                services: {}
                inbound: {except: [15020, 15021-15022]}
                """);
        for (int port : List.of(15020, 15021, 9901)) {
            assertEquals(new Direct("10.99.0.2:" + port), fromElsewhere(lab, "10.99.0.2:" + port));
            assertEquals(new Direct("[fd99::2]:" + port), fromElsewhere(lab, "[fd99::2]:" + port));
        }
        assertEquals(new Direct("[fe80::2%eth0]:9090"), fromElsewhere(lab, "[fe80::2%eth0]:9090"));
        assertEquals(new Proxied(15006, "10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"));
        // nobody listens there for the world, and Envoy must not be the way to what listens on loopback
        assertEquals(new Refused(), fromElsewhere(lab, "10.99.0.2:15001"));
    }

    @Test
    void only_the_ports_that_the_plan_names_are_captured(Lab lab) {
        inbound(lab);
        for (int port : List.of(80, 443, 8001, 8002, 8003)) {
            lab.localServer(port);
        }
        Program.apply(ENVOY + "services: {}\ninbound: {to: [80, 8000-8100], except: [8002]}\n");
        for (int port : List.of(80, 8001, 8003)) {
            assertEquals(new Proxied(15006, "10.99.0.2:" + port), fromElsewhere(lab, "10.99.0.2:" + port));
        }
        for (int port : List.of(443, 8002)) {
            assertEquals(new Direct("10.99.0.2:" + port), fromElsewhere(lab, "10.99.0.2:" + port));
        }
    }

    @Test
    void call_to_a_virtual_address_of_the_own_service_goes_out_through_envoy_and_in_again_once(Lab lab) {
        Standin in = inbound(lab);
        Standin out = lab.proxy(15001);
        Standin application = lab.localServer(9090);
        lab.nft().apply("""
                table ip cluster {
                  chain services { type nat hook output priority -100
                    ip daddr 10.96.0.1 tcp dport 80 dnat to 10.99.0.2:9090
                  }
                }
                """);
        Program.apply(WITH_OUTBOUND);
        assertEquals(new Proxied(15001, "10.96.0.1:80"), lab.caller().connect("10.96.0.1:80"));
        // Envoy has chosen the endpoint, which is this host
        assertEquals(
                new Proxied(15006, "10.99.0.2:9090"),
                lab.caller().as(Identity.ENVOY).connect("10.99.0.2:9090"));
        // its inbound side passes it on to the application
        assertEquals(
                new Direct("127.0.0.1:9090"), lab.caller().as(Identity.ENVOY).connect("127.0.0.1:9090"));
        assertEquals(1, out.arrivals().size());
        assertEquals(1, in.arrivals().size());
        assertEquals(1, application.arrivals().size());
    }

    @Test
    void envoys_call_to_the_hosts_own_address_is_inbound_and_from_a_loopback_address_it_is_not(Lab lab) {
        inbound(lab);
        Standin out = lab.proxy(15001);
        lab.localServer(9090);
        lab.localServer(15020);
        Run.command("ip", "address", "add", "::6/128", "dev", "lo").orFail();
        Program.apply(WITH_OUTBOUND + "inbound: {except: [15020]}\n");
        var envoy = lab.caller().as(Identity.ENVOY);
        for (String own : BOTH) {
            assertEquals(new Proxied(15006, own), envoy.connect(own));
        }
        assertEquals(new Direct("10.99.0.2:9090"), envoy.from("127.0.0.6:0").connect("10.99.0.2:9090"));
        assertEquals(new Direct("[fd99::2]:9090"), envoy.from("[::6]:0").connect("[fd99::2]:9090"));
        assertEquals(new Direct("[fd99::2]:9090"), envoy.from("[::1]:0").connect("[fd99::2]:9090"));
        assertEquals(new Direct("10.99.0.2:15020"), envoy.connect("10.99.0.2:15020"));
        assertEquals(new Direct("127.0.0.1:9090"), envoy.connect("127.0.0.1:9090"));
        assertEquals(new Direct("[::1]:9090"), envoy.connect("[::1]:9090"));
        assertEquals(List.of(), out.arrivals());
    }

    @Test
    void answers_to_connections_from_here_are_not_inbound(Lab lab) {
        Standin envoy = inbound(lab);
        lab.server(8080);
        Program.apply(ALONE);
        List<Connection> open = List.of(
                lab.caller().open("10.99.0.1:8080"),
                lab.caller().from("10.99.0.2:9091").open("10.99.0.1:8080"));
        for (Connection one : open) {
            assertEquals(new Direct("10.99.0.1:8080"), one.verdict());
            assertEquals(Echo.ANSWERED, one.echo("out"));
        }
        assertEquals(List.of(), envoy.arrivals());
    }

    @Tag("nftables")
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void connections_that_are_open_go_on_both_ways_when_capture_begins(boolean conntrack, Lab lab) {
        if (conntrack) {
            lab.nft().apply("""
                    table inet firewall {
                      chain in { type filter hook input priority 0; ct state established,related accept; }
                    }
                    """);
        }
        inbound(lab);
        lab.localServer(9090);
        lab.localServer(40000); // a port that clients may have as well
        lab.server(8080);
        List<Connection> in = List.of("10.99.0.2:9090", "[fd99::2]:9090", "10.99.0.2:40000", "[fd99::2]:40000").stream()
                .map(own -> openFromElsewhere(lab, own))
                .toList();
        List<Connection> out =
                List.of(lab.caller().open("10.99.0.1:8080"), lab.caller().open("[fd99::1]:8080"));
        Program.apply(ALONE);
        for (int i = 0; i < 3; i++) {
            in.forEach(open -> assertEquals(Echo.ANSWERED, open.echo("in"), open.local()));
            out.forEach(open -> assertEquals(Echo.ANSWERED, open.echo("out"), open.local()));
            lab.conntrack().flush();
        }
        assertEquals(new Proxied(15006, "10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"));
    }

    @Test
    void captured_connection_survives_a_forgetful_conntrack_and_a_second_apply(Lab lab) {
        inbound(lab);
        lab.proxy(15001);
        lab.localServer(9090);
        Program.apply(ALONE);
        List<Connection> captured =
                BOTH.stream().map(own -> openFromElsewhere(lab, own)).toList();
        for (String plan : List.of(ALONE, WITH_OUTBOUND, ENVOY + "services: {}\ninbound: {to: [9090]}\n", ALONE)) {
            Program.apply(plan);
            assertEquals(0, Program.check(plan).exit());
            captured.forEach(open -> assertEquals(Echo.ANSWERED, open.echo("re-applied")));
            lab.conntrack().flush();
            captured.forEach(open -> assertEquals(Echo.ANSWERED, open.echo("forgotten")));
        }
    }

    @Test
    void plan_that_captures_inbound_no_more_leaves_captured_connections_to_their_end(Lab lab) {
        inbound(lab);
        lab.proxy(15001);
        lab.localServer(9090);
        Program.apply(WITH_OUTBOUND);
        Connection captured = openFromElsewhere(lab, "10.99.0.2:9090");
        Program.apply(Program.ANY);
        assertFalse(lab.nft().ours().contains("chain prerouting"), lab.nft().ours());
        assertEquals(new Direct("10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"));
        assertEquals(Echo.ANSWERED, captured.echo("still translated"));
    }

    @Test
    void rollback_of_the_last_service_leaves_inbound_capture_and_all_takes_it_too(Lab lab) {
        inbound(lab);
        lab.proxy(15001);
        lab.localServer(9090);
        lab.server(8080);
        Outcome applied = Program.apply(WITH_OUTBOUND);
        assertTrue(applied.out().contains("captured: inbound connections\n"), applied::out);
        assertTrue(applied.out().contains("done: 1 service and inbound connections captured"), applied::out);
        String out = Program.rollback("any").out();
        assertTrue(out.startsWith("released: any\nstill captured: inbound connections, which belong to the plan"), out);
        assertEquals(new Direct("10.99.0.1:8080"), lab.caller().connect("10.99.0.1:8080"));
        assertEquals(new Proxied(15006, "10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"));
        assertEquals(0, Program.check(ALONE).exit());
        String status = Program.run("status").out();
        assertEquals("inbound connections: 1 captured, 0 excepted; to Envoy's listener 15006 by redirect\n", status);
        assertEquals("done\n", Program.rollback("--all").out());
        assertEquals("", lab.nft().list());
        assertEquals(new Direct("10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"));
    }

    @Test
    void captured_connection_drains_at_rollback(Lab lab) {
        inbound(lab);
        lab.localServer(9090);
        Program.apply(ALONE);
        Connection captured = openFromElsewhere(lab, "10.99.0.2:9090");
        Outcome outcome = Program.must(0, Program.run("rollback", "--all", "--drain", "50ms"));
        assertTrue(outcome.err().contains("waiting for 1 captured connection to end"), outcome::err);
        assertEquals(Echo.RESET, captured.echo("cut"));
    }

    @Test
    void connection_that_an_earlier_inbound_listener_has_goes_on_and_drains(Lab lab) {
        inbound(lab);
        for (int other = 15007; other <= 15008; other++) {
            lab.proxyAt(Identity.ENVOY, "0.0.0.0:" + other, "[::]:" + other);
        }
        lab.localServer(9090);
        Program.apply(ALONE);
        Connection captured = openFromElsewhere(lab, "10.99.0.2:9090");
        for (int other = 15007; other <= 15008; other++) { // one is remembered by its chain, two are not
            Program.apply(ALONE.replace("15006", Integer.toString(other)));
        }
        assertEquals(new Proxied(15008, "10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"));
        assertEquals(Echo.ANSWERED, captured.echo("where it was"));
        Outcome outcome = Program.must(0, Program.run("rollback", "--all", "--drain", "50ms"));
        assertTrue(outcome.err().contains("waiting for 1 captured connection to end"), outcome::err);
        assertEquals(Echo.RESET, captured.echo("cut"));
    }

    @Tag("nftables")
    @Test
    void second_apply_is_in_sync_and_a_difference_in_the_other_chains_is_drift(Lab lab) {
        inbound(lab);
        Program.apply(ALONE);
        assertTrue(Program.apply(ALONE).out().contains("in sync: inbound connections captured"));
        for (String edit : List.of(
                "flush chain inet meshcapture prerouting",
                "add element inet meshcapture envoy_ports { 99 }",
                "insert rule inet meshcapture arriving accept",
                "flush chain inet meshcapture inbound")) {
            Run.command("sh", "-c", "nft '" + edit + "'").orFail();
            assertEquals(3, Program.check(ALONE).exit(), edit);
            Program.apply(ALONE);
            assertEquals(0, Program.check(ALONE).exit(), edit);
            assertEquals(new Proxied(15006, "10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"), edit);
        }
    }

    @Test
    void rule_of_others_that_takes_what_arrives_first_is_told(Lab lab) {
        inbound(lab);
        Program.apply(ALONE);
        lab.nft().apply("""
                table ip theirs {
                  chain early { type nat hook prerouting priority dstnat - 5
                    tcp dport 9090 redirect to :9
                  }
                }
                """);
        Outcome check = Program.check(ALONE);
        assertEquals(3, check.exit());
        assertTrue(
                check.out().contains("in place but ineffective: table ip theirs chain early (priority -105)"),
                check::out);
    }

    @Test
    void inbound_listener_on_loopback_alone_is_a_conflict_and_one_that_is_missing_is_told(Lab lab) {
        Outcome missing = Program.apply(ALONE);
        assertTrue(missing.err().contains("nobody listens on 0.0.0.0:15006, [::]:15006"), missing::err);
        Program.rollback("--all");
        lab.proxyAt(Identity.ENVOY, "127.0.0.1:15006", "[::1]:15006");
        Outcome loopback = Program.withPlan(ALONE, "apply");
        assertEquals(7, loopback.exit());
        assertTrue(loopback.err().contains("every captured connection that arrives would be refused"), loopback::err);
        assertEquals("", lab.nft().list());
    }

    @ParameterizedTest
    @ValueSource(strings = {"bypass", "reject"})
    void ipv6_is_left_alone_or_rejected_as_the_plan_says(String ipv6, Lab lab) {
        inbound(lab);
        lab.localServer(9090);
        Program.apply(ALONE + "ipv6: " + ipv6 + "\n");
        Verdict expected = ipv6.equals("bypass") ? new Direct("[fd99::2]:9090") : new Refused();
        assertEquals(expected, fromElsewhere(lab, "[fd99::2]:9090"));
        assertEquals(expected, lab.caller().as(Identity.ENVOY).connect("[fd99::2]:9090"));
        assertEquals(new Proxied(15006, "10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"));
        assertEquals(0, Program.check(ALONE + "ipv6: " + ipv6 + "\n").exit());
    }

    @Test
    void listener_for_ipv4_only_has_ipv6_rejected(Lab lab) {
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006");
        Outcome outcome = Program.apply(ALONE);
        assertTrue(outcome.err().contains("IPv6 is rejected"), outcome::err);
        assertEquals(new Refused(), fromElsewhere(lab, "[fd99::2]:9090"));
    }

    @Tag("nftables")
    @Test
    void trial_captures_what_arrives_until_its_end_and_what_stood_before_comes_back(Lab lab) {
        inbound(lab);
        lab.proxy(15001);
        lab.localServer(9090);
        Program.apply(Program.ANY);
        Program.apply(WITH_OUTBOUND, "--confirm-within", "60s");
        assertEquals(new Proxied(15006, "10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"));
        Run.command("nft", "flush", "set", "inet", "meshcapture", "trial").orFail(); // its time is over
        assertEquals(new Direct("10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"));
        Program.apply(WITH_OUTBOUND);
        Program.apply(Program.ANY, "--confirm-within", "60s");
        assertEquals(new Direct("10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"));
        assertEquals(new Proxied(15001, "10.99.0.1:80"), lab.caller().connect("10.99.0.1:80"));
        Program.must(0, Program.run("rollback", "--trial"));
        assertEquals(new Proxied(15006, "10.99.0.2:9090"), fromElsewhere(lab, "10.99.0.2:9090"));
        assertEquals(0, Program.check(WITH_OUTBOUND).exit());
    }

    @Test
    void explanation_says_what_happens_to_what_arrives_from_the_plan_and_live(Lab lab) {
        inbound(lab);
        lab.localServer(9090);
        lab.localServer(15020);
        String plan = ENVOY + "services: {any: {}}\ninbound: {except: [15020]}\n";
        Program.apply(plan);
        for (String live : List.of("--inbound", "--live")) {
            assertExplained(plan, live, "captured: to Envoy's listener 15006\n", "10.99.0.2:9090", "--inbound");
            assertExplained(plan, live, "decides  the plan excepts inbound port 15020", "[fd99::2]:15020", "--inbound");
            assertExplained(
                    plan, live, "decides  only what is for an address of this host", "10.1.1.1:80", "--inbound");
            assertExplained(
                    plan, live, "decides  Envoy's own listeners are reached as", "10.99.0.2:15001", "--inbound");
            assertExplained(plan, live, "captured: to Envoy's listener 15006\n", "10.99.0.2:9090", "--from-user=1337");
            assertExplained(
                    plan, live, "decides  the plan excepts inbound port", "10.99.0.2:15020", "--from-user=1337");
            assertExplained(plan, live, "decides  Envoy's own traffic, by user", "127.0.0.1:9090", "--from-user=1337");
            assertExplained(plan, live, "decides  loopback and the host's own", "10.99.0.2:9090", "--from-user=1000");
        }
        Outcome both = Program.withPlan(plan, "explain", "10.99.0.2:80", "--inbound", "--from-user=0");
        assertEquals(2, both.exit());
    }

    private static void assertExplained(String plan, String live, String said, String destination, String who) {
        List<String> args = new ArrayList<>(List.of(destination, who));
        if (live.equals("--live")) {
            args.add(live);
        }
        Outcome outcome = Program.must(0, Program.withPlan(plan, "explain", args.toArray(String[]::new)));
        assertTrue(outcome.out().contains(said), () -> said + " is not in: " + outcome.out());
    }
}
