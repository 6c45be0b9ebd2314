package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.cli.Main;
import io.meshcapture.lab.Await;
import io.meshcapture.lab.Connection;
import io.meshcapture.lab.Conversation;
import io.meshcapture.lab.Echo;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import io.meshcapture.lab.Verdict.Refused;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What capture means, whichever backend writes it. */
abstract class BackendContract {
    static final String V4 = "10.99.0.1:8080";
    static final String V6 = "[fd99::1]:8080";
    static final List<String> BOTH = List.of(V4, V6);

    static final String TWO = ENVOY + """
            services:
              orders: {from: {user: 1001}, except: [":5432"]}
              ledger: {from: {user: 1002}, to: ["10.99.0.0/24:8080", "[fd99::]/64:8080"], outbound: 15002}
            """.replace("[fd99::]/64:8080", "[fd99::/64]:8080");

    /** As a plan names it. */
    abstract String backend();

    @BeforeEach
    void world(Lab lab) {
        lab.proxy(15001);
        lab.proxy(15002);
        lab.server(8080);
        lab.server(5432);
    }

    private Meshcapture program() {
        return Meshcapture.inProcess(Main::run).with("MESHCAPTURE_BACKEND", backend());
    }

    Outcome run(String... args) {
        return program().run(args);
    }

    Outcome withPlan(String plan, String command, String... more) {
        return program()
                .reading(plan)
                .run(Stream.concat(Stream.of(command, "-f", "-"), Stream.of(more))
                        .toArray(String[]::new));
    }

    Outcome apply(String plan, String... more) {
        return Program.must(0, withPlan(plan, "apply", more));
    }

    Outcome check(String plan, String... more) {
        return withPlan(plan, "check", more);
    }

    static Verdict of(Lab lab, int uid, String destination) {
        return lab.caller().uid(uid).connect(destination);
    }

