package io.meshcapture.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A service is called through Envoy, whoever calls it, and Envoy calls nobody twice. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class InboundIT {
    private static final String PLAN = """
            version: 1
            envoy: {user: envoy, inbound: 15006, admin: 127.0.0.1:9901}
            services:
              orders: {from: {user: orders}}
            inbound: {except: [8081]}
            """;

    /** Envoy knows an application of this host by a name, too, as another service would. */
    private static final String ENVOYS = PLAN.replace("inbound: {except", """
              itself: {hosts: [itself.test], instances: ["10.99.0.2:8080"]}
            inbound: {except""");

    @AutoClose
    private final Playground playground = Playground.open();

    @BeforeAll
    void startEnvoyAndTheApplication() {
        playground.restartEnvoyWith(playground.envoyConfig(ENVOYS));
        for (String port : List.of("8080", "8081")) {
            playground.startAs("orders", List.of("/usr/bin/python3", "-B", "-m", "http.server", port, "--bind", "::"));
            Waiting.until(
                    () -> playground
                                    .run("curl", "-sSf", "-o", "/dev/null", "http://127.0.0.1:" + port)
                                    .exit()
                            == 0,
                    () -> "the application does not listen on " + port);
        }
    }

    @AfterAll
    void stopEnvoy() {
        playground.stopEnvoy();
    }

    @BeforeEach
    void captureInbound() {
        playground.releaseAll();
        playground.plan(PLAN);
        playground.meshcapture("apply").orFail();
    }

    /** What Envoy says from now on, when it has said so many lines and had the time to say more. */
    private List<String> saidSince(int before, int lines) {
        Waiting.until(
                () -> playground.envoySaid().size() >= before + lines,
                () -> playground.envoySaid().toString());
        // a loop would say a thousand lines within a second; another connection ends behind all of these
        playground
                .run("curl", "-sS", "-o", "/dev/null", "http://127.0.0.1:9901/ready")
                .orFail();
        return playground.envoySaid().subList(before, playground.envoySaid().size());
    }

    @ParameterizedTest
    @CsvSource({"10.99.0.2, 10.99.0.1", "[fd99::2], [fd99::1]"})
    void clientFromElsewhereReachesTheServiceThroughEnvoyWithItsOwnAddress(String own, String client) {
        int before = playground.envoySaid().size();

        ask(own + ":8080");

        List<String> said = saidSince(before, 1);
        assertEquals(1, said.size(), said::toString);
        assertTrue(
                said.getFirst().startsWith("listener " + own + ":15006: " + client + ":")
                        && said.getFirst().contains(" asked for " + own + ":8080, went to " + own + ":8080 "),
                said::toString);
        assertEquals(
                "in sync: 1 service and inbound connections\n",
                playground.meshcapture("check").orFail());
    }

    @Test
    void exceptedPortIsReachedDirectlyAndEnvoysAdminInterfaceNotAtAll() {
        int before = playground.envoySaid().size();
        ask("10.99.0.2:8081");
        assertEquals(7, fromElsewhere("10.99.0.2:9901").exit());
        ask("10.99.0.2:8080");
        assertEquals(1, saidSince(before, 1).size());
    }

    @Test
    void serviceThatCallsItselfThroughItsServiceAddressPassesEnvoyOnceOutAndOnceIn() {
        int before = playground.envoySaid().size();

        playground
                .curl("orders", "-o", "/dev/null", "-H", "Host: itself.test", "http://10.96.0.1/")
                .orFail();

        List<String> said = saidSince(before, 2);
        assertEquals(2, said.size(), said::toString);
        assertEquals(
                1,
                said.stream()
                        .filter(line -> line.startsWith("listener 127.0.0.1:15001: "))
                        .count(),
                said::toString);
        assertEquals(
                1,
                said.stream()
                        .filter(line -> line.startsWith("listener 127.0.0.1:15006: "))
                        .count(),
                said::toString);
    }

    private Ending fromElsewhere(String address) {
        return playground.run(
                "ip",
                "netns",
                "exec",
                "upstream",
                "curl",
                "-sSf",
                "--globoff",
                "--max-time",
                "10",
                "-o",
                "/dev/null",
                "http://" + address + "/");
    }

    private void ask(String address) {
        fromElsewhere(address).orFail();
    }
}
