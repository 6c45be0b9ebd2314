package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Capture that works, beside neighbours that do no harm: check, its probes and doctor have nothing to warn of. */
@InNetns
class HealthyKernelIT {
    private static final String HEAD = "version: 1\nenvoy: {user: 1337}\n";
    private static final String ORDERS = "services: {orders: {from: {user: 1001}, except: [\":22\", 10.0.0.0/8]}}\n";

    private static final String CLEAN = "nft flush ruleset; for t in nat filter; do for ip in iptables ip6tables; do"
            + " $ip-legacy -t $t -F; $ip-legacy -t $t -X; done; done\n";

    /** A set-up: the plan, and shell commands that put neighbours there. */
    private record SetUp(String name, String plan, String neighbours) {}

    private static final List<SetUp> SET_UPS = List.of(
            of("one service", HEAD + ORDERS, ""),
            of("everybody", HEAD + "services: {any: {}}\n", ""),
            of("IPv6 left alone", HEAD + "ipv6: bypass\n" + ORDERS, ""),
            of("IPv6 rejected", HEAD + "ipv6: reject\n" + ORDERS, ""),
            of("QUIC rejected", HEAD + "udp443: reject\n" + ORDERS, ""),
            of("a listener of its own", HEAD + "services: {a: {from: {user: 1001}, outbound: 15002}, b: {}}\n", ""),
            of("DNS", "version: 1\nenvoy: {user: 1337, dns: 15053}\ndns: {servers: resolv.conf}\n" + ORDERS, ""),
            of(
                    "what arrives",
                    "version: 1\nenvoy: {user: 1337, inbound: 15006}\ninbound: {except: [15020]}\n" + ORDERS,
                    ""),
            of("an interface left alone", HEAD + "interfaces: {except: [wg0]}\n" + ORDERS, ""),
            of(
                    "firewalld",
                    HEAD + ORDERS,
                    "nft 'table inet firewalld { chain filter_OUTPUT { type filter hook output priority 10; policy accept;"
                            + " ct state { established, related } accept; }; }'"),
            of(
                    "a firewall that lets out what goes to loopback",
                    HEAD + ORDERS,
                    "nft 'table inet filter { chain output { type filter hook output priority 0; policy drop;"
                            + " oifname lo accept; ip daddr 127.0.0.0/8 accept; ip6 daddr ::1 accept; tcp dport 22 accept;"
                            + " icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept; udp dport 53 accept;"
                            + " meta skuid 1337 accept; ip daddr 10.0.0.0/8 accept; }; }'"),
            of(
                    "Docker",
                    HEAD + ORDERS,
                    "iptables-nft -t nat -N DOCKER; iptables-nft -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type"
                            + " LOCAL -j DOCKER"),
            of(
                    "kube-proxy in iptables-legacy",
                    HEAD + ORDERS,
                    "iptables-legacy -t nat -N KUBE-SERVICES; iptables-legacy -t nat -A KUBE-SERVICES -d 10.96.0.10 -p tcp"
                            + " --dport 443 -j DNAT --to-destination 10.244.0.2:443;"
                            + " iptables-legacy -t nat -A OUTPUT -j KUBE-SERVICES"),
            of("ufw", HEAD + ORDERS, "iptables-nft -N ufw-before-output; iptables-nft -A OUTPUT -j ufw-before-output"),
            of("iptables-nft", HEAD + "backend: iptables-nft\n" + ORDERS, ""),
            of("iptables-legacy", HEAD + "backend: iptables-legacy\n" + ORDERS, ""),
            of(
                    "iptables-legacy beside a firewall of its own",
                    HEAD + "backend: iptables-legacy\n" + ORDERS,
                    "iptables-legacy -A OUTPUT -o lo -j ACCEPT; iptables-legacy -A OUTPUT -p icmp -j DROP"));

    private static SetUp of(String name, String plan, String neighbours) {
        return new SetUp(name, plan, neighbours);
    }

    @TestFactory
    Stream<DynamicTest> nothing_is_found(Lab lab) {
        lab.file("/etc/resolv.conf", "nameserver 10.99.0.1\n");
        lab.file("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n");
        lab.file("/etc/nsswitch.conf", "hosts: files dns\n");
        for (int port : List.of(15001, 15002, 15053)) {
            lab.proxy(port);
        }
        lab.udpProxy(15053);
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        return SET_UPS.stream()
                .map(one -> DynamicTest.dynamicTest(one.name(), () -> {
                    sh(CLEAN + one.neighbours());
                    Program.apply(one.plan());
                    Outcome check = Program.must(0, Program.check(one.plan(), "--probe", "-o", "json"));
                    JsonObject found = new Gson().fromJson(check.out(), JsonObject.class);
                    assertEquals(List.of(), found.getAsJsonArray("differences").asList());
                    assertEquals(List.of(), found.getAsJsonArray("shadows").asList());
                    assertEquals(List.of(), found.getAsJsonArray("faults").asList());
                    for (JsonElement probe : found.getAsJsonArray("probes")) {
                        assertEquals("ok", probe.getAsJsonObject().get("result").getAsString(), probe::toString);
                    }
                    assertEquals(
                            List.of(), warnings(Program.must(0, Program.withPlan(one.plan(), "doctor", "-o", "json"))));
                    Program.rollback("--all");
                    sh(
                            "nft flush ruleset; for t in nat filter; do iptables-legacy -t $t -F; iptables-legacy -t $t -X; done");
                }));
    }

    private static List<JsonObject> warnings(Outcome doctor) {
        List<JsonObject> warnings = new ArrayList<>();
        for (JsonElement one :
                new Gson().fromJson(doctor.out(), JsonObject.class).getAsJsonArray("findings")) {
            String severity = one.getAsJsonObject().get("severity").getAsString();
            if (severity.equals("warning") || severity.equals("problem")) {
                warnings.add(one.getAsJsonObject());
            }
        }
        return warnings;
    }

    private static void sh(String command) {
        Run.command("sh", "-ec", command + "\n:").orFail();
    }
}
