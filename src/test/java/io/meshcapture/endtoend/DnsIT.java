package io.meshcapture.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Names are looked up as programs do it, by the C library, and a real Envoy answers. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class DnsIT {

    private static final String PLAN = """
            version: 1
            envoy: {user: envoy, dns: 15053, admin: 127.0.0.1:9901}
            dns: {servers: [10.99.0.1, "fd99::1"]}
            services: {}
            """;

    @AutoClose
    private final Playground playground = Playground.open();

    @BeforeAll
    void startEnvoyAndTheNameServer() {
        playground.restartEnvoyWith(configuration());
        playground
                .start(
                        "ip",
                        "netns",
                        "exec",
                        "upstream",
                        "/usr/bin/python3",
                        "-B",
                        "/run/world/test-env/upstream/names.py",
                        "10.99.0.1",
                        "fd99::1")
                .awaitLine(line -> line.equals("ready"));
        playground.plan(PLAN);
    }

    /** What is printed, with a name of Envoy's own where the comment in it says that names go. */
    private String configuration() {
        String printed = playground.envoyConfig(PLAN);
        assertTrue(printed.contains("  virtual_domains: [{ name: payments.mesh, endpoint:"), printed);
        return printed.replace(
                "inline_dns_table: {}",
                "inline_dns_table: {virtual_domains: [{ name: orders.mesh,"
                        + " endpoint: { address_list: { address: [10.96.0.1] } } }]}");
    }

    @AfterAll
    void stopEnvoy() {
        playground.stopEnvoy();
    }

    private void resolvConf(String text) {
        playground.run("sh", "-c", "printf '" + text + "' > /etc/resolv.conf").orFail();
    }

    private String lookUp(String name) {
        Ending ending = playground.runAs("orders", List.of("getent", "ahostsv4", name));
        return ending.exit() == 0 ? ending.out().split(" ", 2)[0] : "unknown";
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.99.0.1", "fd99::1"})
    void envoyAnswersWhatItKnowsAndAsksForTheRestUntilRollback(String server) {
        resolvConf("nameserver " + server + "\\n");
        playground.releaseAll();
        assertEquals("unknown", lookUp("orders.mesh"));
        assertEquals("10.98.0.7", lookUp("shop.upstream.test"));

        assertTrue(playground.meshcapture("apply").orFail().contains("captured: DNS"));
        assertEquals("10.96.0.1", lookUp("orders.mesh"));
        assertEquals("10.98.0.7", lookUp("shop.upstream.test"));
        assertEquals("unknown", lookUp("nobody.elsewhere.test"));
        assertEquals("in sync: DNS\n", playground.meshcapture("check").orFail());

        playground.releaseAll();
        assertEquals("unknown", lookUp("orders.mesh"));
        assertEquals("10.98.0.7", lookUp("shop.upstream.test"));
    }

    @Test
    void aListenerForAllAddressesWillDoSinceEnvoyAnswersFromTheOneThatWasAsked() {
        playground.restartEnvoyWith(configuration()
                .replace("address: 127.0.0.1, port_value: 15053", "address: 0.0.0.0, port_value: 15053")
                .replace("address: '::1', port_value: 15053", "address: '::', port_value: 15053"));
        for (String server : List.of("10.99.0.1", "fd99::1")) {
            resolvConf("nameserver " + server + "\n");
            playground.releaseAll();
            assertTrue(playground.meshcapture("apply").orFail().contains("captured: DNS"));
            assertEquals("10.96.0.1", lookUp("orders.mesh"));
        }
        playground.releaseAll();
        playground.restartEnvoyWith(configuration());
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.99.0.1", "fd99::1"})
    void lookUpsOverTcpPassThroughEnvoyToo(String server) {
        resolvConf("nameserver " + server + "\\noptions use-vc\\n");
        playground.releaseAll();
        playground.meshcapture("apply").orFail();
        long before = passed();
        assertEquals("10.98.0.7", lookUp("shop.upstream.test"));
        assertTrue(passed() > before, "Envoy has passed it on");
    }

    private long passed() {
        String stats = playground
                .run("curl", "-sS", "http://127.0.0.1:9901/stats?filter=tcp.dns_tcp.downstream_cx_total")
                .orFail();
        return Long.parseLong(stats.substring(stats.indexOf(':') + 1).strip());
    }
}
