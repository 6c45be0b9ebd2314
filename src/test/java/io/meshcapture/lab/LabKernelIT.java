package io.meshcapture.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns.Families;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.NotPermitted;
import io.meshcapture.lab.Verdict.Proxied;
import io.meshcapture.lab.Verdict.Refused;
import io.meshcapture.lab.Verdict.TimedOut;
import io.meshcapture.lab.Verdict.Unreachable;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The laboratory measures what hand-written rules do, and its measurements can fail. */
@InNetns
class LabKernelIT {
    private static final Duration SHORT = Duration.ofMillis(300);

    private static String redirecting(String what) {
        return """
            table inet hand {
              chain out {
                type nat hook output priority -100
                oifname lo return
                meta skuid 1337 return
                meta skgid 1338 return
                %s redirect to :15001
              }
            }
            """.formatted(what);
    }

    private static final String REDIRECT_TCP = redirecting("meta l4proto tcp");

    @Test
    void ipv4_connection_lands_on_the_proxy(Lab lab) {
        Standin proxy = lab.proxy(15001);
        lab.nft().apply(REDIRECT_TCP);
        Connection connection = lab.caller().uid(1000).open("10.99.0.1:8080");
        assertEquals(new Proxied(15001, "10.99.0.1:8080"), connection.verdict());
        assertEquals(connection.local(), connection.peerSeen());
        assertEquals(
                List.of(new Standin.Arrival("127.0.0.1:15001", connection.local(), "10.99.0.1:8080")),
                proxy.arrivals());
    }

    @Test
    void ipv6_connection_lands_on_the_proxy(Lab lab) {
        Standin proxy = lab.proxy(15001);
        lab.nft().apply(REDIRECT_TCP);
        Connection connection = lab.caller().uid(1000).open("[2001:db8::7]:8080");
        assertEquals(new Proxied(15001, "[2001:db8::7]:8080"), connection.verdict());
        assertEquals(
                List.of(new Standin.Arrival("[::1]:15001", connection.local(), "[2001:db8::7]:8080")),
                proxy.arrivals());
    }

    @Test
    void v4_mapped_socket_lands_on_the_ipv4_listener(Lab lab) {
        Standin proxy = lab.proxy(15001);
        lab.nft().apply(REDIRECT_TCP);
        assertEquals(
                new Proxied(15001, "10.99.0.1:8080"), lab.caller().v4Mapped().connect("10.99.0.1:8080"));
        assertEquals("127.0.0.1:15001", proxy.arrivals().getFirst().listener());
    }

    @Test
    void connections_of_envoys_user_or_group_go_direct(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
        lab.nft().apply(REDIRECT_TCP);
        assertEquals(new Direct("10.99.0.1:8080"), lab.caller().uid(1337).connect("10.99.0.1:8080"));
        assertEquals(new Direct("[fd99::1]:8080"), lab.caller().uid(1337).connect("[fd99::1]:8080"));
        assertEquals(
                new Direct("10.99.0.1:8080"), lab.caller().uid(1000).gid(1338).connect("10.99.0.1:8080"));
        assertEquals(
                new Proxied(15001, "10.99.0.1:8080"), lab.caller().uid(0).gid(0).connect("10.99.0.1:8080"));
    }

    @Test
    void identity_is_given_back_after_the_socket_is_open(Lab lab) {
        lab.caller().uid(1000).gid(7).connect("10.99.0.1:8080");
        assertEquals(
                "0 0 0",
                Run.command("sh", "-c", "echo $(id -u) $(id -g) $(id -G)")
                        .orFail()
                        .strip());
    }

    @Test
    void only_the_callers_of_a_cgroup_are_redirected(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
        Cgroup orders = lab.cgroup("meshcapture-lab-" + ProcessHandle.current().pid() + ".slice/orders.service");
        lab.nft()
                .apply(redirecting(
                        "socket cgroupv2 level %d \"%s\" meta l4proto tcp".formatted(orders.level(), orders.name())));
        assertEquals(
                new Proxied(15001, "10.99.0.1:8080"), lab.caller().in(orders).connect("10.99.0.1:8080"));
        assertEquals(new Direct("10.99.0.1:8080"), lab.caller().connect("10.99.0.1:8080"));
    }

    @Test
    void socket_bound_to_a_device_times_out_under_redirect(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
        Caller bound = lab.caller().boundToDevice("eth0").within(SHORT);
        assertEquals(new Direct("10.99.0.1:8080"), bound.connect("10.99.0.1:8080"));
        lab.nft().apply(REDIRECT_TCP);
        assertEquals(new TimedOut(), bound.connect("10.99.0.1:8080"));
    }

