package io.meshcapture.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.endtoend.Playground.Destination;
import io.meshcapture.endtoend.Playground.Family;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A client that speaks QUIC leaves the mesh, or is made to fall back to TCP, which does not. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class QuicIT {
    private static final Destination IPV4 = new Destination("10.99.0.1", "10.99.0.2", "127.0.0.1");
    private static final Destination IPV6 = new Destination("[fd99::1]", "[fd99::2]", "[::1]");
    private static final Pattern FAILED = Pattern.compile("HTTP/3 failed after ([0-9.]+) s: .*");

    @AutoClose
    private final Playground playground = Playground.open();

    @BeforeAll
    void startServer() {
        playground.startQuic();
        playground.name(host(Family.IPV4), IPV4);
        playground.name(host(Family.IPV6), IPV6);
    }

    @BeforeEach
    void captureNothing() {
        playground.releaseAll();
    }

    @ParameterizedTest
    @EnumSource(Family.class)
    void goesOnWhereItIsBypassedAndFallsBackToTcpThroughEnvoyWhereItIsRejected(Family family) {
        Destination destination = family == Family.IPV4 ? IPV4 : IPV6;
        try (Program longLived = client("orders", family);
                Program others = client("ledger", family)) {
            assertSpeaksQuic(longLived, family);
            assertSpeaksQuic(others, family);

            apply("bypass");
            assertSpeaksQuic(longLived, family);
            assertSpeaksQuicAnew(family);

            apply("reject");
            assertFallsBack(longLived, family);
            assertFallsBack(longLived, family);
            try (Program fresh = client("orders", family)) {
                assertFallsBack(fresh, family);
            }
            assertSpeaksQuic(others, family);
            String line = playground.awaitEnvoySaid(destination, 3).getLast();
            assertTrue(
                    line.startsWith("listener " + destination.loopback() + ":15001: " + destination.source())
                            && line.contains("asked for " + destination.address() + ":443, went to "
                                    + destination.address() + ":443 (TCP, TLS name " + host(family)),
                    line);

            apply("bypass");
            assertSpeaksQuic(longLived, family);
            apply("reject");
            assertFallsBack(longLived, family);

            playground.meshcapture("rollback", "--all", "--drain", "0").orFail();
            assertSpeaksQuic(longLived, family);
            assertSpeaksQuicAnew(family);
            assertSpeaksQuic(others, family);
            assertEquals("", longLived.end().err());
        }
    }

    private void apply(String udp443) {
        playground.plan("""
                version: 1
                envoy: {user: envoy, outbound: 15001}
                udp443: %s
                services:
                  orders: {from: {user: orders}}
                """.formatted(udp443));
        playground.meshcapture("apply").orFail();
    }

    private static String host(Family family) {
        return family == Family.IPV4 ? "four.secure.test" : "six.secure.test";
    }

    private Program client(String user, Family family) {
        return playground.quic(user, host(family), family == Family.IPV4 ? IPV4 : IPV6);
    }

    private void assertSpeaksQuicAnew(Family family) {
        try (Program fresh = client("orders", family)) {
            assertSpeaksQuic(fresh, family);
        }
    }

    private static void assertSpeaksQuic(Program client, Family family) {
        client.send("/page");
        assertEquals("you asked for " + host(family) + "/page, HTTP/3, directly", client.nextLine());
    }

    /** Within a second it notices, and not by a timeout of its own. */
    private static void assertFallsBack(Program client, Family family) {
        client.send("/page");
        String failed = client.nextLine();
        Matcher time = FAILED.matcher(failed);
        assertTrue(time.matches(), failed);
        assertTrue(Double.parseDouble(time.group(1)) < 1, failed);
        assertTrue(client.nextLine().endsWith("/page, HTTP/1.1, in TLS for " + host(family)), "it asks again over TCP");
    }
}
