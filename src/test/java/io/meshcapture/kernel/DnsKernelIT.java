package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.backend.nftables.NftablesBackend;
import io.meshcapture.lab.Await;
import io.meshcapture.lab.Caller;
import io.meshcapture.lab.Connection;
import io.meshcapture.lab.Conversation;
import io.meshcapture.lab.Echo;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.InNetns.Families;
import io.meshcapture.lab.Iptables;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.UdpStandin;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.NotPermitted;
import io.meshcapture.lab.Verdict.Proxied;
import io.meshcapture.lab.Verdict.Refused;
import io.meshcapture.lab.Verdict.TimedOut;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Capture of DNS: whose queries go to Envoy, whose do not, and when that changes. */
@InNetns
@Tag("every-backend")
class DnsKernelIT {
    private static final String V4 = "10.99.0.1:53";
    private static final String V6 = "[fd99::1]:53";
    private static final List<String> SERVERS = List.of(V4, V6);

    private static final String RESOLV_CONF = """
            # of the test
            search example.org
            nameserver 10.99.0.1
            nameserver fd99::1
            options ndots:5
            """;

    /** Captures DNS and nothing else. */
    private static final String DNS = "version: 1\nenvoy: {user: 1337, dns: 15053}\n";

    private static final String DNS_AND_ORDERS = DNS + "services: {orders: {from: {user: 1001}}}\n";
    private static final String ORDERS = "version: 1\nenvoy: {user: 1337}\nservices: {orders: {from: {user: 1001}}}\n";

    private UdpStandin envoy;
    private UdpStandin server;

    @BeforeEach
    void world(Lab lab) {
        lab.file("/etc/resolv.conf", RESOLV_CONF);
        lab.proxy(15001);
        lab.proxy(15053);
        envoy = lab.udpProxy(15053);
        lab.server(53);
        server = lab.udpServerAt(V4, V6, "192.0.2.9:53", "10.99.0.1:5353");
    }

    private static Verdict udp(Lab lab, String destination) {
        return lab.caller().within(Duration.ofSeconds(1)).udp(destination);
    }

    private static final Verdict CAPTURED = new Proxied(15053);

    @Test
    void queries_to_the_servers_of_resolv_conf_go_to_envoy_and_connected_clients_accept_the_answers(Lab lab) {
        Outcome outcome = Program.apply(DNS);
        assertEquals("captured: DNS\ndone: DNS captured, IPv6 captured too\n", outcome.out());
        assertEquals("", outcome.err());
        for (String server : SERVERS) {
            assertEquals(CAPTURED, udp(lab, server), server);
            assertEquals(new Proxied(15053, server), lab.caller().connect(server));
        }
        assertEquals(CAPTURED, lab.caller().v4Mapped().udp(V4));
        assertEquals(CAPTURED, lab.caller().uid(0).udp(V4));
        assertEquals("in sync: DNS\n", Program.must(0, Program.check(DNS)).out());
        assertEquals(
                "DNS: to Envoy's listener 15053; 6 captured\n",
                Program.run("status").out());
        assertTrue(Program.apply(DNS).out().startsWith("in sync: DNS captured"));
    }

    @Test
    void queries_over_tcp_are_captured_like_those_over_udp_and_not_by_services(Lab lab) {
        Program.apply(DNS_AND_ORDERS);
        Caller orders = lab.caller().uid(1001);
        for (String server : SERVERS) {
            assertEquals(new Proxied(15053, server), orders.connect(server));
            assertEquals(new Proxied(15053, server), lab.caller().uid(1002).connect(server));
            assertEquals(CAPTURED, orders.udp(server));
        }
        assertEquals(new Proxied(15001, "192.0.2.9:53"), orders.connect("192.0.2.9:53"), "no server of resolv.conf");
        assertEquals(new Direct("192.0.2.9:53"), orders.udp("192.0.2.9:53"));
        assertEquals(new Direct("10.99.0.1:5353"), orders.udp("10.99.0.1:5353"), "another port");
        assertEquals(new Direct(V4), lab.caller().as(Identity.ENVOY).udp(V4));
        assertEquals(new Direct(V4), lab.caller().as(Identity.ENVOY).connect(V4));
    }