    @Test
    void source_address_and_port_are_the_callers(Lab lab) {
        lab.proxy(15001);
        lab.nft().apply(REDIRECT_TCP);
        assertEquals(
                "10.99.0.2:4444",
                lab.caller().from("10.99.0.2:4444").open("10.99.0.1:8080").peerSeen());
        assertEquals(
                "[fd99::2]:4444",
                lab.caller().from("[fd99::2]:4444").open("[fd99::1]:8080").peerSeen());
    }

    @Test
    void old_connection_is_reset_by_a_plain_redirect(Lab lab) {
        lab.server(8080);
        Connection old = lab.caller().open("10.99.0.1:8080");
        assertEquals(Echo.ANSWERED, old.echo("before"));
        lab.proxy(15001);
        lab.nft().apply(REDIRECT_TCP);
        assertEquals(Echo.RESET, old.echo("after"));
    }

    @Test
    void old_connection_goes_on_when_conntrack_knew_it(Lab lab) {
        lab.nft()
                .apply(
                        "table inet tracking { chain c { type filter hook output priority 0; ct state new counter; }; }");
        lab.server(8080);
        Connection old = lab.caller().open("10.99.0.1:8080");
        lab.proxy(15001);
        lab.nft().apply(REDIRECT_TCP);
        assertEquals(Echo.ANSWERED, old.echo("after"));
        assertTrue(lab.conntrack().list().contains("dport=8080"));
        lab.conntrack().flush();
        assertEquals("", lab.conntrack().list());
        assertEquals(Echo.RESET, old.echo("conntrack has forgotten it"));
    }

    @Test
    void dead_proxy_refuses_and_closes(Lab lab) {
        Standin proxy = lab.proxy(15001);
        lab.nft().apply(REDIRECT_TCP);
        Connection connection = lab.caller().open("10.99.0.1:8080");
        proxy.stopListening();
        assertEquals(new Refused(), lab.caller().connect("10.99.0.1:8080"));
        assertEquals(Echo.ANSWERED, connection.echo("still here"));
        proxy.close();
        assertEquals(Echo.CLOSED, connection.echo("gone"));
    }

    @Test
    void every_address_and_port_of_the_world_answers(Lab lab) {
        lab.serverOnEveryPort();
        for (String anywhere : List.of("8.8.8.8:443", "10.99.0.1:1", "[2001:db8::7]:65535", "[fd99::1]:22")) {
            assertEquals(new Direct(anywhere), lab.caller().connect(anywhere));
        }
    }

    @Test
    void link_local_addresses_answer(Lab lab) {
        lab.server(8080);
        assertEquals(new Direct("[fe80::1%eth0]:8080"), lab.caller().connect("[fe80::1%eth0]:8080"));
    }

    @Test
    void own_addresses_of_the_machine_answer(Lab lab) {
        lab.localServer(9000);
        for (String own :
                List.of("127.0.0.1:9000", "127.0.0.2:9000", "10.99.0.2:9000", "[::1]:9000", "[fd99::2]:9000")) {
            assertEquals(new Direct(own), lab.caller().connect(own));
            assertEquals(new Refused(), lab.caller().connect(own.replace("9000", "9001")));
        }
    }

    @Test
    void the_world_reaches_a_server_of_the_machine(Lab lab) {
        lab.localServer(9000);
        assertEquals(new Direct("10.99.0.2:9000"), lab.inSrv(() -> lab.caller().connect("10.99.0.2:9000")));
    }

    @Test
    void guest_reaches_the_world_through_the_machine(Lab lab) {
        lab.addGuest();
        lab.server(8080);
        lab.proxyAt(Identity.ENVOY, "10.98.0.1:15001", "[fd98::1]:15001");
        assertEquals(new Direct("8.8.8.8:8080"), lab.inGuest(() -> lab.caller().connect("8.8.8.8:8080")));
        assertEquals(
                new Direct("[2001:db8::7]:8080"), lab.inGuest(() -> lab.caller().connect("[2001:db8::7]:8080")));
        lab.nft().apply("""
                table inet hand {
                  chain arriving {
                    type nat hook prerouting priority -100
                    iifname guest0 meta l4proto tcp redirect to :15001
                  }
                }
                """);
        assertEquals(
                new Proxied(15001, "8.8.8.8:8080"),
                lab.inGuest(() -> lab.caller().connect("8.8.8.8:8080")));
    }

