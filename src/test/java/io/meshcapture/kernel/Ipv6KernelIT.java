package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.InNetns.Families;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import io.meshcapture.lab.Verdict.Refused;
import io.meshcapture.lab.Verdict.Unreachable;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What happens to IPv6, and to QUIC. */
@InNetns
@Tag("every-backend")
class Ipv6KernelIT {
    private static final String FOUR = "10.99.0.1:8080";
    private static final String SIX = "[fd99::1]:8080";

    @Test
    void bypass_leaves_ipv6_direct(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
        Outcome outcome = Program.apply(ENVOY + "ipv6: bypass\nservices: {any: {}}\n");
        assertTrue(outcome.out().contains("IPv6 left direct"), outcome::out);
        assertEquals(new Direct(SIX), lab.caller().connect(SIX));
        assertEquals(new Proxied(15001, FOUR), lab.caller().connect(FOUR));
        assertEquals(new Proxied(15001, FOUR), lab.caller().v4Mapped().connect(FOUR));
    }

    @Test
    void reject_refuses_captured_ipv6_at_once_and_leaves_the_rest(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
        lab.server(22);
        Outcome outcome = Program.apply(ENVOY + "ipv6: reject\nservices: {any: {except: [\":22\"]}}\n");
        assertTrue(outcome.out().contains("IPv6 rejected"), outcome::out);
        assertEquals(new Refused(), lab.caller().connect(SIX));
        assertEquals(new Direct("[fd99::1]:22"), lab.caller().connect("[fd99::1]:22"));
        assertEquals(new Direct(SIX), lab.caller().as(Identity.ENVOY).connect(SIX));
        assertEquals(new Proxied(15001, FOUR), lab.caller().connect(FOUR));
        assertEquals(new Proxied(15001, FOUR), lab.caller().v4Mapped().connect(FOUR));
    }

    @Test
    void capture_where_nobody_listens_for_ipv6_is_refused(Lab lab) {
        lab.proxyAt(Identity.ENVOY, "127.0.0.1:15001");
        Outcome outcome = Program.must(7, Program.withPlan(ENVOY + "ipv6: capture\nservices: {any: {}}\n", "apply"));
        assertTrue(outcome.err().contains("IPv6 would be captured and nobody listens there"), outcome::err);
        assertEquals("", lab.nft().list());
    }

    @Test
    void auto_captures_where_envoy_listens_for_it_and_rejects_where_not(Lab lab) {
        lab.server(8080);
        try (var envoy = lab.proxyAt(Identity.ENVOY, "127.0.0.1:15001")) {
            Outcome outcome = Program.apply(ANY);
            assertTrue(outcome.err().contains("IPv6 is rejected, because Envoy listens on 127.0.0.1 only"));
            assertEquals(new Refused(), lab.caller().connect(SIX));
            assertEquals(new Proxied(15001, FOUR), lab.caller().connect(FOUR));
            assertEquals(1, envoy.arrivals().size());
        }
        lab.proxy(15001);
        Program.apply(ANY);
        assertEquals(new Proxied(15001, SIX), lab.caller().connect(SIX));
        assertEquals(0, Program.check(ANY).exit());
    }

    @Test
    void auto_does_not_take_an_envoy_that_is_starting_for_one_without_ipv6(Lab lab) throws Exception {
        lab.proxyAt(Identity.ENVOY, "127.0.0.1:15001");
        Thread later = Thread.ofPlatform().start(() -> {
            LockSupport.parkNanos(300_000_000);
            lab.proxyAt(Identity.ENVOY, "[::1]:15001");
        });
        Program.apply(ANY, "--wait-envoy", "30s");
        later.join();
        assertEquals(new Proxied(15001, SIX), lab.caller().connect(SIX));
    }

    @Tag("nftables")
    @Test
    void auto_keeps_what_stands_while_envoy_is_away(Lab lab) {
        try (var envoy = lab.proxyAt(Identity.ENVOY, "127.0.0.1:15001")) {
            Program.apply(ANY);
            assertEquals(0, envoy.arrivals().size());
        }
        Program.apply(ANY);
        Program.mustStand(Program.check(ANY));
        assertTrue(lab.nft().ours().contains("reject with tcp reset"), lab.nft().ours());
    }

    @Test
    @InNetns(families = Families.IPV4_ONLY)
    void host_without_ipv6_is_captured_without_a_word_of_it(Lab lab) {
        lab.proxy(15001);
        Outcome outcome = Program.apply(ANY);
        assertEquals("", outcome.err());
        assertEquals(new Proxied(15001, FOUR), lab.caller().connect(FOUR));
        assertEquals(0, Program.check(ANY).exit());
    }

    @Test
    @InNetns(families = Families.IPV6_ONLY)
    void host_without_ipv4_is_captured_by_ipv6(Lab lab) {
        lab.proxy(15001);
        Program.apply(ANY);
        assertEquals(new Proxied(15001, SIX), lab.caller().connect(SIX));
        assertEquals(0, Program.check(ANY).exit());
    }