    @Test
    void any_means_every_server_and_a_list_means_those_alone(Lab lab) {
        lab.udpProxyAt(new Identity(101, 101), "127.0.0.53:53");
        Program.apply(DNS + "dns: {servers: any}\n");
        for (String each : List.of(V4, V6, "192.0.2.9:53", "192.0.2.77:53", "127.0.0.53:53", "10.99.0.2:53")) {
            assertEquals(CAPTURED, udp(lab, each), each);
            assertEquals(new Proxied(15053, each), lab.caller().connect(each));
        }
        assertEquals(new Direct("10.99.0.1:5353"), udp(lab, "10.99.0.1:5353"));
        String list = DNS + "dns: {servers: [192.0.2.9, \"fd99::1\"]}\n";
        Program.apply(list);
        for (String each : List.of(V6, "192.0.2.9:53")) {
            assertEquals(CAPTURED, udp(lab, each), each);
        }
        assertEquals(new Direct(V4), udp(lab, V4));
        assertEquals(new Proxied(53), udp(lab, "127.0.0.53:53"));
        Program.must(0, Program.check(list));
    }

    @Test
    void multicast_broadcast_and_addresses_that_need_their_interface_stay_direct_with_any(Lab lab) {
        Program.apply(DNS + "dns: {servers: any}\n");
        Caller brief = lab.caller().broadcasting().within(Duration.ofMillis(100));
        for (String each : List.of("224.0.0.251:53", "[ff02::fb%eth0]:53", "10.99.0.255:53", "255.255.255.255:53")) {
            assertEquals(new TimedOut(), brief.udp(each), each);
        }
        assertEquals(new Refused(), lab.caller().udp("[fe80::1%eth0]:53"), "nobody is there");
        assertEquals(0, envoy.arrivals().size());
    }

    @Test
    void source_port_that_envoy_used_first_is_captured_when_an_application_has_it_and_the_other_way_round(Lab lab) {
        Program.apply(DNS);
        for (String server : SERVERS) {
            String here = server.equals(V4) ? "10.99.0.2:" : "[fd99::2]:";
            Caller application = lab.caller().from(here + "40404");
            Caller envoysOwn = lab.caller().as(Identity.ENVOY).from(here + "40404");
            for (int i = 0; i < 3; i++) {
                assertEquals(new Direct(server), envoysOwn.udp(server));
                assertEquals(CAPTURED, application.udp(server));
            }
            Caller other = lab.caller().from(here + "40405");
            assertEquals(CAPTURED, other.udp(server));
            assertEquals(
                    new Direct(server),
                    lab.caller().as(Identity.ENVOY).from(here + "40405").udp(server));
        }
    }

    @Test
    void socket_that_asks_again_and_again_is_captured_at_once_and_released_at_once(Lab lab) {
        for (boolean conntrackBefore : new boolean[] {false, true}) {
            if (conntrackBefore) {
                lab.nft()
                        .apply(
                                "table inet firewall { chain o { type filter hook output priority 0; ct state new accept; }; }");
            }
            for (String server : SERVERS) {
                Conversation resolver = lab.caller().openUdp(server);
                for (int i = 0; i < 2; i++) {
                    assertEquals(new Direct(server), resolver.ask());
                    Program.apply(DNS_AND_ORDERS);
                    assertEquals(CAPTURED, resolver.ask());
                    Program.rollback("orders");
                    assertEquals(CAPTURED, resolver.ask());
                    Program.rollback("--all");
                    assertEquals(new Direct(server), resolver.ask());
                }
                Program.apply(DNS_AND_ORDERS);
                assertEquals(CAPTURED, resolver.ask());
                Program.apply(ORDERS);
                assertEquals(new Direct(server), resolver.ask(), "the plan captures no DNS any more");
                Program.rollback("--all");
            }
        }
        assertFalse(lab.conntrack().list().contains("zone=53"), lab.conntrack()::list);
    }