    @Test
    void datagrams_are_answered_by_whom_they_reach(Lab lab) {
        lab.udpProxy(15053);
        lab.udpServerAt("8.8.8.8:53", "[fd99::1]:53");
        assertEquals(new Direct("8.8.8.8:53"), lab.caller().udp("8.8.8.8:53"));
        assertEquals(new Direct("[fd99::1]:53"), lab.caller().udp("[fd99::1]:53"));
        Conversation old = lab.caller().openUdp("8.8.8.8:53");
        assertEquals(new Direct("8.8.8.8:53"), old.ask());
        lab.nft().apply(redirecting("udp dport 53").replace("15001", "15053"));
        assertEquals(new Proxied(15053), lab.caller().udp("8.8.8.8:53"));
        assertEquals(new Proxied(15053), lab.caller().udp("[fd99::1]:53"));
        assertEquals(new Proxied(15053), lab.caller().v4Mapped().udp("8.8.8.8:53"));
        assertEquals(new Direct("8.8.8.8:53"), lab.caller().uid(1337).udp("8.8.8.8:53"));
    }

    @Test
    void failures_have_their_own_verdicts(Lab lab) {
        assertEquals(new Refused(), lab.caller().connect("10.99.0.1:8080"));
        assertEquals(new Refused(), lab.caller().udp("127.0.0.1:53"));
        lab.nft().apply("""
                table inet hand {
                  chain out {
                    type filter hook output priority 0
                    udp dport 443 reject
                    tcp dport 81 drop
                    udp dport 54 drop
                    tcp dport 82 reject with tcp reset
                  }
                }
                """);
        assertEquals(new NotPermitted(), lab.caller().udp("10.99.0.1:443"));
        assertEquals(new NotPermitted(), lab.caller().udp("10.99.0.1:54"));
        assertEquals(new TimedOut(), lab.caller().within(SHORT).connect("10.99.0.1:81"));
        assertEquals(new Refused(), lab.caller().connect("10.99.0.1:82"));
        Run.command("ip", "route", "del", "default").orFail();
        Run.command("ip", "-6", "route", "del", "default").orFail();
        assertEquals(new Unreachable(), lab.caller().connect("8.8.8.8:80"));
        assertEquals(new Unreachable(), lab.caller().connect("[2001:db8::7]:80"));
    }

    @Test
    @InNetns(families = Families.IPV4_ONLY)
    void machine_without_ipv6_has_not_even_its_loopback(Lab lab) {
        lab.server(8080);
        lab.proxy(15001);
        lab.localServer(9000);
        assertEquals("1", lab.sysctl("net.ipv6.conf.lo.disable_ipv6"));
        assertEquals(new Direct("8.8.8.8:8080"), lab.caller().connect("8.8.8.8:8080"));
        assertEquals(new Unreachable(), lab.caller().connect("[fd99::1]:8080"));
        assertEquals(new Unreachable(), lab.caller().connect("[::1]:9000"));
    }

    @Test
    @InNetns(families = Families.IPV6_ONLY)
    void machine_without_ipv4_has_its_loopback_only(Lab lab) {
        lab.server(8080);
        lab.localServer(9000);
        assertEquals(new Direct("[fd99::1]:8080"), lab.caller().connect("[fd99::1]:8080"));
        assertEquals(new Unreachable(), lab.caller().connect("8.8.8.8:8080"));
        assertEquals(new Direct("127.0.0.1:9000"), lab.caller().connect("127.0.0.1:9000"));
    }

    @Test
    void threads_that_a_test_starts_are_in_its_namespace(Lab lab) throws Exception {
        Standin proxy = lab.proxy(15001);
        lab.nft().apply(REDIRECT_TCP);
        Set<Verdict> seen = ConcurrentHashMap.newKeySet();
        List<Thread> clients = IntStream.range(0, 4)
                .mapToObj(client -> Thread.ofPlatform().start(() -> {
                    for (int i = 0; i < 250; i++) {
                        seen.add(lab.caller()
                                .uid(1000 + client)
                                .resettingOnClose()
                                .connect("10.99.0.1:8080"));
                    }
                }))
                .toList();
        for (Thread client : clients) {
            client.join();
        }
        assertEquals(Set.of(new Proxied(15001, "10.99.0.1:8080")), seen);
        assertEquals(1000, proxy.arrivals().size());
    }
}
