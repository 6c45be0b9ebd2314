package io.meshcapture.envoy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.config.Configuration;
import io.meshcapture.config.PlanSource;
import io.meshcapture.plan.Plan;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class FitTest {

    private static final Plan BY_NAME = plan("""
            version: 1
            envoy: {user: 101}
            services:
              payments: {hosts: [payments.internal, payments]}
            """);

    private static Plan plan(String yaml) {
        return Configuration.read(
                        new PlanSource("plan.yaml", yaml.getBytes(StandardCharsets.UTF_8)), Map.of(), Map.of())
                .plan();
    }

    private static List<String> loops(String... hosts) {
        return Fit.findings(BY_NAME, List.of(), List.of(new RunningCluster("c", Set.of(hosts))), new TreeSet<>())
                .faults();
    }

    @Test
    void cluster_that_looks_up_a_captured_name_goes_round_in_a_circle() {
        for (String name : List.of("payments.internal", "payments")) {
            List<String> findings = loops(name);
            assertEquals(1, findings.size());
            assertTrue(findings.getFirst().startsWith("Envoy's cluster c looks " + name + " up, which the hosts file"));
            assertTrue(findings.getFirst()
                    .endsWith("write it as \"" + name + ".\", with a dot at the end, which is asked of DNS alone"));
        }
    }

    @Test
    void cluster_whose_endpoint_is_an_address_of_captured_names_does_too() {
        assertTrue(loops("127.66.3.4")
                .getFirst()
                .contains("has the endpoint 127.66.3.4, an address of services that are"));
    }

    @Test
    void names_with_a_dot_at_the_end_other_names_and_other_addresses_do_not() {
        assertEquals(
                List.of(), loops("payments.internal.", "payments.", "orders.internal", "127.0.0.1", "10.0.0.1", "::1"));
    }
}
