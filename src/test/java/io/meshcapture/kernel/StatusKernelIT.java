package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Background;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.ResultsSchema;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** status counts what happened, and shows it on any terminal. */
@InNetns
class StatusKernelIT {
    private static final Duration LIMIT = Duration.ofSeconds(10);

    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables-nft", "iptables-legacy"})
    void captured_excepted_rejected_and_dns_are_counted_apart(String backend, Lab lab) {
        lab.proxy(15001);
        lab.proxy(15053);
        lab.udpProxy(15053);
        lab.serverOnEveryPort();
        Program.apply("""
                version: 1
                envoy: {user: 1337, dns: 15053}
                backend: BACKEND
                ipv6: reject
                udp443: reject
                dns: {servers: [10.99.0.1]}
                services:
                  orders: {from: {user: 1001}, except: [":22"]}
                  idle: {from: {user: 1002}}
                """.replace("BACKEND", backend));
        var caller = lab.caller().uid(1001);
        for (String to : List.of("10.99.0.1:80", "10.99.0.1:81", "10.99.0.1:22", "[fd99::1]:80", "10.99.0.1:53")) {
            caller.connect(to);
        }
        caller.udp("10.99.0.1:53");
        caller.udp("10.99.0.1:443");
        String said = Program.must(0, Program.run("status")).out();
        assertTrue(said.matches("(?s).*orders +" + backend + " +\\S+ +\\S+ +3 +1 +1 +\\d+ +\\d+ +unknown\n.*"), said);
        assertTrue(said.matches("(?s).*idle +" + backend + " +\\S+ +\\S+ +0 +0 +0 +0 +0 +unknown\n.*"), said);
        assertTrue(said.contains("DNS: to Envoy's listener 15053; 2 captured\n"), said);
        assertTrue(
                said.contains("QUIC: 1 first packet rejected since the rules changed, counted as captured above\n"),
                said);
        String json = Program.must(0, Program.run("status", "-o", "json")).out();
        lab.caller().uid(1002).open("10.99.0.1:80");
        String open = Program.run("status").out();
        assertTrue(open.matches("(?s).*idle +" + backend + " +\\S+ +\\S+ +1 +0 +0 +1 +[1-9]\\d* +unknown\n.*"), open);
        assertTrue(json.contains("\"captured\": 3,\n      \"excepted\": 1,\n      \"rejected\": 1,"), json);
    }

    @ParameterizedTest
    @CsvSource({
        "200, 'SERVICE                                   BACKEND   SINCE                 VERSION  CAPTURED  /S  EXCEPTED"
                + "  REJECTED  OPEN  PACKETS  DRIFT'",
        "80, 'SERVICE                                   CAPTURED  /S  EXCEPTED  DRIFT'",
        "60, 'SERVICE                                   CAPTURED  /S'"
    })
    void table_fits_the_terminal_and_is_shown_again_with_what_happens_per_second(int width, String head, Lab lab) {
        lab.proxy(15001);
        String longest = "a-service-with-a-name-of-forty-characters";
        Program.apply(ENVOY + "services: {" + longest.substring(0, 40)
                + ": {from: {user: 1001}}, orders: {from: {user: 1002}}}\n");
        Background terminal = OnTerminal.start(lab, width, "status --watch --interval 300ms");
        terminal.awaitOutput("orders", LIMIT);
        for (int i = 0; i < 3; i++) {
            lab.caller().uid(1001).resettingOnClose().connect("10.99.0.1:80");
        }
        terminal.awaitOutput("3         0", LIMIT); // and a while later none a second
        String out = terminal.out();
        terminal.stop();
        assertTrue(out.contains("\u001b[H\u001b[J"), "the screen is cleared");
        assertTrue(out.lines().map(OnTerminal::shown).anyMatch(head::equals), () -> head + " in\n" + out);
        assertTrue(out.matches("(?s).*[1-3]         (10|[1-9][.0-9]*)\\s.*"), out);
        for (String line : out.lines().map(OnTerminal::shown).toList()) {
            assertTrue(line.length() <= width, () -> line.length() + ": " + line);
        }
    }

