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

    /** Envoy sees the captured hosts file, by the default nsswitch.conf. */
    private static final LookUps LIKE_US = new LookUps(true, _ -> true, _ -> false);

    private static List<String> loops(String... hosts) {
        return loops(LIKE_US, "", hosts);
    }

    private static List<String> loops(LookUps lookUps, String resolver, String... hosts) {
        return Fit.findings(
                        BY_NAME,
                        List.of(),
                        List.of(new RunningCluster("c", Set.of(hosts), resolver, false)),
                        lookUps,
                        new TreeSet<>())
                .faults();
    }

    @Test
    void cluster_that_looks_up_a_captured_name_goes_round_in_a_circle() {
        for (String name : List.of("payments.internal", "payments")) {
            List<String> findings = loops(name);
            assertEquals(1, findings.size());
            assertTrue(findings.getFirst().startsWith("Envoy's cluster c looks " + name + " up, which the hosts file"));
            assertTrue(findings.getFirst()
                    .contains("write it as \"" + name + ".\", with a dot at the end, which is asked of DNS alone"));
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

    @Test
    void an_nsswitch_of_envoys_own_that_asks_dns_alone_or_a_hosts_file_of_its_own_ends_the_circle() {
        assertEquals(List.of(), loops(new LookUps(false, _ -> true, _ -> false), "", "payments"));
        assertEquals(List.of(), loops(new LookUps(true, _ -> false, _ -> false), "", "payments"));
    }

    @Test
    void hickory_reads_the_file_whatever_nsswitch_and_a_final_dot_say() {
        for (String name : List.of("payments", "payments.")) {
            List<String> findings =
                    loops(new LookUps(false, _ -> true, _ -> false), "envoy.network.dns_resolver.hickory", name);
            assertTrue(findings.getFirst().contains("its resolver envoy.network.dns_resolver.hickory reads that file"));
        }
    }

    @Test
    void a_name_server_that_answers_out_of_the_hosts_file_makes_the_final_dot_useless() {
        List<String> findings = loops(new LookUps(true, _ -> true, "payments"::equals), "", "payments.");
        assertTrue(findings.getFirst().contains("systemd-resolved: ReadEtcHosts=no"), findings.getFirst());
    }
}
