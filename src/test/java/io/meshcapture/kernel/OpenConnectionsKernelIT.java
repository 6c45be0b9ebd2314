package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.lab.Caller;
import io.meshcapture.lab.Connection;
import io.meshcapture.lab.Echo;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nobody's connection breaks when capture begins, or when conntrack forgets what it knew. */
@InNetns
@Tag("every-backend")
class OpenConnectionsKernelIT {
    private static final List<String> BOTH = List.of("10.99.0.1:8080", "[fd99::1]:8080");

    /** What switches conntrack on, as any firewall with a stateful rule does. */
    private static final String STATEFUL = """
            table inet firewall {
              chain out { type filter hook output priority 0
                ct state established,related accept
              }
            }
            """;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void busy_connection_goes_on_when_capture_begins(boolean conntrack, Lab lab) {
        prepare(conntrack, lab);
        for (String server : BOTH) {
            Connection before = lab.caller().open(server);
            assertEquals(Echo.ANSWERED, before.echo("before"));
            Program.apply(ANY);
            assertEquals(Echo.ANSWERED, before.echo("just after"));
            assertEquals(Echo.ANSWERED, before.echo("later"));
            assertEquals(new Proxied(15001, server), lab.caller().connect(server));
            Program.rollback("--all");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void idle_connection_goes_on_when_it_wakes_up_long_after_capture_began(boolean conntrack, Lab lab) {
        prepare(conntrack, lab);
        List<Connection> before = BOTH.stream().map(lab.caller()::open).toList();
        Connection mapped = lab.caller().v4Mapped().open("10.99.0.1:8080");
        Program.apply(ANY);
        before.forEach(open -> assertEquals(Echo.ANSWERED, open.echo("awake")));
        assertEquals(Echo.ANSWERED, mapped.echo("awake"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void inbound_connection_goes_on_when_capture_begins(boolean conntrack, Lab lab) {
        prepare(conntrack, lab);
        lab.localServer(9090);
        lab.localServer(40000); // a server on a port that clients may have as well
        List<Connection> before = lab.inSrv(
                () -> List.of("10.99.0.2:9090", "[fd99::2]:9090", "10.99.0.2:40000", "[fd99::2]:40000").stream()
                        .map(lab.caller()::open)
                        .toList());
        Program.apply(ANY);
        before.forEach(open -> assertEquals(Echo.ANSWERED, open.echo("inbound"), open.local()));
        assertEquals(new Direct("10.99.0.2:9090"), lab.inSrv(() -> lab.caller().connect("10.99.0.2:9090")));
    }

    @Test
    void envoys_own_open_connections_go_on_too(Lab lab) {
        prepare(false, lab);
        Connection own = lab.caller().as(Identity.ENVOY).open("10.99.0.1:8080");
        Program.apply(ANY);
        assertEquals(Echo.ANSWERED, own.echo("upstream"));
    }

    @Tag("nftables")
    @Test
    void connection_open_before_capture_survives_a_forgetful_conntrack(Lab lab) {
        prepare(false, lab);
        List<Connection> before = BOTH.stream().map(lab.caller()::open).toList();
        Program.apply(ANY);
        before.forEach(open -> assertEquals(Echo.ANSWERED, open.echo("known")));
        lab.conntrack().flush();
        before.forEach(open -> assertEquals(Echo.ANSWERED, open.echo("forgotten")));
    }

    @Test
    void captured_connection_survives_a_forgetful_conntrack(Lab lab) {
        prepare(false, lab);
        Program.apply(ANY);
        List<Connection> captured = BOTH.stream().map(lab.caller()::open).toList();
        for (int i = 0; i < 3; i++) {
            lab.conntrack().flush();
            captured.forEach(open -> assertEquals(Echo.ANSWERED, open.echo("forgotten")));
        }
    }

    @Test
    void captured_connection_survives_a_forgetful_conntrack_though_envoy_speaks_first(Lab lab) throws Exception {
        var envoy = lab.proxy(15001);
        Program.apply(ANY);
        Caller patient = lab.caller().within(Duration.ofSeconds(10));
        for (String server : BOTH) {
            try (Connection captured = patient.open(server)) {
                assertEquals(Echo.ANSWERED, captured.echo("before"));
                lab.conntrack().flush();
                envoy.say("hello ");
                Thread.sleep(300); // long enough for the reset that must not come
                captured.send("client");
                assertEquals(Echo.ANSWERED, captured.hear("hello client"));
            }
        }
    }

    @Test
    void tuple_that_was_open_before_and_is_used_again_is_captured_and_survives_a_forgetful_conntrack(Lab lab) {
        prepare(false, lab);
        for (String server : BOTH) {
            Connection before = lab.caller().resettingOnClose().open(server);
            String tuple = before.local();
            Program.apply(ANY);
            before.close();
            Connection again = lab.caller().from(tuple).open(server);
            assertEquals(new Proxied(15001, server), again.verdict());
            assertEquals(tuple, again.local());
            lab.conntrack().flush();
            assertEquals(Echo.ANSWERED, again.echo("forgotten"));
            again.close();
            Program.rollback("--all");
        }
    }

    @Test
    void excepted_connection_survives_a_forgetful_conntrack(Lab lab) {
        prepare(false, lab);
        Program.apply(ENVOY + "services: {any: {except: [\":8080\"]}}\n");
        List<Connection> direct = BOTH.stream().map(lab.caller()::open).toList();
        lab.conntrack().flush();
        direct.forEach(open -> assertEquals(Echo.ANSWERED, open.echo("forgotten")));
    }

    @Test
    void server_that_speaks_first_after_conntrack_forgot_keeps_its_client(Lab lab) throws Exception {
        Program.apply(ANY);
        for (String own : List.of("10.99.0.2", "fd99::2")) {
            try (var pair = Talk.between(lab, own, 9090)) {
                lab.conntrack().flush();
                pair.serverSays("hello");
                assertEquals("hello", pair.clientHears());
            }
        }
    }

    @Test
    void connection_goes_on_over_a_second_apply_that_changes_its_service(Lab lab) {
        prepare(false, lab);
        lab.proxy(15002);
        Program.apply(ANY);
        Connection captured = lab.caller().open("10.99.0.1:8080");
        Connection own = lab.caller().as(Identity.ENVOY).open("10.99.0.1:8080");
        Program.apply(ENVOY + "services: {any: {outbound: 15002}}\n");
        assertEquals(Echo.ANSWERED, captured.echo("still on the old listener"));
        assertEquals(Echo.ANSWERED, own.echo("upstream"));
        assertEquals(new Proxied(15002, "10.99.0.1:8080"), lab.caller().connect("10.99.0.1:8080"));
        Program.apply(ENVOY + "services: {other: {from: {user: 4711}}}\n");
        assertEquals(Echo.ANSWERED, captured.echo("its service is gone"));
        assertEquals(new Direct("10.99.0.1:8080"), lab.caller().connect("10.99.0.1:8080"));
    }

    private static void prepare(boolean conntrack, Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
        if (conntrack) {
            lab.nft().apply(STATEFUL);
        }
    }
}
