package io.meshcapture.connections;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.connections.CapturedConnections.Captured;
import io.meshcapture.lab.Await;
import io.meshcapture.lab.Background;
import io.meshcapture.lab.Caller;
import io.meshcapture.lab.Cgroup;
import io.meshcapture.lab.Connection;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Verdict.Proxied;
import io.meshcapture.plan.Port;
import io.meshcapture.rules.Decision;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Whose the captured connections of a host are. */
@InNetns
class CapturedConnectionsKernelIT {
    private static final List<String> BOTH = List.of("10.99.0.1:8080", "[fd99::1]:8080");
    private static final List<Port> LISTENERS = List.of(new Port(15001), new Port(15002));
    private static final Duration SOON = Duration.ofSeconds(5);

    @BeforeEach
    void world(Lab lab) {
        lab.proxy(15001);
        lab.proxy(15002);
        lab.serverOnEveryPort();
    }

    @Test
    void each_is_assigned_to_the_service_of_its_user_and_destination(Lab lab) {
        Decision decision = Standing.after("""
                services:
                  orders: {from: {user: 1001}, except: [":9090"]}
                  ledger: {from: {user: 1002}, outbound: 15002}
                """);
        for (String server : BOTH) {
            lab.caller().uid(1001).open(server);
            lab.caller().uid(1002).open(server);
            lab.caller().uid(1003).open(server);
            lab.caller().as(Identity.ENVOY).open(server);
        }
        lab.caller().uid(1001).v4Mapped().open("192.0.2.7:80");
        lab.caller().uid(1001).open("10.99.0.1:9090");
        assertEquals(
                List.of(
                        "10.99.0.1:8080 ledger",
                        "10.99.0.1:8080 orders",
                        "192.0.2.7:80 orders",
                        "fd99::1:8080 ledger",
                        "fd99::1:8080 orders"),
                told(decision));
    }

    @Test
    void connection_whose_service_is_gone_is_nobodys(Lab lab) {
        Standing.after("services: {orders: {from: {user: 1001}}, ledger: {from: {user: 1002}}}\n");
        lab.caller().uid(1001).open("10.99.0.1:8080");
        lab.caller().uid(1002).open("10.99.0.1:8081");
        Decision decision = Standing.after("services: {ledger: {from: {user: 1002}, except: [\":9999\"]}}\n");
        assertEquals(List.of("10.99.0.1:8080 nobody", "10.99.0.1:8081 ledger"), told(decision));
    }

    @Test
    void control_group_of_a_client_is_told_though_it_is_one_below_that_of_the_service(Lab lab) {
        Cgroup orders = lab.cgroup("meshcapture-test-c.slice/orders.service");
        Cgroup worker = lab.cgroup("meshcapture-test-c.slice/orders.service/worker");
        Decision decision = Standing.after("""
                services:
                  orders: {from: {cgroup: meshcapture-test-c.slice/orders.service}}
                  rest: {from: {user: 1001}}
                """);
        lab.caller().uid(1001).in(orders).open("10.99.0.1:8081");
        lab.caller().uid(1001).in(worker).open("10.99.0.1:8082");
        lab.caller().uid(1001).open("10.99.0.1:8083");
        assertEquals(List.of("10.99.0.1:8081 orders", "10.99.0.1:8082 orders", "10.99.0.1:8083 rest"), told(decision));
    }

    @Test
    void group_is_that_of_the_process_that_holds_the_socket(Lab lab) {
        Decision decision = Standing.after("services: {orders: {from: {group: 2001}}, rest: {}}\n");
        Background orders = client(lab, 1001, 2001, 8081);
        Background rest = client(lab, 1001, 2002, 8082);
        assertEquals(List.of("10.99.0.1:8081 orders", "10.99.0.1:8082 rest"), told(decision));
        orders.kill();
        rest.kill();
        Await.until(SOON, "the connections to end", () -> told(decision).isEmpty());
    }

    private static Background client(Lab lab, int uid, int gid, int port) {
        Background client = lab.background(
                "setpriv",
                "--reuid=" + uid,
                "--regid=" + gid,
                "--clear-groups",
                "bash",
                "-c",
                "exec 3<>/dev/tcp/10.99.0.1/" + port + "; read -r line <&3; echo \"$line\"; read -r line <&3");
        client.awaitOutput("PROXY 15001", SOON);
        return client;
    }

    /** Two destinations from one port: netfilter gives the second another port on the way to Envoy. */
    @Test
    void connections_that_share_a_port_are_told_apart(Lab lab) {
        Decision decision = Standing.after("services: {orders: {from: {user: 1001}, except: [\":9090\"]}}\n");
        List<Connection> open = new ArrayList<>();
        Caller caller = lab.caller().uid(1001).from("10.99.0.2:40404");
        for (String server : List.of("10.99.0.1:8081", "10.99.0.1:8082", "10.99.0.1:9090")) {
            open.add(caller.open(server));
        }
        assertEquals(new Proxied(15001, "10.99.0.1:8082"), open.get(1).verdict());
        assertEquals(
                Set.of("10.99.0.2:40404"),
                new HashSet<>(List.of(open.get(0).local(), open.get(1).local())));
        assertEquals("10.99.0.2:40404", open.get(0).peerSeen());
        assertNotEquals("10.99.0.2:40404", open.get(1).peerSeen());
        assertEquals(List.of("10.99.0.1:8081 orders", "10.99.0.1:8082 orders"), told(decision));
        open.getFirst().close();
        Await.until(SOON, "the first to end", () -> told(decision).equals(List.of("10.99.0.1:8082 orders")));
    }

    @Test
    void a_thousand_among_ten_thousand_services_are_told_in_less_than_a_second(Lab lab) {
        StringBuilder plan = new StringBuilder("services:\n");
        for (int i = 0; i < 10_000; i++) {
            plan.append("  s%d: {from: {user: %d}, to: [198.18.0.0/15, 203.0.113.0/24]}%n".formatted(i, 10_000 + i));
        }
        Decision decision = Standing.after(plan.toString());
        for (int i = 0; i < 1000; i++) {
            lab.caller().uid(10_000 + 10 * i).open("198.18.0.1:80");
        }
        List<Captured> found = List.of();
        Duration shortest = Duration.ofDays(1); // of several: other tests may have the machine meanwhile
        for (int i = 0; i < 5; i++) {
            long start = System.nanoTime();
            found = CapturedConnections.alive(decision, LISTENERS);
            Duration took = Duration.ofNanos(System.nanoTime() - start);
            shortest = took.compareTo(shortest) < 0 ? took : shortest;
        }
        assertEquals(1000, found.size());
        Set<String> services = new HashSet<>();
        found.forEach(captured -> services.add(String.valueOf(captured.service())));
        assertEquals(1000, services.size());
        assertTrue(shortest.compareTo(Duration.ofSeconds(1)) < 0, shortest.toString());
    }

    private static List<String> told(Decision decision) {
        return CapturedConnections.alive(decision, LISTENERS).stream()
                .map(captured -> captured.client().remote() + ":"
                        + captured.client().remotePort() + " "
                        + (captured.isNobodys() ? "nobody" : String.valueOf(captured.service())))
                .sorted()
                .toList();
    }
}
