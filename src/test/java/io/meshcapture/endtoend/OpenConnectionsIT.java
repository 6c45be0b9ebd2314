package io.meshcapture.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.endtoend.Playground.Destination;
import io.meshcapture.endtoend.Playground.Family;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is open goes on, whether it was captured or not, while capture begins, changes and ends. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class OpenConnectionsIT {
    /** So many lines at ten a second. */
    private static final int LINES = 30;

    @AutoClose
    private final Playground playground = Playground.open();

    @BeforeEach
    void captureNothing() {
        playground.releaseAll();
    }

    @ParameterizedTest
    @ValueSource(strings = {"--http1.1", "--http2-prior-knowledge"})
    void aCapturedStreamSurvivesReapplyAndChangesOfThePlan(String protocol) {
        Destination destination = playground.destination(Family.IPV4);
        playground.captureBoth();
        try (Program stream = stream(protocol, destination)) {
            assertTrue(stream.nextLine().endsWith("via envoy"));

            playground.meshcapture("apply").orFail();
            stream.nextLine();
            playground.plan("""
                    version: 1
                    envoy: {user: envoy, outbound: 15001}
                    services:
                      orders: {from: {user: orders}, except: ["%s"], outbound: 15002}
                    """.formatted(destination.address()));
            assertTrue(playground.meshcapture("apply").orFail().contains("changed: orders\nreleased: ledger\n"));
            assertTrue(ask(destination).endsWith("directly\n"), "new connections follow the new plan");
            stream.nextLine();
            playground.captureBoth();
            assertTrue(ask(destination).endsWith("via envoy\n"));

            assertWholeStreamThroughEnvoy(stream.await(), destination);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"--http1.1", "--http2-prior-knowledge"})
    void rollbackWaitsForACapturedStreamWhileNewConnectionsAreDirect(String protocol) {
        Destination destination = playground.destination(Family.IPV6);
        playground.captureBoth();
        try (Program stream = stream(protocol, destination)) {
            assertTrue(stream.nextLine().endsWith("via envoy"));

            try (Program rollback = playground.startMeshcapture("rollback", "--all")) {
                Waiting.until(
                        () -> ask(destination).endsWith("directly\n"), () -> "new connections are still captured");
                stream.nextLine();
                Ending streamed = stream.await();
                assertWholeStreamThroughEnvoy(streamed, destination);
                Ending released = rollback.await();
                assertEquals("released: ledger, orders\n", released.orFail());
                assertEquals("", playground.run("nft", "list", "tables").orFail());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Family.class)
    void aCapturedConnectionOfAnyProtocolGoesOnOverEveryChangeUntilItsDrainEnds(Family family) {
        Destination destination = playground.destination(family);
        playground.captureBoth();
        try (Program talk = playground.talk("orders", destination, 9000)) {
            assertGoesOn(talk, destination);
            playground.meshcapture("apply").orFail();
            assertGoesOn(talk, destination);
            playground.plan("""
                    version: 1
                    envoy: {user: envoy, outbound: 15001}
                    services:
                      orders: {from: {user: orders}, except: [192.0.2.0/24], outbound: 15002}
                      ledger: {from: {user: ledger}, outbound: 15002}
                    """);
            playground.meshcapture("apply", "--confirm-within", "60s").orFail();
            assertGoesOn(talk, destination);
            playground.meshcapture("rollback", "--trial").orFail();
            assertGoesOn(talk, destination);
            playground.meshcapture("apply", "--confirm-within", "60s").orFail();
            playground.meshcapture("confirm").orFail();
            assertGoesOn(talk, destination);
            playground.meshcapture("rollback", "ledger").orFail();
            assertGoesOn(talk, destination);

            try (Program rollback = playground.startMeshcapture("rollback", "orders", "--drain", "60s")) {
                Waiting.until(
                        () -> ask(destination).endsWith("directly\n"), () -> "new connections are still captured");
                assertGoesOn(talk, destination);
                assertEquals("", talk.end().err());
                assertEquals("released: orders\n", rollback.await().orFail());
            }
        }
        assertEquals("", playground.run("nft", "list", "tables").orFail());
    }

    @Test
    void rollbackWithoutDrainCuts() {
        Destination destination = playground.destination(Family.IPV4);
        playground.captureBoth();
        try (Program talk = playground.talk("orders", destination, 9000)) {
            assertGoesOn(talk, destination);

            Ending rollback = playground.meshcapture("rollback", "--all", "--drain", "0");

            rollback.orFail();
            assertTrue(rollback.err().contains("1 captured connection did not end"), rollback.err());
            talk.send("are you there?");
            assertEquals("reset", talk.nextLine());
            assertTrue(ask(destination).endsWith("directly\n"));

            // Envoy was told too, so that nobody has to wait for its end
            playground.captureBoth();
            Ending next = playground.meshcapture("rollback", "--all", "--drain", "10s");
            next.orFail();
            assertTrue(next.took().compareTo(Duration.ofSeconds(5)) < 0, next::toString);
            assertEquals("", next.err());
        }
    }

    @ParameterizedTest
    @EnumSource(Family.class)
    void aConnectionOpenBeforeApplyGoesOnAfterBeingIdle(Family family) {
        Destination destination = playground.destination(family);
        long taken = playground.connectionsThatEnvoyTook();
        try (Program talk = playground.talk("orders", destination, 9000)) {
            assertGoesOn(talk, destination);

            playground.captureBoth();
            assertGoesOn(talk, destination);
            playground.meshcapture("apply", "orders").orFail();
            assertGoesOn(talk, destination);
            playground.meshcapture("rollback", "--all").orFail();
            assertGoesOn(talk, destination);

            assertEquals("", talk.end().err());
        }
        assertEquals(taken, playground.connectionsThatEnvoyTook());
    }

    @ParameterizedTest
    @EnumSource(Family.class)
    void aConnectionOpenBeforeApplyGoesOnWhileBusy(Family family) {
        Destination destination = playground.destination(family);
        long taken = playground.connectionsThatEnvoyTook();
        try (Program stream = stream("--http1.1", destination)) {
            stream.nextLine();
            playground.captureBoth();
            stream.nextLine();
            playground.meshcapture("rollback", "--all", "--drain", "0").orFail();
            stream.nextLine();
            playground.captureBoth();

            assertWholeStream(stream.await(), destination, "directly");
        }
        assertEquals(taken, playground.connectionsThatEnvoyTook());
        assertEquals(List.of(), playground.envoySaid(destination));
    }

    @Test
    void noCallPassesEnvoyByAndNoneFailsWhileThePlanChanges() {
        Destination destination = playground.destination(Family.IPV4);
        String other = """
                version: 1
                envoy: {user: envoy, outbound: 15001}
                services:
                  orders: {from: {user: orders}, except: [192.0.2.0/24], outbound: 15002}
                """;
        playground.captureBoth();
        try (Program caller = playground.repeat("orders", destination.url("/"))) {
            for (int change = 0; change < 10; change++) {
                for (int call = 0; call < 4; call++) {
                    caller.nextLine();
                }
                playground.plan(change % 2 == 0 ? other : Playground.BOTH_SERVICES);
                playground.meshcapture("apply").orFail();
            }
            Ending called = caller.end();

            List<String> astray = called.orFail()
                    .lines()
                    .filter(line -> !line.endsWith("/, HTTP/1.1, via envoy"))
                    .toList();
            assertEquals(List.of(), astray);
            long calls = called.out().lines().count();
            List<String> said = playground.awaitEnvoySaid(destination, (int) calls);
            assertEquals(calls, said.size());
            assertTrue(said.stream().anyMatch(line -> line.startsWith("listener 127.0.0.1:15001: ")));
            assertTrue(said.stream().anyMatch(line -> line.startsWith("listener 127.0.0.1:15002: ")));
        }
    }

    private Program stream(String protocol, Destination destination) {
        return playground.startAs(
                "orders", List.of("curl", "-sS", "-N", protocol, destination.url("/stream/" + LINES)));
    }

    private String ask(Destination destination) {
        return playground.curl("orders", destination.url("/")).orFail();
    }

    private static void assertGoesOn(Program talk, Destination destination) {
        talk.send("hello");
        assertEquals(destination.address() + ":9000 heard hello", talk.nextLine());
    }

    private void assertWholeStreamThroughEnvoy(Ending stream, Destination destination) {
        assertWholeStream(stream, destination, "via envoy");
        Waiting.until(
                () -> playground.envoySaid(destination).stream()
                        .anyMatch(line -> line.contains("/stream/" + LINES + " answered 200, flags -")),
                () -> "Envoy has no line of the stream: " + playground.envoySaid(destination));
    }

    private static void assertWholeStream(Ending stream, Destination destination, String how) {
        List<String> lines = stream.orFail().lines().toList();
        List<String> numbers =
                lines.stream().map(line -> line.substring(0, line.indexOf(' '))).toList();
        assertEquals(IntStream.range(0, LINES).mapToObj(Integer::toString).toList(), numbers);
        assertTrue(
                lines.stream().allMatch(line -> line.contains(destination.address()) && line.endsWith(how)),
                stream::out);
    }
}