    /** As clients do that know both addresses of a name and try one after the other (RFC 6724, IPv6 first). */
    @ParameterizedTest
    @ValueSource(strings = {"reject", "auto"})
    void client_falls_back_from_rejected_ipv6_within_milliseconds(String ipv6, Lab lab) {
        lab.proxyAt(Identity.ENVOY, "127.0.0.1:15001");
        lab.server(8080);
        Program.apply(ENVOY + "ipv6: " + ipv6 + "\nservices: {any: {}}\n");
        long slowest = 0;
        for (int i = 0; i < 10; i++) {
            long begun = System.nanoTime();
            assertEquals(new Refused(), lab.caller().connect(SIX));
            assertEquals(new Proxied(15001, FOUR), lab.caller().connect(FOUR));
            slowest = Math.max(slowest, System.nanoTime() - begun);
        }
        System.out.println("fallback from rejected IPv6: " + slowest / 1_000 + " us at most");
        // a SYN that is not answered is sent again after a second
        assertTrue(slowest < 500_000_000, () -> "a client took long to fall back");
    }

    @Test
    void service_that_names_ipv6_destinations_only_is_refused_where_ipv6_is_bypassed(Lab lab) {
        String plan = ENVOY + "services: {six: {to: [\"fd99::/64\"]}, any: {from: {user: 1001}}}\n";
        for (String command : new String[] {"apply", "check", "render"}) {
            Outcome outcome = Program.must(2, Program.withPlan(plan, command, "--ipv6", "bypass"));
            assertTrue(outcome.err().contains("services.six.to names IPv6 destinations only"), outcome::err);
            assertEquals(1, outcome.err().lines().count(), outcome::err);
        }
        assertEquals("", lab.nft().list());
        lab.proxy(15001);
        Program.apply(plan);
        assertEquals(new Proxied(15001, SIX), lab.caller().connect(SIX));
    }

    @Test
    void ipv6_that_is_switched_off_by_sysctl_needs_no_listener_and_is_asked_about_again_when_it_is_back(Lab lab) {
        lab.proxyAt(Identity.ENVOY, "127.0.0.1:15001");
        lab.server(8080);
        lab.sysctl("net.ipv6.conf.all.disable_ipv6", "1");
        for (String ipv6 : new String[] {"auto", "capture"}) {
            String plan = ENVOY + "ipv6: " + ipv6 + "\nservices: {any: {}}\n";
            assertEquals("", Program.apply(plan).err());
            assertEquals("", Program.must(0, Program.check(plan)).err());
            assertEquals(new Proxied(15001, FOUR), lab.caller().connect(FOUR));
            assertEquals(new Proxied(15001, FOUR), lab.caller().v4Mapped().connect(FOUR));
            assertTrue(lab.caller().connect(SIX) instanceof Unreachable, "there is no way out by IPv6");
        }

        lab.sysctl("net.ipv6.conf.all.disable_ipv6", "0");
        Run.command("ip", "address", "add", "fd99::2/64", "dev", "eth0", "nodad")
                .orFail();
        assertEquals(new Refused(), lab.caller().connect(SIX));
        Outcome check = Program.must(3, Program.check(ANY));
        assertTrue(check.err().contains("IPv6 is rejected, because Envoy listens on 127.0.0.1 only"), check::err);
        Program.must(7, Program.check(ENVOY + "ipv6: capture\nservices: {any: {}}\n"));
        Program.apply(ANY);
        Program.must(0, Program.check(ANY));
        assertEquals(new Refused(), lab.caller().connect(SIX));
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.99.0.1", "[fd99::1]"})
    void quic_to_captured_destinations_is_refused_at_once_and_other_udp_is_not(String server, Lab lab) {
        lab.proxy(15001);
        lab.udpServerAt(server + ":443", server + ":444", "192.0.2.1:443");
        Program.apply(ENVOY + """
                udp443: reject
                services: {orders: {from: {user: 1001}, except: [192.0.2.0/24]}}
                """);
        var quic = lab.caller().uid(1001).udp(server + ":443");
        assertTrue(
                quic instanceof io.meshcapture.lab.Verdict.NotPermitted || quic.equals(new Refused()), quic::toString);
        assertEquals(new Direct(server + ":444"), lab.caller().uid(1001).udp(server + ":444"));
        assertEquals(new Direct("192.0.2.1:443"), lab.caller().uid(1001).udp("192.0.2.1:443"));
        assertEquals(new Direct(server + ":443"), lab.caller().uid(1002).udp(server + ":443"));
        assertEquals(
                new Direct(server + ":443"), lab.caller().as(Identity.ENVOY).udp(server + ":443"));
        assertEquals(new Proxied(15001, server + ":443"), lab.caller().uid(1001).connect(server + ":443"));
    }
}