    @Test
    void socket_that_asks_again_and_again_follows_envoys_listener_and_the_list_of_servers(Lab lab) {
        lab.proxy(15054);
        lab.udpProxy(15054);
        Conversation resolver = lab.caller().openUdp(V4);
        Program.apply(DNS);
        assertEquals(CAPTURED, resolver.ask());
        Program.apply(DNS.replace("15053", "15054"));
        assertEquals(new Proxied(15054), resolver.ask());
        Program.apply(DNS.replace("15053", "15054") + "dns: {servers: 192.0.2.9}\n");
        assertEquals(new Direct(V4), resolver.ask());
        Program.apply(DNS);
        assertEquals(CAPTURED, resolver.ask());
        Program.apply(DNS + "ipv6: reject\n");
        assertEquals(CAPTURED, resolver.ask());
        assertEquals(new Refused(), lab.caller().connect(V6));
        assertEquals(new NotPermitted(), udp(lab, V6), "what reject does to UDP");
    }

    @Test
    void answers_that_are_on_their_way_at_rollback_arrive(Lab lab) throws Exception {
        try (var slow = new DatagramSocket(15055, InetAddress.ofLiteral("127.0.0.1"))) {
            Program.apply("version: 1\nenvoy: {user: 0, dns: 15055}\ndns: {servers: 10.99.0.1}\nipv6: bypass\n");
            Conversation client = lab.caller().within(Duration.ofSeconds(5)).openUdp(V4);
            var answer = new AtomicReference<Verdict>();
            Thread asking = Thread.ofPlatform().start(() -> answer.set(client.ask()));
            var query = new DatagramPacket(new byte[100], 100);
            slow.receive(query);
            Thread answering = Thread.ofPlatform().start(() -> {
                try {
                    Thread.sleep(500);
                    byte[] text = "PROXY 15055 unknown somebody".getBytes(StandardCharsets.UTF_8);
                    slow.send(new DatagramPacket(text, text.length, query.getSocketAddress()));
                } catch (IOException | InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
            Program.must(0, Program.run("rollback", "--all"));
            asking.join();
            answering.join();
            assertEquals(new Proxied(15055), answer.get());
            assertEquals("", lab.nft().list());
            assertEquals(new Direct(V4), client.ask());
        }
    }

    @Test
    void local_resolver_is_captured_and_what_it_asks_itself_is_not(Lab lab) {
        lab.file("/etc/resolv.conf", "nameserver 127.0.0.53\noptions edns0 trust-ad\n");
        Identity resolved = new Identity(101, 101);
        lab.udpProxyAt(resolved, "127.0.0.53:53");
        lab.localServerAt(resolved, "127.0.0.53:53");
        Connection open = lab.caller().open("127.0.0.53:53");
        Outcome outcome = Program.apply(DNS);
        assertEquals("", outcome.err());
        assertEquals(Echo.ANSWERED, open.echo("open before capture began"));
        assertEquals(CAPTURED, udp(lab, "127.0.0.53:53"));
        assertEquals(new Proxied(15053, "127.0.0.53:53"), lab.caller().connect("127.0.0.53:53"));
        // Envoy asks the resolver, and that asks its own server: no circle
        assertEquals(new Proxied(53), lab.caller().as(Identity.ENVOY).udp("127.0.0.53:53"));
        assertEquals(new Direct(V4), lab.caller().as(resolved).udp(V4));
        assertEquals(new Direct(V4), lab.caller().as(resolved).connect(V4));
        Connection captured = lab.caller().open("127.0.0.53:53");
        assertEquals(Echo.ANSWERED, captured.echo("captured"));
        Outcome end = Program.rollback("--all");
        assertTrue(end.err().contains("1 captured connection did not end"), end::err);
        assertEquals(Echo.RESET, captured.echo("cut"));
        assertEquals(Echo.ANSWERED, open.echo("open all the time"));
    }

    @Test
    void resolver_whose_own_queries_are_captured_too_is_told_of(Lab lab) {
        lab.file("/etc/resolv.conf", "nameserver 127.0.0.53\n");
        String said = "the resolver on this host, 127.0.0.53, asks servers whose DNS is captured too";
        for (String servers : List.of("any", "[127.0.0.53, 10.99.0.1]")) {
            Outcome outcome = Program.apply(DNS + "dns: {servers: " + servers + "}\n");
            assertTrue(outcome.err().contains(said), outcome::err);
        }
        lab.file("/etc/resolv.conf", "nameserver 127.0.0.11\n");
        assertEquals("", Program.apply(DNS + "dns: {servers: any}\n").err(), "Docker asks from elsewhere");
    }

    @Test
    void dockers_embedded_server_goes_on_working_for_envoy_and_is_captured_for_others(Lab lab) {
        lab.file("/etc/resolv.conf", "nameserver 127.0.0.11\noptions ndots:0\n");
        Identity docker = new Identity(0, 0);
        lab.udpProxyAt(docker, "127.0.0.11:40053");
        lab.localServerAt(docker, "127.0.0.11:40054");
        // in the flavour that ours is in, as without a word of the plan's
        boolean legacy = "iptables-legacy".equals(System.getenv("MESHCAPTURE_BACKEND"));
        Iptables dockers = legacy ? Iptables.LEGACY : Iptables.NFT;
        dockers.restore4("""
                *nat
                :DOCKER_OUTPUT - [0:0]
                :DOCKER_POSTROUTING - [0:0]
                -A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT
                -A POSTROUTING -d 127.0.0.11/32 -j DOCKER_POSTROUTING
                -A DOCKER_OUTPUT -d 127.0.0.11/32 -p tcp -m tcp --dport 53 -j DNAT --to-destination 127.0.0.11:40054
                -A DOCKER_OUTPUT -d 127.0.0.11/32 -p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.11:40053
                -A DOCKER_POSTROUTING -s 127.0.0.11/32 -p tcp -m tcp --sport 40054 -j SNAT --to-source :53
                -A DOCKER_POSTROUTING -s 127.0.0.11/32 -p udp -m udp --sport 40053 -j SNAT --to-source :53
                COMMIT
                """);
        String theirs = lab.nft().foreign().replaceAll("packets \\d+ bytes \\d+", "");
        String embedded = "127.0.0.11:53";
        assertEquals(new Proxied(40053), udp(lab, embedded));
        Program.apply(DNS);
        for (int i = 0; i < 2; i++) {
            assertEquals(CAPTURED, lab.caller().from("127.0.0.1:40404").udp(embedded));
            assertEquals(new Proxied(15053, embedded), lab.caller().connect(embedded));
            Caller envoysOwn = lab.caller().as(Identity.ENVOY);
            assertEquals(new Proxied(40053), envoysOwn.from("127.0.0.1:40404").udp(embedded));
            assertEquals(new Direct("127.0.0.11:40054"), envoysOwn.connect(embedded));
        }
        Program.must(0, Program.check(DNS));
        Program.rollback("--all");
        assertEquals(new Proxied(40053), udp(lab, embedded));
        assertEquals(theirs, lab.nft().foreign().replaceAll("packets \\d+ bytes \\d+", ""));
    }

    @Test
    void rules_by_which_conntrack_overlooks_queries_do_not_keep_them_from_envoy(Lab lab) {
        Iptables.LEGACY.restore4("""
                *raw
                -A OUTPUT -d 10.99.0.1/32 -p udp -m udp --dport 53 -j CT --notrack
                -A PREROUTING -s 10.99.0.1/32 -p udp -m udp --sport 53 -j CT --notrack
                COMMIT
                """);
        Program.apply(DNS);
        assertEquals(CAPTURED, udp(lab, V4));
        assertEquals(new Direct(V4), lab.caller().as(Identity.ENVOY).udp(V4));
    }

    @Test
    void queries_of_masqueraded_guests_go_through_as_before(Lab lab) {
        lab.addGuest();
        lab.nft().apply("""
                table ip theirs {
                  chain out { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }
                }
                """);
        Program.apply(DNS + "dns: {servers: any}\n");
        for (int i = 0; i < 2; i++) {
            assertEquals(
                    new Direct(V4),
                    lab.inGuest(() -> lab.caller().from("10.98.0.2:40404").udp(V4)));
            assertEquals(CAPTURED, lab.caller().from("10.99.0.2:40404").udp(V4));
        }
        assertTrue(server.arrivals().stream().allMatch(one -> one.peer().startsWith("10.99.0.2:")));
    }

    private static final String GUESTS = DNS.replace("15053", "15063")
            + "dns: {servers: [10.99.0.1, \"fd99::1\"]}\ninterfaces: {outbound: guest0}\n";

    private static UdpStandin forGuests(Lab lab) {
        lab.proxyAt(Identity.ENVOY, "127.0.0.1:15063", "[::1]:15063", "10.98.0.1:15063", "[fd98::1]:15063");
        return lab.udpProxyAt(Identity.ENVOY, "127.0.0.1:15063", "[::1]:15063", "10.98.0.1:15063", "[fd98::1]:15063");
    }

    @Test
    void queries_of_guests_go_to_envoy_too_and_sockets_that_ask_again_and_again_switch_at_once(Lab lab) {
        lab.addGuest();
        forGuests(lab);
        Conversation resolver = lab.inGuest(() -> lab.caller().openUdp(V4));
        assertEquals(new Direct(V4), resolver.ask());
        Program.apply(GUESTS);
        assertEquals(new Proxied(15063, Proxied.UNKNOWN), resolver.ask());
        for (String asked : SERVERS) {
            assertEquals(
                    new Proxied(15063, Proxied.UNKNOWN),
                    lab.inGuest(() -> lab.caller().udp(asked)));
            assertEquals(
                    new Proxied(15063, Proxied.UNKNOWN),
                    lab.inGuest(() -> lab.caller().udp(asked)));
            assertEquals(
                    new Proxied(15063, asked), lab.inGuest(() -> lab.caller().connect(asked)));
            assertEquals(new Proxied(15063, Proxied.UNKNOWN), lab.caller().udp(asked));
        }
        // another server, and another port
        assertEquals(new Direct("192.0.2.9:53"), lab.inGuest(() -> lab.caller().udp("192.0.2.9:53")));
        assertEquals(
                new Direct("10.99.0.1:5353"), lab.inGuest(() -> lab.caller().udp("10.99.0.1:5353")));
        assertEquals(0, Program.check(GUESTS).exit());
        String said = Program.must(0, Program.withPlan(GUESTS, "explain", V4, "--udp", "--from-address", "10.98.0.2"))
                .out();
        assertTrue(said.endsWith("captured: to Envoy's listener 15063\n"), said);
        Program.rollback("--all");
        assertEquals(new Direct(V4), resolver.ask());
    }

    @Test
    void dns_listener_on_loopback_alone_is_refused_where_guests_ask_too(Lab lab) {
        lab.addGuest();
        Outcome outcome = Program.must(7, Program.withPlan(GUESTS.replace("15063", "15053"), "apply"));
        assertTrue(outcome.err().contains("every captured DNS query that arrives would be refused"), outcome::err);
        assertEquals("", lab.nft().list());
    }

    @Test
    void trial_switches_sockets_that_ask_again_and_again_when_it_begins_and_when_it_ends(Lab lab) {
        Program.apply(ORDERS);
        Conversation resolver = lab.caller().openUdp(V4);
        assertEquals(new Direct(V4), resolver.ask());
        Program.apply(DNS_AND_ORDERS, "--confirm-within", "2s");
        assertEquals(CAPTURED, resolver.ask());
        Await.until(
                Duration.ofSeconds(10), "the trial to end", () -> resolver.ask().equals(new Direct(V4)));
        assertEquals(new Direct(V4), udp(lab, V4));
        assertEquals(3, Program.check(DNS_AND_ORDERS).exit());
        Program.must(0, Program.check(ORDERS));

        Program.apply(DNS_AND_ORDERS);
        Program.apply(ORDERS, "--confirm-within", "2s");
        assertEquals(new Direct(V4), resolver.ask());
        Await.until(
                Duration.ofSeconds(10), "the trial to end", () -> resolver.ask().equals(CAPTURED));
        Program.apply(ORDERS, "--confirm-within", "60s");
        Program.must(0, Program.run("rollback", "--trial"));
        assertEquals(CAPTURED, resolver.ask());
        Program.apply(ORDERS, "--confirm-within", "60s");
        Program.must(0, Program.run("confirm"));
        assertEquals(new Direct(V4), resolver.ask());
        assertFalse(lab.nft().ours().contains("dns"), lab.nft()::ours);
        Program.must(0, Program.check(ORDERS));
    }

    @Test
    void trial_of_dns_alone_ends_in_nothing(Lab lab) {
        Program.apply(DNS, "--confirm-within", "60s");
        assertEquals(CAPTURED, udp(lab, V4));
        Program.must(0, Program.run("rollback", "--trial"));
        assertEquals(new Direct(V4), udp(lab, V4));
        assertEquals("", lab.nft().list());
    }

    @Test
    void rollback_of_the_last_service_leaves_dns_and_says_so(Lab lab) {
        Program.apply(DNS_AND_ORDERS);
        Outcome outcome = Program.rollback("orders");
        assertEquals(
                "released: orders\nstill captured: DNS, which belongs to the plan; release it too with: meshcapture rollback --all\n",
                outcome.out());
        assertEquals(CAPTURED, udp(lab, V4));
        Program.must(0, Program.check(DNS));
        Program.rollback("--all");
        assertEquals(new Direct(V4), udp(lab, V4));
        assertEquals("", lab.nft().list());
    }

    @Test
    void plan_without_anything_left_releases_dns(Lab lab) {
        Program.apply(DNS);
        Outcome outcome = Program.apply("version: 1\nenvoy: {user: 1337}\nservices: {}\n");
        assertTrue(outcome.out().contains("released: DNS"), outcome::out);
        assertEquals("", lab.nft().list());
    }

    @Tag("nftables")
    @Test
    void check_says_when_resolv_conf_names_other_servers_since(Lab lab) {
        Program.apply(DNS);
        lab.file("/etc/resolv.conf", "nameserver 192.0.2.9\nnameserver fd99::1\n");
        Outcome outcome = Program.must(3, Program.check(DNS));
        assertTrue(outcome.out().contains("set dns_servers_ip\n  + 192.0.2.9\n  - 10.99.0.1\n"), outcome::out);
        assertEquals(CAPTURED, udp(lab, V4));
        Program.apply(DNS);
        assertEquals(CAPTURED, udp(lab, "192.0.2.9:53"));
        assertEquals(new Direct(V4), udp(lab, V4));
    }

    @Test
    void listener_for_all_addresses_is_refused_because_its_answers_are_not_accepted(Lab lab) {
        lab.udpProxyAt(Identity.ENVOY, "0.0.0.0:15060", "[::]:15060");
        lab.proxy(15060);
        Outcome outcome = Program.must(7, Program.withPlan(DNS.replace("15053", "15060"), "apply"));
        assertEquals(
                "meshcapture: answers of Envoy's DNS listener 15060 would come from an address that nobody asked;"
                        + " its UDP socket is bound to all addresses and not to 127.0.0.1:15060,"
                        + " and a query to there got no answer from there;"
                        + " have it listen on 127.0.0.1:15060 and [::1]:15060\n",
                outcome.err());
        assertEquals("", lab.nft().list());
    }

    @Test
    void listener_of_somebody_else_is_refused(Lab lab) {
        lab.udpProxyAt(Identity.APPLICATION, "127.0.0.1:15061");
        Outcome outcome = Program.must(7, Program.withPlan(DNS.replace("15053", "15061"), "apply"));
        assertTrue(outcome.err().contains("Envoy's listener 127.0.0.1:15061 (UDP) belongs to uid 1000"), outcome::err);
        assertEquals("", lab.nft().list());
    }

    @Test
    void where_nobody_listens_queries_are_refused_at_once_and_apply_says_so(Lab lab) {
        Outcome outcome = Program.apply(DNS.replace("15053", "15062"));
        assertTrue(
                outcome.err()
                        .contains("nobody listens on 127.0.0.1:15062 (UDP), 127.0.0.1:15062 (TCP), [::1]:15062 (UDP),"
                                + " [::1]:15062 (TCP), so captured connections fail"),
                outcome::err);
        for (String server : SERVERS) {
            assertEquals(new Refused(), udp(lab, server));
            assertEquals(new Refused(), lab.caller().connect(server));
        }
    }

    @Test
    @InNetns(families = Families.IPV4_ONLY)
    void host_without_ipv6_captures_dns_over_ipv4(Lab lab) {
        Outcome outcome = Program.apply(DNS);
        assertEquals("", outcome.err());
        assertEquals(CAPTURED, udp(lab, V4));
        Program.must(0, Program.check(DNS));
    }

    @Test
    void six_servers_are_captured_and_one_with_an_interface_is_left_alone_and_said(Lab lab) {
        lab.file("/etc/resolv.conf", """
                nameserver 10.99.0.1
                nameserver fe80::1%eth0
                nameserver 10.99.0.3
                nameserver 10.99.0.4
                nameserver 10.99.0.5
                nameserver fd99::1
                nameserver 192.0.2.9
                """);
        Outcome outcome = Program.apply(DNS);
        assertTrue(outcome.err().contains("DNS to fe80::1%eth0 of /etc/resolv.conf is left alone"), outcome::err);
        for (String each : List.of(V4, V6, "10.99.0.4:53", "192.0.2.9:53")) {
            assertEquals(CAPTURED, udp(lab, each));
        }
        assertEquals(new Refused(), udp(lab, "[fe80::1%eth0]:53"), "nobody is there");
    }

    @Test
    void resolv_conf_without_servers_is_refused(Lab lab) {
        for (String text : List.of("", "search example.org\n", "nameserver\n", "# nameserver 10.99.0.1\n")) {
            lab.file("/etc/resolv.conf", text);
            Outcome outcome = Program.must(7, Program.withPlan(DNS, "apply"));
            assertEquals(
                    "meshcapture: /etc/resolv.conf names no DNS server that could be captured;"
                            + " it has no line that begins with nameserver;"
                            + " name the servers with dns.servers, or write any\n",
                    outcome.err());
        }
        lab.file("/etc/resolv.conf", "nameserver fe80::1%eth0\n");
        assertTrue(Program.must(7, Program.withPlan(DNS, "apply")).err().contains("it names only fe80::1%eth0"));
        assertEquals("", lab.nft().list());
    }

    @Test
    void explanation_is_what_the_kernel_does(Lab lab) {
        lab.server(80);
        lab.server(22);
        List<String> plans = List.of(
                "",
                "dns: {servers: any}\n",
                "dns: {servers: any}\nudp443: reject\n",
                "dns: {servers: [192.0.2.9, \"fd99::1\"]}\nipv6: reject\n",
                "dns: {servers: any}\nipv6: bypass\n",
                "dns: {servers: 192.0.2.9}\nexcept: [\"192.0.2.9\"]\nservices: {any: {except: [\":22\"]}}\n");
        int captured = 0;
        for (String more : plans) {
            Program.apply(DNS + more);
            Program.must(0, Program.check(DNS + more));
            for (String destination :
                    List.of(V4, V6, "192.0.2.9:53", "10.99.0.1:5353", "10.99.0.1:80", "10.99.0.1:22")) {
                for (int uid : new int[] {1000, 1337}) {
                    for (boolean udp : new boolean[] {true, false}) {
                        boolean nobody = udp
                                ? destination.endsWith(":80") || destination.endsWith(":22")
                                : destination.endsWith(":5353");
                        if (nobody) {
                            continue;
                        }
                        Caller caller = lab.caller().uid(uid);
                        Verdict kernel = udp ? caller.udp(destination) : caller.connect(destination);
                        for (String live : new String[] {"--udp", "--live"}) {
                            assertEquals(
                                    kernel,
                                    explained(DNS + more, destination, uid, udp, live.equals("--live")),
                                    () -> more + destination + " " + uid + " " + udp + " " + live);
                        }
                        captured += kernel instanceof Proxied ? 1 : 0;
                    }
                }
            }
        }
        assertTrue(captured > 20, "captured " + captured);
    }

    @Test
    void interfaces_that_are_left_alone_and_inbound_capture_go_with_it(Lab lab) {
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        String inbound =
                "version: 1\nenvoy: {user: 1337, group: 1338, dns: 15053, inbound: 15006}\ndns: {servers: any}\n";
        Program.apply(inbound);
        Program.must(0, Program.check(inbound));
        assertEquals(CAPTURED, udp(lab, V4));
        assertEquals(new Direct(V4), lab.caller().as(Identity.ENVOY).udp(V4));
        assertEquals(new Direct(V4), lab.caller().gid(1338).udp(V4));
        assertTrue(Program.run("status").out().contains("\nDNS: to Envoy's listener 15053; "));
        String excepted = inbound + "interfaces: {except: [eth0]}\n";
        Program.apply(excepted);
        Program.must(0, Program.check(excepted));
        lab.nft().apply("""
                table ip theirs {
                  chain out { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }
                }
                """);
        assertEquals(new Direct(V4), udp(lab, V4), "in no zone, so that the answer finds its way back");
        assertEquals(CAPTURED, udp(lab, "127.0.0.53:53"));
    }

    @Test
    void servers_that_cannot_be_captured_and_ports_that_are_taken_are_refused_with_the_plan(Lab lab) {
        Outcome outcome = Program.must(2, Program.withPlan("""
                        version: 1
                        envoy: {user: 1337, dns: 15001}
                        dns: {servers: ["fe80::1", 224.0.0.251, 0.0.0.0, "fe80::1%eth0"]}
                        """, "apply"));
        for (String said : List.of(
                "port \"15001\" of envoy.dns is the port of envoy.outbound too",
                "\"fe80::1\" in dns.servers is link-local, which means nothing without its interface,"
                        + " and DNS to it is never captured; standard input:3:",
                "\"224.0.0.251\" in dns.servers is a multicast address",
                "\"0.0.0.0\" in dns.servers is the address of all zeros",
                "address \"fe80::1%eth0\" has a zone")) {
            assertTrue(outcome.err().contains(said), outcome::err);
        }
        assertEquals("", lab.nft().list());
    }

    @Tag("nftables")
    @Test
    void what_a_rollback_left_that_was_killed_while_it_waited_is_mended_by_the_next_command(Lab lab) {
        for (String plan : List.of(DNS, DNS_AND_ORDERS)) {
            for (boolean again : new boolean[] {true, false}) {
                Program.apply(plan);
                Conversation resolver = lab.caller().openUdp(V4);
                assertEquals(CAPTURED, resolver.ask());
                try (NftablesBackend backend = NftablesBackend.open()) {
                    backend.commit(backend.removalOfAll(backend.live())); // what it does before it waits
                }
                assertEquals(new Direct(V4), resolver.ask());
                assertEquals(3, Program.check(plan).exit());
                if (again) {
                    Program.apply(plan);
                    assertEquals(CAPTURED, resolver.ask());
                    Program.must(0, Program.check(plan));
                }
                Program.rollback("--all");
                assertEquals(new Direct(V4), resolver.ask());
                assertEquals("", lab.nft().list());
            }
        }
    }

    private static Verdict explained(String plan, String destination, int uid, boolean udp, boolean live) {
        List<String> args = new ArrayList<>(List.of(destination, "--from-user=" + uid, "--from-group=" + uid));
        if (udp) {
            args.add("--udp");
        }
        if (live) {
            args.add("--live");
        }
        String text = Program.must(0, Program.withPlan(plan, "explain", args.toArray(String[]::new)))
                .out();
        String last = text.lines().reduce("", (_, line) -> line);
        if (last.startsWith("captured: to Envoy's listener ")) {
            int port = Integer.parseInt(last.replaceAll("[^0-9]", ""));
            return udp ? new Proxied(port) : new Proxied(port, destination);
        }
        if (last.startsWith("rejected")) {
            return udp ? new NotPermitted() : new Refused();
        }
        return new Direct(destination);
    }
}