    @Test
    void connections_of_a_service_reach_envoy_with_their_original_destination_and_others_stay_direct(Lab lab) {
        apply(TWO);
        for (String server : BOTH) {
            assertEquals(new Proxied(15001, server), of(lab, 1001, server));
            assertEquals(new Proxied(15002, server), of(lab, 1002, server));
            assertEquals(new Direct(server), of(lab, 1003, server));
            String excepted = server.replace(":8080", ":5432");
            assertEquals(new Direct(excepted), of(lab, 1001, excepted));
            assertEquals(new Direct(excepted), of(lab, 1002, excepted));
        }
        assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).v4Mapped().connect(V4));
    }

    @Test
    void envoy_itself_loopback_own_and_link_local_addresses_stay_direct(Lab lab) {
        lab.localServer(9090);
        apply(ANY);
        BOTH.forEach(server ->
                assertEquals(new Direct(server), lab.caller().as(Identity.ENVOY).connect(server)));
        for (String own :
                List.of("127.0.0.1:9090", "127.0.0.2:9090", "[::1]:9090", "10.99.0.2:9090", "[fd99::2]:9090")) {
            assertEquals(new Direct(own), lab.caller().connect(own));
        }
        assertEquals(new Direct("[fe80::1%eth0]:8080"), lab.caller().connect("[fe80::1%eth0]:8080"));
    }

    @Test
    void many_networks_ports_and_services_are_decided_like_few(Lab lab) {
        lab.serverOnEveryPort();
        String excepted = IntStream.range(0, 1000)
                .mapToObj(i -> "10." + (100 + i / 250) + "." + i % 250 + ".0/24, \"[fd00:" + Integer.toHexString(i)
                        + "::/32]:80\"")
                .collect(Collectors.joining(", "));
        String ports = IntStream.range(0, 200)
                .mapToObj(i -> "\":" + (20_000 + 10 * i) + "\"")
                .collect(Collectors.joining(", "));
        String services = IntStream.range(0, 300)
                .mapToObj(i -> "  s" + i + ": {from: {user: " + (3000 + i) + "}, to: [\":80\"], outbound: 15002}")
                .collect(Collectors.joining("\n"));
        String plan = ENVOY + "except: [" + excepted + "]\nservices:\n  ports: {from: {user: 2000}, to: [" + ports
                + "]}\n" + services + "\n  all: {from: {user: 2001}}\n";
        apply(plan);
        assertEquals(
                "in sync: 302 services captured, nothing to change\n",
                apply(plan).out());
        for (int uid : List.of(2001, 3000, 3150, 3299)) {
            int listener = uid == 2001 ? 15001 : 15002;
            for (String direct : List.of("10.100.0.1:80", "10.103.249.9:80", "10.101.77.1:80", "[fd00:3e7::1]:80")) {
                assertEquals(new Direct(direct), of(lab, uid, direct), uid + " to " + direct);
            }
            for (String captured : List.of("10.103.250.1:80", "10.99.0.1:80", "10.1.1.1:80", "[fd00:3e8::1]:80")) {
                assertEquals(new Proxied(listener, captured), of(lab, uid, captured), uid + " to " + captured);
            }
        }
        assertEquals(new Direct("10.1.1.1:80"), of(lab, 3300, "10.1.1.1:80"));
        assertEquals(new Proxied(15001, "10.1.1.1:20000"), of(lab, 2000, "10.1.1.1:20000"));
        assertEquals(new Proxied(15001, "10.1.1.1:21990"), of(lab, 2000, "10.1.1.1:21990"));
        assertEquals(new Direct("10.1.1.1:20005"), of(lab, 2000, "10.1.1.1:20005"));
        assertEquals(new Direct("10.100.1.1:20000"), of(lab, 2000, "10.100.1.1:20000"));
        assertEquals(0, Program.must(0, check(plan)).exit());
    }

    @Test
    void competing_services_are_asked_in_the_order_of_the_plan(Lab lab) {
        lab.server(9000);
        apply(ENVOY + """
                services:
                  first: {from: {user: 1001}, to: [":8080"], except: ["10.99.0.1:9000"]}
                  second: {from: {user: 1001}, except: [":5432"], outbound: 15002}
                  group: {from: {group: 1001}, to: any}
                """);
        assertEquals(new Proxied(15001, V4), of(lab, 1001, V4));
        assertEquals(new Direct("10.99.0.1:9000"), of(lab, 1001, "10.99.0.1:9000"));
        assertEquals(new Proxied(15002, "[fd99::1]:9000"), of(lab, 1001, "[fd99::1]:9000"));
        assertEquals(new Direct("10.99.0.1:5432"), of(lab, 1001, "10.99.0.1:5432"));
        assertEquals(
                new Proxied(15001, "10.99.0.1:5432"),
                lab.caller().uid(1002).gid(1001).connect("10.99.0.1:5432"));
    }

    @Test
    void second_apply_changes_nothing_and_status_counts(Lab lab) {
        apply(TWO);
        of(lab, 1001, V4);
        of(lab, 1001, V4); // ip6tables-nft-restore 1.8.9 takes no counters
        of(lab, 1001, "10.99.0.1:5432");
        assertEquals(
                "in sync: 2 services captured, nothing to change\n", apply(TWO).out());
        String status = run("status").out();
        String orders = status.lines()
                .filter(line -> line.startsWith("orders"))
                .findFirst()
                .orElse("");
        assertTrue(orders.matches("orders +" + backend() + " +\\S+Z +\\S+ +2 +1 +0 +\\d+ +\\d+ +\\S+"), status);
        // what changes elsewhere does not count anew
        apply(TWO.replace("[\":5432\"]}", "[\":5432\", \":22\"]}"));
        status = run("status").out();
        assertTrue(status.contains("  2         1 "), status);
    }

    /** A chain that translates nothing is not asked while conntrack is off, and would count nothing. */
    @Test
    void everything_that_is_excepted_is_counted_all_the_same(Lab lab) {
        apply(ENVOY + "services: {orders: {from: {user: 1001}, except: [0.0.0.0/0, \"::/0\"]}}\n");
        BOTH.forEach(server -> assertEquals(new Direct(server), of(lab, 1001, server)));
        String status = run("status").out();
        assertTrue(status.matches("(?s).*orders +" + backend() + " +\\S+Z +\\S+ +0 +2 +0 .*"), status);
    }

    @Test
    void numbers_and_names_work_to_their_limits(Lab lab) {
        String longest = "a-service-with-a-name-of-forty-character";
        lab.serverOnEveryPort();
        apply(ENVOY + "services:\n  " + longest + ":\n    from: {user: 4294967294, group: 4294967294}\n"
                + "    to: [\":1,65535\", \":1000-1040\"]\n    except: [\":1020\"]\n");
        for (int port : List.of(1, 65535, 1000, 1040)) {
            String to = "10.99.0.1:" + port;
            assertEquals(new Proxied(15001, to), of(lab, 0xfffffffe, to));
        }
        assertEquals(new Direct("10.99.0.1:1020"), of(lab, 0xfffffffe, "10.99.0.1:1020"));
        assertEquals(new Direct("10.99.0.1:1041"), of(lab, 0xfffffffe, "10.99.0.1:1041"));
        assertTrue(run("status").out().contains(longest + " "));
        for (String wrong : List.of("user: 4294967295", "user: -1", "group: 4294967296", "user: ٣")) {
            assertEquals(
                    2,
                    withPlan(ENVOY + "services: {a: {from: {" + wrong + "}}}\n", "apply")
                            .exit(),
                    wrong);
        }
        for (String wrong : List.of(":0", ":65536", ":80-79", ":80,443,", ":http")) {
            assertEquals(
                    2,
                    withPlan(ENVOY + "services: {a: {to: [\"" + wrong + "\"]}}\n", "apply")
                            .exit(),
                    wrong);
        }
        Program.must(0, run("rollback", longest, "--drain", "0"));
        assertTrue(run("status").out().contains("nothing is captured"));
    }

    @Test
    void services_come_and_go_by_themselves(Lab lab) {
        apply(TWO, "orders");
        assertEquals(new Direct(V4), of(lab, 1002, V4));
        apply(TWO, "ledger");
        Program.must(0, check(TWO));
        Program.must(0, run("rollback", "orders", "--drain", "0"));
        for (String server : BOTH) {
            assertEquals(new Direct(server), of(lab, 1001, server));
            assertEquals(new Proxied(15002, server), of(lab, 1002, server));
        }
        assertEquals(3, check(TWO).exit());
        Program.must(0, check(TWO, "ledger"));
        assertTrue(run("rollback", "orders").out().contains("not captured: orders"));
        Program.must(0, run("rollback", "--all", "--drain", "0"));
        assertEquals(
                "nothing to do\n", Program.must(0, run("rollback", "--all")).out());
        assertTrue(run("status").out().contains("nothing is captured"));
        assertEquals(new Direct(V6), of(lab, 1002, V6));
    }

    @Test
    void what_is_open_goes_on_when_capture_begins_and_what_is_captured_when_it_ends(Lab lab) throws Exception {
        List<Connection> open = BOTH.stream().map(lab.caller().uid(1001)::open).toList();
        apply(TWO);
        open.forEach(one -> assertEquals(Echo.ANSWERED, one.echo("open before")));
        List<Connection> captured =
                BOTH.stream().map(lab.caller().uid(1001)::open).toList();
        captured.forEach(one -> assertEquals(15001, ((Proxied) one.verdict()).port()));
        lab.conntrack().flush();
        captured.forEach(one -> assertEquals(Echo.ANSWERED, one.echo("forgotten by conntrack")));
        var rollback = lab.background(
                Program.DISTRIBUTION, "--netns", "/proc/self/ns/net", "rollback", "--all", "--drain", "60s");
        rollback.awaitError("waiting for", Duration.ofSeconds(20));
        BOTH.forEach(server -> assertEquals(new Direct(server), of(lab, 1001, server)));
        captured.forEach(one -> assertEquals(Echo.ANSWERED, one.echo("draining")));
        captured.forEach(Connection::close);
        Await.until(
                Duration.ofSeconds(20),
                "the rollback to end",
                () -> run("status").out().contains("nothing is captured")
                        && !run("status").out().contains("left over"));
    }

    @Test
    void change_under_load_lets_nothing_astray(Lab lab) throws Exception {
        String other = ENVOY + """
                except: ["192.0.2.0/24"]
                services:
                  first: {from: {user: 1001}, to: [10.99.0.0/24], except: [":5432"], outbound: 15002}
                  orders: {from: {user: 1001}, except: [":5432", "203.0.113.0/24"], outbound: 15002}
                """;
        apply(TWO);
        var over = new AtomicBoolean();
        var captured = new AtomicInteger();
        var astray = new ConcurrentLinkedQueue<Verdict>();
        List<Thread> clients = new ArrayList<>();
        for (String server : BOTH) {
            clients.add(Thread.ofPlatform().daemon().start(() -> {
                var caller = lab.caller().uid(1001).resettingOnClose();
                while (!over.get()) {
                    Verdict verdict = caller.connect(server);
                    if (verdict instanceof Proxied(int listener, String destination) && destination.equals(server)) {
                        captured.incrementAndGet();
                    } else {
                        astray.add(verdict);
                    }
                }
            }));
        }
        for (int turn = 0; turn < 40; turn++) {
            apply(turn % 2 == 0 ? other : TWO);
        }
        over.set(true);
        for (Thread client : clients) {
            client.join();
        }
        assertEquals(List.of(), List.copyOf(astray));
        assertTrue(captured.get() > 80, () -> "only " + captured);
    }

    @Test
    void ipv6_is_rejected_at_once_or_left_alone_where_the_plan_says_so(Lab lab) {
        String plan = ENVOY + "ipv6: %s\nservices: {any: {}}\n";
        apply(plan.formatted("reject"));
        assertEquals(new Refused(), lab.caller().connect(V6));
        assertEquals(new Proxied(15001, V4), lab.caller().connect(V4));
        Program.must(0, check(plan.formatted("reject")));
        apply(plan.formatted("bypass"));
        assertEquals(new Direct(V6), lab.caller().connect(V6));
        assertEquals(new Proxied(15001, V4), lab.caller().connect(V4));
        Program.must(0, check(plan.formatted("bypass")));
        apply(plan.formatted("capture"));
        assertEquals(new Proxied(15001, V6), lab.caller().connect(V6));
    }

    @Test
    void quic_is_rejected_where_the_plan_says_so_and_other_udp_stays_direct(Lab lab) {
        lab.udpServerAt("10.99.0.1:443", "10.99.0.1:4433", "[fd99::1]:443");
        String plan = ENVOY + "udp443: reject\nservices: {orders: {from: {user: 1001}, except: [10.50.0.0/16]}}\n";
        apply(plan.replace("reject", "bypass"));
        String changed = apply(plan).out();
        assertTrue(changed.startsWith("changed: "), changed);
        for (String quic : List.of("10.99.0.1:443", "[fd99::1]:443")) {
            assertFalse(lab.caller().uid(1001).udp(quic) instanceof Direct, quic);
            assertEquals(new Direct(quic), lab.caller().uid(1002).udp(quic));
        }
        assertEquals(new Direct("10.99.0.1:4433"), lab.caller().uid(1001).udp("10.99.0.1:4433"));
        Program.must(0, check(plan));
        Program.must(0, run("rollback", "--all"));
        assertEquals(new Direct("10.99.0.1:443"), lab.caller().uid(1001).udp("10.99.0.1:443"));
    }

    @Test
    void dns_goes_to_envoy_and_envoys_own_queries_do_not(Lab lab) {
        lab.udpProxy(15053);
        lab.proxy(15053);
        lab.udpServerAt("10.99.0.1:53", "[fd99::1]:53");
        lab.server(53);
        String plan = "version: 1\nenvoy: {user: 1337, dns: 15053}\ndns: {servers: any}\nservices: {}\n";
        Conversation asking = lab.caller().uid(1001).openUdp("10.99.0.1:53");
        assertEquals(new Direct("10.99.0.1:53"), asking.ask());
        apply(plan);
        for (String server : List.of("10.99.0.1:53", "[fd99::1]:53")) {
            assertEquals(new Proxied(15053), lab.caller().uid(1001).udp(server));
            assertEquals(new Direct(server), lab.caller().as(Identity.ENVOY).udp(server));
            assertEquals(new Proxied(15053, server), lab.caller().uid(1001).connect(server));
        }
        assertEquals(new Proxied(15053), asking.ask());
        Program.must(0, check(plan));
        assertTrue(run("status").out().contains("DNS: to Envoy's listener 15053"));
        Program.must(0, run("rollback", "--all"));
        assertEquals(new Direct("10.99.0.1:53"), asking.ask());
    }

    @Test
    void what_arrives_goes_to_envoys_inbound_listener_by_redirect_and_by_tproxy(Lab lab) {
        lab.localServer(9090);
        lab.localServer(15020);
        lab.transparentProxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        String plan = """
                version: 1
                envoy: {user: 1337, inbound: 15006}
                services: {}
                inbound: {mode: %s, except: [15020]}
                """;
        for (String mode : List.of("redirect", "tproxy")) {
            apply(plan.formatted(mode));
            for (String own : List.of("10.99.0.2:9090", "[fd99::2]:9090")) {
                assertEquals(
                        new Proxied(15006, own), lab.inSrv(() -> lab.caller().connect(own)), mode);
                String excepted = own.replace(":9090", ":15020");
                assertEquals(new Direct(excepted), lab.inSrv(() -> lab.caller().connect(excepted)), mode);
                assertEquals(new Direct(own), lab.caller().connect(own), mode);
                assertEquals(
                        new Proxied(15006, own), lab.caller().as(Identity.ENVOY).connect(own), mode);
            }
            assertEquals(BOTH.getFirst(), ((Direct) lab.caller().connect(V4)).destination());
            Program.must(0, check(plan.formatted(mode)));
            assertTrue(run("status").out().contains("to Envoy's listener 15006 by " + mode));
        }
        Program.must(0, run("rollback", "--all", "--drain", "0"));
        assertEquals(new Direct("10.99.0.2:9090"), lab.inSrv(() -> lab.caller().connect("10.99.0.2:9090")));
    }

    @Test
    void guests_behind_an_interface_are_captured_like_callers_here(Lab lab) {
        lab.addGuest();
        lab.proxyAt(Identity.ENVOY, "10.98.0.1:15001", "[fd98::1]:15001");
        String plan = ENVOY + """
                interfaces: {outbound: [guest0]}
                services: {machines: {from: {network: [10.98.0.0/24, "fd98::/64"]}, except: [":5432"]}}
                """;
        apply(plan);
        for (String server : BOTH) {
            assertEquals(
                    new Proxied(15001, server), lab.inGuest(() -> lab.caller().connect(server)));
            String excepted = server.replace(":8080", ":5432");
            assertEquals(new Direct(excepted), lab.inGuest(() -> lab.caller().connect(excepted)));
            assertEquals(new Direct(server), lab.caller().connect(server));
        }
        Program.must(0, check(plan));
    }

    @Test
    void trial_ends_by_itself_in_what_stood_before_and_lasts_when_it_is_confirmed(Lab lab) {
        String tried = TWO.replace("user: 1001", "user: 1003");
        apply(TWO);
        apply(tried, "--confirm-within", "3s");
        assertEquals(new Proxied(15001, V4), of(lab, 1003, V4));
        assertEquals(new Direct(V6), of(lab, 1001, V6));
        Program.must(0, check(tried));
        assertTrue(run("status").out().contains("on trial: ends by itself in"));
        assertEquals(7, withPlan(TWO, "apply").exit());
        Connection captured = lab.caller().uid(1003).open(V4);
        Await.until(
                Duration.ofSeconds(20),
                "the trial to end",
                () -> of(lab, 1001, V4).equals(new Proxied(15001, V4)));
        assertEquals(Echo.ANSWERED, captured.echo("captured on trial"));
        Await.until(
                Duration.ofSeconds(5), "both families", () -> of(lab, 1003, V6).equals(new Direct(V6)));
        Program.must(0, check(TWO));
        apply(tried, "--confirm-within", "3s");
        Program.must(0, run("confirm"));
        assertFalse(run("status").out().contains("on trial"));
        assertEquals(new Proxied(15001, V6), of(lab, 1003, V6));
        Program.must(0, check(tried));
    }
}
