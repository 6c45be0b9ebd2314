package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Await;
import io.meshcapture.lab.Connection;
import io.meshcapture.lab.Echo;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code invalid: drop}: what conntrack calls INVALID of captured connections stays here, and nothing else does. */
@InNetns
class InvalidKernelIT {
    private static final Duration SOON = Duration.ofSeconds(5);
    private static final String SERVICES = "services: {orders: {from: {user: 1001}, except: [\":22\"]}}\n";
    private static final String DROP = ENVOY + "invalid: drop\n" + SERVICES;
    private static final String ACCEPT = ENVOY + SERVICES;
    private static final String CLIENTS = "INVALID, from the client's end of a captured connection";
    private static final String ENVOYS = "INVALID, from Envoy's end of a captured connection";

    /** Counts what leaves, and who answers Envoy with a reset. */
    @BeforeEach
    void world(Lab lab) {
        lab.server(8080);
        lab.server(22);
        lab.nft().apply("""
                table inet watch {
                  chain leaving { type filter hook postrouting priority 400
                    oifname eth0 tcp flags & (fin | rst) != 0 tcp dport 8080 counter comment "left for the server"
                    oifname eth0 tcp flags & (fin | rst) != 0 tcp dport 22 counter comment "left for the exception"
                    oifname lo tcp flags & rst != 0 tcp dport 15001 counter comment "reset to Envoy"
                  }
                }
                """);
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.99.0.1", "[fd99::1]"})
    void last_packets_of_a_captured_connection_that_conntrack_forgot_stay_here_and_are_counted(String server, Lab lab) {
        lab.proxy(15001);
        Program.apply(ACCEPT);
        awaitCounted(lab, "left for the server", () -> endAfterFlush(lab, server + ":8080"));

        Program.apply(DROP);
        long left = counted(lab, "left for the server");
        awaitCounted(lab, CLIENTS, () -> endAfterFlush(lab, server + ":8080"));
        assertEquals(left, counted(lab, "left for the server"));
        Program.must(0, Program.check(DROP));
    }

    /** Untranslated, it would come from an address that the client knows nothing of, and be answered with a reset. */
    @ParameterizedTest
    @ValueSource(strings = {"10.99.0.1:8080", "[fd99::1]:8080"})
    void last_packet_of_envoys_does_not_bring_it_a_reset(String server, Lab lab) {
        if (!server.startsWith("[")) { // over IPv6 the client's kernel was not seen to send one
            Program.apply(ACCEPT);
            awaitCounted(lab, "reset to Envoy", () -> envoyEndsAfterFlush(lab, server));
        }
        Program.apply(DROP);
        long resets = counted(lab, "reset to Envoy");
        awaitCounted(lab, ENVOYS, () -> envoyEndsAfterFlush(lab, server));
        assertEquals(resets, counted(lab, "reset to Envoy"));
    }

    private static void envoyEndsAfterFlush(Lab lab, String server) {
        try (var envoy = lab.proxy(15001)) {
            Connection connection = lab.caller().uid(1001).open(server);
            assertEquals(new Proxied(15001, server), connection.verdict());
            assertEquals(1, envoy.arrivals().size());
            lab.conntrack().flush();
        }
    }

    @Test
    void what_is_not_captured_is_not_dropped(Lab lab) {
        lab.proxy(15001);
        Connection before = lab.caller().uid(1001).open("10.99.0.1:8080");
        Program.apply(DROP);
        assertEquals(new Direct("10.99.0.1:8080"), before.verdict());
        lab.conntrack().flush();
        before.close();
        awaitCounted(lab, "left for the server", () -> {});
        awaitCounted(lab, "left for the exception", () -> endAfterFlush(lab, "10.99.0.1:22"));
        long left = counted(lab, "left for the server");
        Connection others = lab.caller().uid(1002).open("10.99.0.1:8080");
        lab.conntrack().flush();
        others.close();
        Await.until(SOON, () -> lab.nft().list(), () -> counted(lab, "left for the server") > left);
        assertEquals(0, counted(lab, CLIENTS));
    }

    @Test
    void packets_in_the_middle_of_a_forgotten_connection_are_taken_up_again_and_its_end_is_in_order(Lab lab) {
        lab.proxy(15001);
        Program.apply(DROP);
        Connection connection = lab.caller().uid(1001).open("10.99.0.1:8080");
        for (int i = 0; i < 3; i++) {
            lab.conntrack().flush();
            assertEquals(Echo.ANSWERED, connection.echo("still here " + i));
        }
        connection.close();
        assertEquals(0, counted(lab, CLIENTS));
        assertEquals(0, counted(lab, ENVOYS));
    }

    /** The ends of a captured connection that is over may be those of one that is not captured. */
    @Test
    void ends_that_were_captured_once_and_are_used_again_are_not_taken_for_captured(Lab lab) {
        lab.proxy(15001);
        Program.apply(DROP);
        var caller = lab.caller().uid(1001).from("10.99.0.2:45000").resettingOnClose();
        assertEquals(new Proxied(15001, "10.99.0.1:8080"), caller.connect("10.99.0.1:8080"));
        assertTrue(
                lab.nft().ours().contains("10.99.0.2 . 45000 . 10.99.0.1 . 8080"),
                lab.nft().ours());
        try (Connection others = caller.uid(1002).open("10.99.0.1:8080")) {
            assertEquals(new Direct("10.99.0.1:8080"), others.verdict());
            assertFalse(
                    lab.nft().ours().contains("10.99.0.2 . 45000 . 10.99.0.1 . 8080"),
                    lab.nft().ours());
            lab.conntrack().flush();
        }
        awaitCounted(lab, "left for the server", () -> {});
        assertEquals(0, counted(lab, CLIENTS));
    }

    @Test
    void record_of_a_connection_lasts_while_it_does_and_goes_soon_after(Lab lab) {
        lab.proxy(15001);
        Program.apply(DROP);
        Connection connection = lab.caller().uid(1001).from("10.99.0.2:45000").open("10.99.0.1:8080");
        assertEquals(Echo.ANSWERED, connection.echo("hello"));
        assertTrue(recorded(lab).matches(".*expires (1d|23h59m.*)"), recorded(lab));
        connection.close();
        Await.until(SOON, () -> recorded(lab), () -> recorded(lab).contains("expires 4m59"));
    }

    private static String recorded(Lab lab) {
        Matcher element = Pattern.compile("10\\.99\\.0\\.2 \\. 45000 [^,}]*")
                .matcher(lab.nft().ours());
        return element.find() ? element.group() : "";
    }

    @Test
    void turned_on_and_off_it_leaves_captured_connections_alone_and_nothing_behind(Lab lab) {
        lab.proxy(15001);
        Program.apply(ACCEPT);
        Connection connection = lab.caller().uid(1001).open("10.99.0.1:8080");
        Outcome on = Program.apply(DROP);
        assertTrue(on.out().startsWith("repaired: "), on::out);
        assertEquals(Echo.ANSWERED, connection.echo("one"));
        Program.must(0, Program.check(DROP));
        Program.must(3, Program.check(ACCEPT));
        assertEquals(
                "in sync: 1 service captured, nothing to change\n",
                Program.apply(DROP).out());
        Program.apply(DROP.replace(":22", ":23"), "--confirm-within", "60s");
        Program.must(0, Program.run("confirm"));
        assertEquals(Echo.ANSWERED, connection.echo("two"));
        Program.apply(ACCEPT);
        assertEquals(Echo.ANSWERED, connection.echo("three"));
        Program.must(0, Program.check(ACCEPT));
        assertFalse(lab.nft().ours().contains("captured_ip"), lab.nft().ours());
        Program.apply(DROP, "--confirm-within", "60s");
        Program.must(0, Program.run("rollback", "--trial"));
        Program.must(0, Program.check(ACCEPT));
        Program.apply(DROP);
        connection.close();
        Program.rollback("--all");
        assertEquals("", lab.nft().ours());
    }

    @Test
    void explain_from_the_live_state_knows_it(Lab lab) {
        lab.proxy(15001);
        Program.apply(DROP);
        Outcome outcome = Program.must(0, Program.run("explain", "10.99.0.1:8080", "--from-user", "1001", "--live"));
        assertTrue(outcome.out().contains("to Envoy on port 15001"), outcome::out);
    }

    /** Untranslated, the client's would meet nobody here, and be answered with a reset from the port that it meant. */
    @ParameterizedTest
    @ValueSource(strings = {"10.99.0.2:9090", "[fd99::2]:9090"})
    void last_packets_of_an_inbound_connection_are_dropped_at_both_ends_and_nobody_is_reset(String own, Lab lab) {
        lab.nft().apply("""
                table inet arrivals {
                  chain leaving { type filter hook postrouting priority 400
                    oifname eth0 tcp flags & rst != 0 tcp sport 9090 counter comment "reset to the client"
                  }
                  chain arriving { type filter hook prerouting priority -400
                    iifname eth0 tcp flags & rst != 0 tcp dport 15006 counter comment "reset to the inbound side"
                  }
                }
                """);
        String accept = "version: 1\nenvoy: {user: 1337, inbound: 15006}\nservices: {}\n";
        Program.apply(accept);
        awaitCounted(lab, "reset to the client", () -> arriveAndEndAfterFlush(lab, own, false));

        Program.apply(accept + "invalid: drop\n");
        long resets = counted(lab, "reset to the client");
        awaitCounted(lab, CLIENTS, () -> arriveAndEndAfterFlush(lab, own, false));
        assertEquals(resets, counted(lab, "reset to the client"));
        Program.mustStand(Program.check(accept + "invalid: drop\n"));
        assertTrue(Program.must(3, Program.check(accept)).out().contains("drift: "));

        long before = counted(lab, "reset to the inbound side");
        awaitCounted(lab, ENVOYS, () -> arriveAndEndAfterFlush(lab, own, true));
        assertEquals(before, counted(lab, "reset to the inbound side"));
        Program.apply(accept);
        assertFalse(lab.nft().ours().contains("captured_ip"), lab.nft().ours());
    }

    /** Untranslated, the guest's would go on to the server that it meant, which knows nothing of it. */
    @ParameterizedTest
    @ValueSource(strings = {"10.99.0.1:8080", "[fd99::1]:8080"})
    void last_packets_of_a_guests_connection_stay_here_and_are_counted(String server, Lab lab) {
        lab.addGuest();
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15001", "[::]:15001");
        lab.nft().apply("""
                table inet departures {
                  chain forwarded { type filter hook forward priority 400
                    oifname eth0 tcp dport 8080 counter comment "forwarded"
                  }
                }
                """);
        String plan = ENVOY + "invalid: drop\ninterfaces: {outbound: guest0}\n"
                + "services: {guests: {from: {network: [10.98.0.0/24, \"fd98::/64\"]}}}\n";
        Program.apply(plan);
        awaitCounted(lab, CLIENTS, () -> guestEndsAfterFlush(lab, server));
        assertEquals(0, counted(lab, "forwarded"));
        Program.must(0, Program.check(plan));
    }

    private static void guestEndsAfterFlush(Lab lab, String server) {
        try (Connection connection = lab.inGuest(() -> lab.caller().open(server))) {
            assertEquals(new Proxied(15001, server), connection.verdict());
            lab.conntrack().flush();
        }
    }

    /** Who ends it first. */
    private static void arriveAndEndAfterFlush(Lab lab, String own, boolean envoy) {
        try (var inbound = lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006")) {
            Connection connection = lab.inSrv(() -> lab.caller().open(own));
            assertEquals(new Proxied(15006, own), connection.verdict());
            assertEquals(1, inbound.arrivals().size());
            lab.conntrack().flush();
            if (!envoy) {
                connection.close();
            }
        }
    }

    private static void endAfterFlush(Lab lab, String server) {
        try (Connection connection = lab.caller().uid(1001).open(server)) {
            assertEquals(Echo.ANSWERED, connection.echo("hello"));
            lab.conntrack().flush();
        }
    }

    /** Again and again: an acknowledgement that was due just then makes a connection known again, and all is in order. */
    private static void awaitCounted(Lab lab, String comment, Runnable attempt) {
        Await.until(SOON, () -> comment + ": " + lab.nft().list(), () -> {
            attempt.run();
            return counted(lab, comment) > 0;
        });
    }

    /** Packets of all rules with this comment. */
    private static long counted(Lab lab, String comment) {
        Matcher counter = Pattern.compile("counter packets (\\d+) bytes \\d+ (?:drop )?comment \"" + comment + "\"")
                .matcher(lab.nft().list());
        long packets = 0;
        while (counter.find()) {
            packets += Long.parseLong(counter.group(1));
        }
        return packets;
    }
}
