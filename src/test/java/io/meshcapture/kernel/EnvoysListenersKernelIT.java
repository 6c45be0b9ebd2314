package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.RealEnvoy;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the real Envoy's printed listeners count, and what they make of whoever comes without having been captured. */
@InNetns
class EnvoysListenersKernelIT {
    private static final Identity LEDGER = new Identity(1002, 1002);
    private static final String PLAN = """
            version: 1
            envoy: {user: 1337, inbound: 15006, admin: 127.0.0.1:9901}
            services:
              orders: {from: {user: 1000}}
              ledger: {from: {user: 1002}, outbound: 15002}
            inbound: {mode: %s}
            """;

    private static void start(String plan, Lab lab) {
        RealEnvoy.started(
                lab,
                Identity.ENVOY,
                Program.must(0, Program.withPlan(plan, "envoy-config")).out());
        Program.apply(plan, "--wait-envoy", "10s");
    }

    /** Counters of listeners, HTTP, TCP and clusters whose name goes on like this. */
    private static SortedMap<String, Long> counted(String filter) {
        String stats = Run.command(
                        "curl",
                        "-sSg",
                        "http://127.0.0.1:9901/stats?type=Counters&filter=^(listener|http|tcp|cluster)[.]" + filter)
                .orFail();
        SortedMap<String, Long> counted = new TreeMap<>();
        stats.lines().map(line -> line.split(": ", 2)).forEach(line -> counted.put(line[0], Long.valueOf(line[1])));
        return counted;
    }

    @Test
    void services_with_listeners_of_their_own_have_the_same_metrics_apart(Lab lab) throws Exception {
        start(PLAN.formatted("redirect"), lab);
        lab.server(9000);
        List<Long> ordersBefore = of(orders()); // --wait-envoy has connected
        List<Long> ledgerBefore = of(ledger());
        try (Web _ = lab.inSrv(() -> Web.answering("web", "10.99.0.1", 8080))) {
            for (Identity service : List.of(Identity.APPLICATION, LEDGER, LEDGER)) {
                assertEquals(
                        new Direct("[fd99::1]:9000"), lab.caller().as(service).connect("[fd99::1]:9000"));
            }
            for (Identity service : List.of(Identity.APPLICATION, LEDGER)) {
                Run.command(service.setpriv("curl", "-sS", "http://10.99.0.1:8080/"))
                        .orFail();
            }
        }
        assertEquals(orders().keySet(), ledger().keySet());
        assertTrue(orders().size() > 100, () -> orders().toString());
        assertEquals(List.of(2L, 1L, 1L, 2L), since(ordersBefore, of(orders())));
        assertEquals(List.of(3L, 1L, 2L, 3L), since(ledgerBefore, of(ledger())));
    }

    private static SortedMap<String, Long> orders() {
        return counted("(outbound|original_destination)[.]");
    }

    /** Under the names that those of orders have. */
    private static SortedMap<String, Long> ledger() {
        SortedMap<String, Long> found = new TreeMap<>();
        counted("(outbound|original_destination)_ledger[.]")
                .forEach((name, count) -> found.put(name.replace("_ledger", ""), count));
        return found;
    }

    private static List<Long> of(SortedMap<String, Long> counted) {
        return Stream.of(
                        "listener.outbound.downstream_cx_total",
                        "http.outbound.downstream_rq_total",
                        "tcp.outbound.downstream_cx_total",
                        "cluster.original_destination.upstream_cx_total")
                .map(name -> counted.getOrDefault(name, 0L))
                .toList();
    }

    private static List<Long> since(List<Long> before, List<Long> now) {
        List<Long> more = new ArrayList<>();
        for (int i = 0; i < now.size(); i++) {
            more.add(now.get(i) - before.get(i));
        }
        return more;
    }

    @ParameterizedTest
    @ValueSource(strings = {"redirect", "tproxy"})
    void whoever_connects_to_a_listener_itself_is_disconnected_and_goes_round_in_no_circle(String mode, Lab lab) {
        start(PLAN.formatted(mode), lab);
        List<String> listeners = List.of(
                "127.0.0.1:15001", "[::1]:15001", "127.0.0.1:15002", "[::1]:15002", "127.0.0.1:15006", "[::1]:15006");
        for (String listener : listeners) {
            assertDisconnected(lab.caller().connect(listener), listener);
            assertFalse(
                    Run.command("curl", "-gsS", "-m", "10", "http://" + listener + "/")
                                    .exit()
                            == 0,
                    listener);
        }
        for (String listener : List.of("10.99.0.2:15006", "[fd99::2]:15006")) {
            assertDisconnected(lab.inSrv(() -> lab.caller().connect(listener)), listener);
        }
        long came = counted("(outbound|outbound_ledger|inbound)[.]downstream_cx_total$").values().stream()
                .mapToLong(Long::longValue)
                .sum();
        // --wait-envoy has connected to each of the first six too
        assertTrue(came <= 3 * listeners.size() + 2, () -> came + " connections");
        assertEquals(
                0,
                counted("(original_destination|original_destination_ledger|this_host)[.]upstream_cx_total$")
                        .values()
                        .stream()
                        .mapToLong(Long::longValue)
                        .sum());
    }

    private static void assertDisconnected(Verdict verdict, String listener) {
        assertTrue(verdict instanceof Verdict.Silent || verdict instanceof Verdict.Reset, listener + ": " + verdict);
    }
}
