package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Connection;
import io.meshcapture.lab.Echo;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A rollback ends the captured connections of its service and no others, whatever the plan has become meanwhile. */
@InNetns
class DrainOwnersKernelIT {
    private static final String SERVER = "10.99.0.1:8080";
    private static final String BOTH = ENVOY + """
            services:
              orders: {from: {user: 1001}}
              ledger: {from: {user: 1002}}
            """;

    @BeforeEach
    void world(Lab lab) {
        lab.proxy(15001);
        lab.proxy(15002);
        lab.server(8080);
    }

    @Test
    void connection_from_the_same_port_is_direct_at_once_after_the_cut(Lab lab) {
        Program.apply(BOTH);
        Connection captured = lab.caller()
                .uid(1001)
                .resettingOnClose()
                .from("10.99.0.2:40000")
                .open(SERVER);
        Program.rollback("orders");
        assertEquals(Echo.RESET, captured.hear("nothing"));
        captured.close();
        assertEquals(
                new Direct(SERVER),
                lab.caller()
                        .uid(1001)
                        .resettingOnClose()
                        .from("10.99.0.2:40000")
                        .connect(SERVER));
    }

    @Test
    void service_whose_destinations_changed_ends_what_it_captured_before(Lab lab) {
        Program.apply(BOTH);
        Connection captured = lab.caller().uid(1001).open(SERVER);
        Connection others = lab.caller().uid(1002).open(SERVER);
        Outcome changed = Program.apply(BOTH.replace("{from: {user: 1001}}", "{from: {user: 1001}, to: [\":9090\"]}"));
        assertEquals("", changed.err());
        assertEquals(Echo.ANSWERED, captured.echo("captured before"));
        Program.rollback("orders");
        assertEquals(Echo.RESET, captured.hear("nothing"));
        assertEquals(Echo.ANSWERED, others.echo("of ledger"));
    }

    @Test
    void connections_stay_their_services_though_another_would_capture_them_now(Lab lab) {
        Program.apply(ENVOY + "services: {any: {}}\n");
        Connection captured = lab.caller().uid(1001).open(SERVER);
        Program.apply(ENVOY + "services: {orders: {from: {user: 1001}, outbound: 15002}, any: {}}\n");
        Connection narrow = lab.caller().uid(1001).open(SERVER);
        assertEquals(new Proxied(15002, SERVER), narrow.verdict());
        Program.rollback("orders");
        assertEquals(Echo.RESET, narrow.hear("nothing"));
        assertEquals(Echo.ANSWERED, captured.echo("of any"));
        Program.rollback("any");
        assertEquals(Echo.RESET, captured.hear("nothing"));
    }

    @Test
    void service_that_left_the_plan_is_told_with_its_connections_and_can_be_drained(Lab lab) {
        Program.apply(BOTH);
        Connection captured = lab.caller().uid(1001).open(SERVER);
        Outcome apply = Program.apply(ENVOY + "services: {ledger: {from: {user: 1002}}}\n");
        assertTrue(
                apply.err()
                        .contains("1 captured connection(s) of orders go on through Envoy until they end; to end them:"
                                + " meshcapture rollback orders"),
                apply::err);
        assertTrue(Program.run("status").out().lines().anyMatch("draining: 1 captured connection of orders"::equals));
        assertEquals(Echo.ANSWERED, captured.echo("goes on"));
        assertEquals(
                "drained: orders\nstill captured: ledger\n",
                Program.rollback("orders").out());
        assertEquals(Echo.RESET, captured.hear("nothing"));
        assertTrue(Program.run("status").out().startsWith("SERVICE"));
    }

    @Test
    void connections_captured_on_trial_belong_to_their_service_also_after_its_early_end(Lab lab) {
        Program.apply(ENVOY + "services: {ledger: {from: {user: 1002}}}\n");
        Program.apply(BOTH, "--confirm-within", "60s");
        Connection captured = lab.caller().uid(1001).open(SERVER);
        Program.must(0, Program.run("rollback", "--trial"));
        assertEquals(Echo.ANSWERED, captured.echo("goes on"));
        Program.rollback("orders");
        assertEquals(Echo.RESET, captured.hear("nothing"));
    }

    @Test
    void connections_that_share_a_source_port_are_told_apart(Lab lab) {
        Program.apply(ENVOY + """
                services:
                  orders: {from: {user: 1001}, to: [10.99.0.1]}
                  ledger: {from: {user: 1001}, to: [192.0.2.9]}
                """);
        Connection first = lab.caller().uid(1001).from("10.99.0.2:40000").open(SERVER);
        Connection second = lab.caller().uid(1001).from("10.99.0.2:40000").open("192.0.2.9:8080");
        Program.rollback("ledger");
        assertEquals(Echo.RESET, second.hear("nothing"));
        assertEquals(Echo.ANSWERED, first.echo("of orders"));
    }

    @Test
    void connections_of_which_nobody_can_tell_whose_they_are_are_said(Lab lab) {
        Program.apply(BOTH);
        Connection captured = lab.caller().uid(1001).open(SERVER);
        lab.nft().apply("add rule inet meshcapture outbound tcp dport 22 accept");
        Outcome outcome = Program.rollback("orders");
        assertTrue(outcome.err().contains("1 captured connection(s) go on of which it cannot be told whose they are"));
        assertEquals(Echo.ANSWERED, captured.echo("goes on"));
        Program.rollback("--all");
        assertEquals(Echo.RESET, captured.hear("nothing"));
        assertEquals("", lab.nft().list());
    }

    @Test
    void rules_that_somebody_added_do_not_keep_a_rollback_or_an_apply_from_their_end(Lab lab) {
        for (String edit : new String[] {
            "add chain inet meshcapture mylog; insert rule inet meshcapture to_15001 jump mylog",
            "add set inet meshcapture bypass { type ipv4_addr; }; insert rule inet meshcapture output ip daddr @bypass accept",
            "add table inet meshcapture { flags dormant; }"
        }) {
            Program.apply(BOTH);
            lab.nft().apply(edit.replace("; insert", "\ninsert"));
            Program.rollback("orders");
            assertEquals(new Direct(SERVER), lab.caller().uid(1001).connect(SERVER), edit);
            Program.rollback("--all");
            assertEquals("", lab.nft().list(), edit);
        }
        Program.apply(BOTH);
        Program.apply(BOTH.replace("{user: 1002}", "{user: 1003}")); // the second slot is in force
        lab.nft()
                .apply("add set inet meshcapture bypass { type ipv4_addr; }\n"
                        + "insert rule inet meshcapture output ip daddr @bypass accept");
        assertEquals(3, Program.check(BOTH).exit());
        Program.apply(BOTH);
        assertEquals(0, Program.check(BOTH).exit());
        lab.nft().apply("add table inet meshcapture { flags dormant; }");
        Outcome trial = Program.withPlan(ENVOY + "services: {any: {}}\n", "apply", "--confirm-within", "60s");
        assertEquals(7, trial.exit());
        Program.apply(BOTH);
        assertEquals(new Proxied(15001, SERVER), lab.caller().uid(1001).connect(SERVER));
    }
}
