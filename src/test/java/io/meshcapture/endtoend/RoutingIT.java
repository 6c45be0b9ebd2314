package io.meshcapture.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.endtoend.Playground.Destination;
import io.meshcapture.endtoend.Playground.Family;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Each service reaches the listener that the plan gives it, and is captured and released apart from the others. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class RoutingIT {

    @AutoClose
    private final Playground playground = Playground.open();

    @BeforeEach
    void captureNothing() {
        playground.releaseAll();
    }

    @Test
    void oneListenerRoutesByHostWhateverAddressWasAskedFor() {
        Destination destination = playground.destination(Family.IPV4);
        playground.captureBoth();

        String answer = ask("orders", destination, "Host: catalog");

        assertEquals("the new catalog (10.99.0.9:80): you asked for catalog/price, HTTP/1.1, via envoy\n", answer);
        assertEnvoySaid(destination, "listener 127.0.0.1:15001: ", "went to 10.99.0.9:80 ");
    }

    @Test
    void anotherListenerGoesOnToTheOriginalDestinationOfAHostThatItDoesNotKnow() {
        Destination destination = playground.destination(Family.IPV6);
        playground.captureBoth();

        String answer = ask("ledger", destination, "Host: nobody");

        assertEquals(destination.address() + ":8080: you asked for nobody/price, HTTP/1.1, via envoy\n", answer);
        assertEnvoySaid(destination, "listener [::1]:15002: ", "went to " + destination.address() + ":8080 ");
    }

    @Test
    void oneServiceIsReleasedWhileTheOtherStaysCaptured() {
        Destination destination = playground.destination(Family.IPV4);
        playground.captureBoth();
        assertTrue(ask("orders", destination).endsWith("via envoy\n"));
        assertTrue(ask("ledger", destination).endsWith("via envoy\n"));

        Ending rollback = playground.meshcapture("rollback", "orders");

        assertEquals("released: orders\nstill captured: ledger\n", rollback.orFail());
        assertTrue(ask("orders", destination).endsWith("directly\n"));
        assertTrue(ask("ledger", destination).endsWith("via envoy\n"));
        List<String> said = playground.awaitEnvoySaid(destination, 3);
        assertEquals(
                List.of("15001", "15002", "15002"),
                said.stream()
                        .map(line -> line.replaceAll(".*?:(1500.): .*", "$1"))
                        .toList());

        playground.meshcapture("apply", "orders").orFail();
        assertTrue(ask("orders", destination).endsWith("via envoy\n"));
    }

    @Test
    void exceptionsAndOtherUsersStayDirect() {
        Destination captured = playground.destination(Family.IPV4);
        Destination excepted = playground.destination(Family.IPV4);
        Destination others = playground.destination(Family.IPV4);
        playground.plan("""
                version: 1
                envoy: {user: envoy, outbound: 15001}
                services:
                  orders: {from: {user: orders}, except: ["%s:8080"]}
                """.formatted(excepted.address()));
        playground.meshcapture("apply").orFail();

        assertTrue(ask("orders", captured).endsWith("via envoy\n"));
        assertTrue(ask("orders", excepted).endsWith("directly\n"));
        assertTrue(ask("ledger", others).endsWith("directly\n"));
        playground.awaitEnvoySaid(captured, 1);
        assertEquals(List.of(), playground.envoySaid(excepted));
        assertEquals(List.of(), playground.envoySaid(others));
    }

    private String ask(String service, Destination destination, String... headers) {
        String[] arguments = headers.length == 0
                ? new String[] {destination.url("/price")}
                : new String[] {"-H", headers[0], destination.url("/price")};
        return playground.curl(service, arguments).orFail();
    }

    private void assertEnvoySaid(Destination destination, String beginning, String inside) {
        List<String> said = playground.awaitEnvoySaid(destination, 1);
        assertEquals(1, said.size(), said::toString);
        assertTrue(said.getFirst().startsWith(beginning) && said.getFirst().contains(inside), said::toString);
    }
}
