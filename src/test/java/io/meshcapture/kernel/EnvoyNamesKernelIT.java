package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.RealEnvoy;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict.Direct;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that look a captured name up come to the real Envoy, and through it to an instance, whatever they speak. */
@InNetns
class EnvoyNamesKernelIT {
    private static final String PLAN = """
            version: 1
            envoy: {user: 1337, admin: 127.0.0.1:9901}
            hosts-ports: %s
            services:
              payments: {hosts: [payments.internal, payments], %sinstances: ["10.99.0.1:8080"]}
            """;

    @BeforeEach
    void cover(Lab lab) {
        lab.file("/etc/hosts", "127.0.0.1 localhost\n");
        Run.command("chmod", "644", "/etc/hosts").orFail();
    }

    private static Stream<String> plans() {
        return Stream.of(
                PLAN.formatted("redirect", "ports: {80: 8000, 443: 15001, 5432: 15001}, "),
                PLAN.formatted("redirect", ""),
                PLAN.formatted("listeners", "ports: {80: 8000, 443: 15001, 5432: 15001}, "));
    }

    private static RealEnvoy captured(String plan, Lab lab) {
        RealEnvoy envoy = RealEnvoy.started(
                lab,
                Identity.ENVOY,
                Program.must(0, Program.withPlan(plan, "envoy-config")).out());
        Program.apply(plan, "--state-dir", "/run/state", "--wait-envoy", "10s");
        return envoy;
    }

    private static String address() throws Exception {
        try (Stream<String> lines = Files.lines(Path.of("/etc/hosts"))) {
            return lines.filter(line -> line.startsWith("127.66."))
                    .findFirst()
                    .orElseThrow()
                    .split(" ", 2)[0];
        }
    }

    @ParameterizedTest
    @MethodSource("plans")
    void http_tls_and_any_tcp_reach_an_instance_and_come_from_envoy_once(String plan, Lab lab) throws Exception {
        RealEnvoy envoy = captured(plan, lab);
        String own = address();
        try (Web _ = lab.inSrv(() -> Web.answering("instance", "10.99.0.1", 8080))) {
            assertEquals("instance for payments.internal", Web.ask("http://payments.internal/"));
            assertEquals("instance for payments", Web.ask("http://payments/"));
            envoy.awaitLog("asked for " + own + ":80, went to 10.99.0.1:8080 (HTTP/1.1 GET payments/ answered 200");
            Web.ask("--insecure", "https://payments.internal/");
            envoy.awaitLog("asked for " + own + ":443, went to 10.99.0.1:8080 (TCP, TLS name payments.internal,");
        }
        lab.server(8080);
        assertEquals(new Direct("10.99.0.1:8080"), lab.caller().connect(own + ":5432"));
        envoy.awaitLog("asked for " + own + ":5432, went to 10.99.0.1:8080 (TCP, TLS name -,");
        assertTrue(envoy.log().stream().allMatch(line -> line.endsWith("service payments")), envoy.log()::toString);
    }

    @ParameterizedTest
    @ValueSource(strings = {"redirect", "listeners"})
    void whoever_names_the_service_to_the_egress_listener_reaches_it_too_and_others_get_404(String how, Lab lab)
            throws Exception {
        captured(PLAN.formatted(how, "ports: {80: 8000}, "), lab);
        try (Web _ = lab.inSrv(() -> Web.answering("instance", "10.99.0.1", 8080))) {
            assertEquals(
                    "instance for payments.internal",
                    Web.ask("-H", "Host: payments.internal", "http://127.0.0.1:8000/"));
            assertEquals(
                    "instance for payments.internal",
                    Web.ask("-x", "http://127.0.0.1:8000", "http://payments.internal/"));
            assertEquals(
                    "404",
                    Run.command(
                                    "curl",
                                    "-sS",
                                    "-o",
                                    "/dev/null",
                                    "-w",
                                    "%{http_code}",
                                    "-H",
                                    "Host: nobody",
                                    "http://127.0.0.1:8000/")
                            .orFail());
        }
    }

    /** YAML has more truth values and numbers than meet the eye, and each reader others. */
    @Test
    void names_that_look_like_truth_values_or_numbers_stay_names(Lab lab) throws Exception {
        StringBuilder plan = new StringBuilder("""
                version: 1
                envoy: {user: 1337, admin: 127.0.0.1:9901}
                hosts-ports: redirect
                services:
                """);
        List<String> names =
                List.of("y", "n", "yes", "off", "true", "null", "nan", "inf", "7", "08", "007", "1e3", "0x1p3");
        for (String name : names) {
            plan.append("  \"%s\": {hosts: [\"x.%s.test\"], instances: [\"10.99.0.1:8080\"]}\n".formatted(name, name));
        }
        plan.append("  named: {hosts: [y, n, nan, inf], instances: [\"10.99.0.1:8080\"]}\n");
        RealEnvoy.started(
                lab,
                Identity.ENVOY,
                Program.must(0, Program.withPlan(plan.toString(), "envoy-config"))
                        .out());
        String clusters =
                Run.command("curl", "-sS", "http://127.0.0.1:9901/clusters").orFail();
        for (String name : names) {
            assertTrue(clusters.contains("\n" + name + "::10.99.0.1:8080::"), () -> name + " is not in " + clusters);
        }
        try (Web _ = lab.inSrv(() -> Web.answering("instance", "10.99.0.1", 8080))) {
            for (String name : List.of("y", "n", "nan", "inf", "x.08.test")) {
                assertEquals("instance for " + name, Web.ask("-H", "Host: " + name, "http://127.0.0.1:8000/"));
            }
        }
    }
}
