package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Caller;
import io.meshcapture.lab.Connection;
import io.meshcapture.lab.Echo;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Iptables;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Proxied;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** Which backend a plan takes, and how capture moves there from another one: without a hole. */
@InNetns
class BackendMovesKernelIT {
    private static final String V4 = "10.99.0.1:8080";
    private static final String V6 = "[fd99::1]:8080";
    private static final String OWN = "10.99.0.2:9090";
    private static final String DNS = "10.99.0.1:53";

    /** Everything that a move could leave open: outbound in both families, inbound, DNS. */
    private static final String PLAN = """
            version: 1
            envoy: {user: 1337, inbound: 15006, dns: 15053}
            backend: %s
            dns: {servers: any}
            inbound: {}
            services: {orders: {from: {user: 1001}}}
            """;

    /** From each to each, and back to the first. */
    private static final List<String> ROUND =
            List.of("iptables-nft", "iptables-legacy", "nftables", "iptables-legacy", "iptables-nft", "nftables");

    private static final int ROUNDS = 2;

    private static void world(Lab lab) {
        lab.proxy(15001);
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        lab.proxy(15053);
        lab.udpProxy(15053);
        lab.server(8080);
        lab.localServer(9090);
        lab.udpServerAt(DNS);
    }

    @Test
    void capture_moves_between_backends_and_its_connections_live_on(Lab lab) {
        world(lab);
        Program.apply(PLAN.formatted("nftables"));
        List<Connection> open = new ArrayList<>();
        for (String to : List.of(V4, V6)) {
            open.add(lab.caller().uid(1001).open(to));
            open.add(lab.caller().uid(1002).open(to));
        }
        open.add(lab.inSrv(() -> lab.caller().open(OWN)));
        String before = "nftables";
        for (String backend : ROUND) {
            assertEquals(3, Program.check(PLAN.formatted(backend)).exit());
            Outcome apply = Program.apply(PLAN.formatted(backend));
            assertTrue(apply.out().startsWith("changed: "), apply::out);
            assertTrue(apply.err().contains("capture has moved from " + before + " to " + backend), apply::err);
            Program.must(0, Program.check(PLAN.formatted(backend)));
            assertTrue(Program.run("status").out().contains(" " + backend + " "));
            Map<String, Verdict> expected = expected();
            attempts(lab).forEach((what, attempt) -> assertEquals(expected.get(what), attempt.get(), what));
            open.forEach(one -> assertEquals(Echo.ANSWERED, one.echo("moved")));
            before = backend;
        }
        open.forEach(Connection::close);
        Program.rollback("--all");
        assertEquals("", lab.nft().list());
        assertFalse((Iptables.LEGACY.save4() + Iptables.LEGACY.save6()).contains("MESHCAPTURE"));
    }

    @Test
    void move_under_load_lets_nothing_past_envoy_and_refuses_nothing(Lab lab) throws Exception {
        world(lab);
        Program.apply(PLAN.formatted("nftables"));
        Map<String, Verdict> expected = expected();
        var over = new AtomicBoolean();
        var astray = new ConcurrentLinkedQueue<String>();
        var made = new TreeMap<String, AtomicInteger>();
        List<Thread> clients = new ArrayList<>();
        attempts(lab).forEach((what, attempt) -> {
            var count = new AtomicInteger();
            made.put(what, count);
            clients.add(Thread.ofPlatform().daemon().start(() -> {
                while (!over.get()) {
                    Verdict verdict = attempt.get();
                    if (verdict.equals(expected.get(what))) {
                        count.incrementAndGet();
                    } else {
                        astray.add(what + " " + verdict);
                    }
                }
            }));
        });
        for (int round = 0; round < ROUNDS; round++) {
            for (String backend : ROUND) {
                Program.apply(PLAN.formatted(backend));
            }
        }
        over.set(true);
        for (Thread client : clients) {
            client.join();
        }
        assertEquals(List.of(), List.copyOf(astray), () -> "beside " + made);
        made.forEach((what, count) -> assertTrue(count.get() > 20 * ROUND.size(), () -> made.toString()));
        System.out.println(ROUNDS * ROUND.size() + " moves between backends, none astray of " + made);
    }

    private static Map<String, Verdict> expected() {
        return Map.of(
                V4,
                new Proxied(15001, V4),
                V6,
                new Proxied(15001, V6),
                OWN,
                new Proxied(15006, OWN),
                DNS,
                new Proxied(15053));
    }

    private static Map<String, Supplier<Verdict>> attempts(Lab lab) {
        Caller orders = lab.caller().uid(1001).resettingOnClose();
        Caller elsewhere = lab.caller().resettingOnClose();
        return Map.of(
                V4,
                () -> orders.connect(V4),
                V6,
                () -> orders.connect(V6),
                OWN,
                () -> lab.inSrv(() -> elsewhere.connect(OWN)),
                DNS,
                () -> orders.udp(DNS));
    }

    @Test
    void iptables_takes_the_flavour_that_rules_of_others_are_in(Lab lab) {
        assertTrue(Program.run("status", "-v").err().contains("the backend is nftables, because the kernel and"));
        String plan = ENVOY + "backend: iptables\nservices: {orders: {from: {user: 1001}}}\n";
        Outcome apply = Program.apply(plan, "-v");
        assertTrue(apply.err().contains("the backend is iptables-nft, because"), apply::err);
        assertTrue(Program.run("status", "-v").err().contains("the backend is iptables-nft, because it captures here"));
        Program.rollback("--all");
        lab.nft().apply("delete table ip nat; delete table ip filter; delete table ip6 nat; delete table ip6 filter");
        Iptables.LEGACY.restore4("*nat\n-A OUTPUT -p tcp --dport 1 -j RETURN\nCOMMIT\n");
        apply = Program.apply(plan, "-v");
        assertTrue(
                apply.err().contains("the backend is iptables-legacy, because the rules of others are in its tables"),
                apply::err);
        String moved = plan.replace("iptables", "nftables");
        String said = Program.must(7, Program.withPlan(moved, "apply", "--confirm-within", "9s"))
                .err();
        assertTrue(said.contains("a change of the backend cannot be put on trial; the plan asks for nftables, "), said);
    }

    @Test
    void automatic_choice_is_nftables(Lab lab) {
        Outcome apply = Program.apply(ANY, "-v");
        assertTrue(
                apply.err().contains("the backend is nftables, because the kernel and libnftables have it"),
                apply::err);
    }
}
