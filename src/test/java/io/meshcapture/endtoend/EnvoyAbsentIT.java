package io.meshcapture.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.endtoend.Playground.Destination;
import io.meshcapture.endtoend.Playground.Family;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Envoy is not there, or not wholly: captured services fail closed, and whoever applies is told. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class EnvoyAbsentIT {
    private static final int CURL_COULD_NOT_CONNECT = 7;

    /** Far less than the ten seconds that clients wait for an answer, far more than a loaded machine needs for a refusal. */
    private static final Duration QUICK = Duration.ofSeconds(5);

    @AutoClose
    private final Playground playground = Playground.open();

    private boolean runs = true;

    @BeforeEach
    void captureNothingAndStopEnvoy() {
        playground.releaseAll();
        stop();
    }

    @AfterEach
    void stop() {
        if (runs) {
            playground.stopEnvoy();
            runs = false;
        }
    }

    private void start() {
        playground.startEnvoy();
        runs = true;
    }

    /** Starts an Envoy whose listeners have no IPv6 address. */
    private void startForIpv4Only() {
        String configuration = playground
                .meshcapture("envoy-config", "-f", "/run/world/test-env/envoy/plan.yaml", "--ipv6", "bypass")
                .orFail();
        playground.write(
                "/run/envoy/ipv4-only.yaml",
                configuration,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING);
        playground.startEnvoy("/run/envoy/ipv4-only.yaml");
        runs = true;
    }

    @ParameterizedTest
    @EnumSource(Family.class)
    void capturedConnectionsAreRefusedUntilEnvoyListens(Family family) {
        Destination destination = playground.destination(family);
        playground.plan(Playground.BOTH_SERVICES);

        Ending apply = playground.meshcapture("apply");

        assertTrue(apply.orFail().contains("done: 2 services captured"), apply.out());
        assertTrue(
                apply.err()
                        .contains("nobody listens on 127.0.0.1:15001, [::1]:15001, 127.0.0.1:15002, [::1]:15002,"
                                + " so captured connections fail until Envoy does"),
                apply.err());
        Ending refused = playground.curl("orders", destination.url("/"));
        assertEquals(CURL_COULD_NOT_CONNECT, refused.exit(), refused::toString);
        assertTrue(refused.took().compareTo(QUICK) < 0, refused::toString);

        start();
        assertTrue(playground.curl("orders", destination.url("/")).orFail().endsWith("via envoy\n"));
    }

    @Test
    void applyThatWaitedForEnvoyInVainHasAppliedNothing() {
        Destination destination = playground.destination(Family.IPV4);
        playground.plan(Playground.BOTH_SERVICES);

        Ending apply = playground.meshcapture("apply", "--wait-envoy", "1s");

        assertEquals(8, apply.exit(), apply::toString);
        assertTrue(
                apply.err().contains("Envoy did not listen on 127.0.0.1:15001, 127.0.0.1:15002 within 1.0 s"),
                apply.err());
        assertEquals("", playground.run("nft", "list", "tables").orFail());
        assertTrue(playground.curl("orders", destination.url("/")).orFail().endsWith("directly\n"));
    }

    @Test
    void applyWaitsForEnvoyAndCapturesThen() {
        Destination destination = playground.destination(Family.IPV4);
        playground.plan(Playground.BOTH_SERVICES);
        try (Program apply = playground.startMeshcapture("apply", "--wait-envoy", "15s")) {
            assertTrue(playground.curl("orders", destination.url("/")).orFail().endsWith("directly\n"));
            start();

            Ending applied = apply.await();

            assertTrue(applied.orFail().contains("done: 2 services captured, IPv6 captured too\n"), applied.out());
            assertTrue(playground.curl("orders", destination.url("/")).orFail().endsWith("via envoy\n"));
        }
    }

    @Test
    void ipv6IsRejectedWhereEnvoyListensForIpv4OnlySoThatClientsFallBackQuickly() {
        Destination ipv4 = playground.destination(Family.IPV4);
        Destination ipv6 = playground.destination(Family.IPV6);
        playground.name("both.test", ipv4, ipv6);
        startForIpv4Only();
        assertTrue(ask("both.test").orFail().startsWith(ipv6.address()), "IPv6 is preferred before");
        playground.plan(Playground.BOTH_SERVICES);

        Ending apply = playground.meshcapture("apply");

        assertTrue(apply.orFail().contains("done: 2 services captured, IPv6 rejected\n"), apply.out());
        assertTrue(apply.err().contains("IPv6 is rejected, because Envoy listens on 127.0.0.1 only"), apply.err());
        Ending fallenBack = ask("both.test");
        assertTrue(fallenBack.orFail().startsWith(ipv4.address()), fallenBack.out());
        assertTrue(fallenBack.out().endsWith("via envoy\n"), fallenBack.out());
        // curl itself tries IPv4 after 200 ms without an answer; Python only when it is told no
        Ending python = playground.runAs("orders", Playground.get("http://both.test:8080/"));
        assertTrue(python.orFail().startsWith(ipv4.address()), python.out());
        assertTrue(python.took().compareTo(QUICK) < 0, python::toString);
        assertEquals(
                CURL_COULD_NOT_CONNECT, playground.curl("orders", ipv6.url("/")).exit());
    }

    @Test
    void ipv6ThatMustBeCapturedAndCannotIsAConflict() {
        Destination ipv6 = playground.destination(Family.IPV6);
        startForIpv4Only();
        playground.plan("ipv6: capture\n" + Playground.BOTH_SERVICES);

        Ending apply = playground.meshcapture("apply");

        assertEquals(7, apply.exit(), apply::toString);
        assertTrue(apply.err().contains("add [::1] to Envoy's listener"), apply.err());
        assertEquals("", playground.run("nft", "list", "tables").orFail());
        assertTrue(playground.curl("orders", ipv6.url("/")).orFail().endsWith("directly\n"));
    }

    private Ending ask(String name) {
        return playground.curl("orders", "http://" + name + ":8080/");
    }
}
