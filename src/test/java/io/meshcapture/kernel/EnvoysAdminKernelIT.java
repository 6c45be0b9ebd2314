package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is made of answers that no Envoy that can be had here gives. A server plays its admin interface. */
@InNetns
class EnvoysAdminKernelIT {
    private static final String PLAN = """
            version: 1
            envoy: {user: 1337, admin: 127.0.0.1:9901}
            services: {any: {}}
            """;

    private HttpServer admin;
    private String configDump = "{}";
    private String version = "1.40.0";
    private String state = "LIVE";

    @BeforeEach
    void start(Lab lab) throws IOException {
        lab.proxy(15001);
        admin = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 9901), 0);
        admin.createContext("/", exchange -> {
            String text = switch (exchange.getRequestURI().getPath()) {
                case "/ready" -> state + "\n";
                case "/config_dump" -> configDump;
                default -> "{\"version\": \"0123abc/" + version + "/Clean/RELEASE/BoringSSL\"}";
            };
            exchange.sendResponseHeaders(text.equals("DRAINING\n") ? 503 : 200, 0);
            try (var body = exchange.getResponseBody()) {
                body.write(text.getBytes(StandardCharsets.UTF_8));
            }
        });
        admin.start();
        Program.apply(PLAN);
    }

    @AfterEach
    void stop() {
        admin.stop(0);
    }

    private static String noted() {
        Outcome check = Program.must(0, Program.check(PLAN));
        assertEquals("in sync: 1 service\n", check.out());
        return check.err();
    }

    @Test
    void old_envoy_is_told_by_check_and_doctor_and_a_new_one_by_doctor_alone() {
        assertEquals("", noted());
        version = "1.29.3";
        String old =
                "Envoy 1.29.3 is older than 1.36, the oldest that was tried: it may refuse what envoy-config prints, or"
                        + " not tell what is asked of its admin interface";
        assertEquals(
                "meshcapture: note: " + old + "; update it, or try the configuration with envoy --mode validate\n",
                noted());
        assertTrue(flat(Program.withPlan(PLAN, "doctor")).contains(old));
        version = "1.53.0";
        assertEquals("", noted());
        assertTrue(flat(Program.withPlan(PLAN, "doctor"))
                .contains("Envoy 1.53.0 is newer than 1.40, the newest that was tried"));
    }

    @Test
    void draining_envoy_is_told_by_check_and_doctor() {
        state = "DRAINING";
        String said = "Envoy is not ready, but DRAINING, by its admin interface 127.0.0.1:9901";
        assertEquals("meshcapture: note: " + said + "; wait, or see why in its log\n", noted());
        assertTrue(flat(Program.withPlan(PLAN, "doctor")).contains(said));
    }

    private static String flat(Outcome outcome) {
        return outcome.out().replaceAll("\\s+", " ");
    }

    @Test
    void hundred_megabytes_and_nonsense_instead_of_a_configuration_change_no_verdict() {
        configDump = "{\"configs\": [" + " ".repeat(100 << 20) + "]}";
        assertEquals(
                "meshcapture: note: Envoy could not be asked whether it fits the plan, because the answer at 127.0.0.1:9901"
                        + " has more than 32768 KiB; start Envoy, or correct envoy.admin\n",
                noted());
        configDump = "<html>";
        assertTrue(noted().contains("is not Envoy's; start Envoy"));
    }

    @Test
    void loop_is_told_though_the_rest_of_the_answer_is_of_another_age() {
        configDump = """
                {"configs": [{"cluster": {"name": "c\\u001b[2J", "unheard_of": {"x": [1]}, "load_assignment": {"endpoints": [
                  {"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": "127.66.0.9"}}}}]}]}},
                  "new_field": 7}]}
                """;
        Outcome check = Program.must(3, Program.check(PLAN));
        assertTrue(
                check.out()
                        .startsWith("broken: Envoy's cluster c\\u{1b}[2J has the endpoint 127.66.0.9, an address of"),
                check::out);
        assertFalse(check.err().contains("could not be asked"), check::err);
    }
}