    @Test
    void drift_is_red_on_a_terminal_and_nowhere_else(Lab lab) throws Exception {
        lab.proxy(15001);
        String plan = ENVOY + "services: {orders: {from: {user: 1002}}}\n";
        Program.apply(plan);
        var file = java.nio.file.Files.writeString(
                java.nio.file.Files.createTempFile("meshcapture", ".yaml"), plan.replace("1002", "1003"));
        String args = "status -f " + file;
        String red = "\u001b[31mdrift\u001b[0m";
        for (String more : List.of("", " --no-color")) {
            var ended = OnTerminal.start(lab, 100, args + more).await(LIMIT);
            assertEquals(more.isEmpty(), ended.out().contains(red), ended.out());
        }
        String piped = lab.meshcapture().run("status", "-f", file.toString()).out();
        assertTrue(piped.contains("  drift\n"), piped);
        assertFalse(piped.contains("\u001b"), piped);
        Background watched = lab.meshcapture().start("status", "--watch", "--interval", "200ms", "-f", file.toString());
        watched.awaitOutput("\n\nmeshcapture status, every 0.2 s; Ctrl-C ends it\nSERVICE ", LIMIT);
        watched.stop();
        assertFalse(watched.out().contains("\u001b"), watched.out());
    }

    @Test
    void each_result_of_watch_is_one_that_the_schema_knows(Lab lab) {
        lab.proxy(15001);
        Program.apply(ENVOY + "services: {orders: {from: {user: 1002}}}\n");
        Background watched = lab.meshcapture().start("status", "--watch", "--interval", "200ms", "-o", "json");
        watched.awaitOutput("\n}\n{", LIMIT);
        watched.stop();
        String out = watched.out();
        ResultsSchema.require(List.of("status", "json"), out.substring(0, out.indexOf("\n}\n{") + 2));
    }

    @Test
    void trial_shows_the_seconds_that_are_left(Lab lab) {
        lab.proxy(15001);
        Program.apply(ENVOY + "services: {orders: {}}\n", "--confirm-within", "60s");
        String said = Program.run("status").out();
        assertTrue(said.matches("(?s).*on trial: ends by itself in (60|5[0-9]) s unless confirmed with: .*"), said);
    }

    @Test
    void service_of_the_plan_that_is_not_captured_is_named_and_no_drift_of_the_others(Lab lab) {
        lab.proxy(15001);
        String plan = ENVOY + "services: {orders: {from: {user: 1002}}, ledger: {from: {user: 1003}}}\n";
        Program.apply(plan);
        Program.rollback("orders");
        var status = Program.withPlan(plan, "status");
        assertTrue(status.out().matches("(?s).*\nledger .* none\n.*"), status::out);
        assertTrue(
                status.err().contains("in the plan and not captured: orders; capture with: meshcapture apply"),
                status::err);
        var other = Program.withPlan(ENVOY + "services: {orders: {from: {user: 1002}}}\n", "status");
        assertTrue(other.out().matches("(?s).*\nledger .* drift\n.*"), other::out);
        var both = Program.withPlan(plan.replace("ledger", "billing"), "status");
        assertTrue(both.out().matches("(?s).*\nledger .* drift\n.*"), both::out);
    }

    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables-nft", "iptables-legacy"})
    void drift_of_one_service_is_none_of_another(String backend, Lab lab) {
        List.of(15001, 15002, 15003).forEach(lab::proxy);
        String plan = ENVOY + "backend: " + backend
                + "\nservices: {orders: {from: {user: 1002}}, ledger: {from: {user: 1003}, outbound: 15002}}\n";
        Program.apply(plan);
        for (String other : List.of(plan.replace("15002", "15003"), plan.replaceAll(", ledger.*}}", "}"))) {
            Program.must(3, Program.check(other));
            Program.must(0, Program.check(other, "orders"));
            String status = Program.must(0, Program.withPlan(other, "status")).out();
            assertTrue(status.matches("(?s).*\nledger .* drift\n.*"), status);
            assertTrue(status.matches("(?s).*\norders .* none\n.*"), status);
        }
        String everybodys =
                Program.withPlan(plan + "except: [192.0.2.1]\n", "status").out();
        assertTrue(everybodys.matches("(?s).*\nledger .* drift\norders .* drift\n.*"), everybodys);
    }
}
