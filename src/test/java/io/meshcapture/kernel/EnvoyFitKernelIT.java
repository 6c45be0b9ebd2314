package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.RealEnvoy;
import io.meshcapture.lab.Verdict.Direct;
import org.junit.jupiter.api.Test;

/** {@code check} tells what of the running Envoy, the real one, does not fit the plan, and what to do about it. */
@InNetns
class EnvoyFitKernelIT {
    private static final String PLAN = """
            version: 1
            envoy: {user: 1337, inbound: 15006, admin: 127.0.0.1:9901}
            services: {any: {}}
            inbound: {except: [7999]}
            """;

    private static String printed(String plan) {
        return Program.must(0, Program.withPlan(plan, "envoy-config")).out();
    }

    /** What is said beside it where captured connections get through. */
    private static String noted(String plan) {
        Program.apply(plan);
        return Program.must(0, Program.check(plan)).err();
    }

    private static String broken(String plan) {
        Program.apply(plan);
        return Program.must(3, Program.check(plan)).out();
    }

    @Test
    void envoy_with_the_printed_configuration_fits(Lab lab) {
        for (String mode : new String[] {"redirect", "tproxy"}) {
            String plan = PLAN.replace("{except:", "{mode: " + mode + ", except:");
            RealEnvoy envoy = RealEnvoy.started(lab, Identity.ENVOY, printed(plan));
            assertEquals("", noted(plan));
            envoy.kill();
        }
    }

    @Test
    void listener_that_does_not_ask_for_the_original_destination_is_named(Lab lab) {
        String without = printed(PLAN)
                .replace("listener.original_dst\n", "listener.local_ratelimit\n")
                .replace(
                        "filters.listener.original_dst.v3.OriginalDst",
                        "filters.listener.http_inspector.v3.HttpInspector");
        RealEnvoy.started(lab, Identity.ENVOY, without);
        String said = broken(PLAN);
        assertTrue(
                said.contains(
                        "broken: Envoy's listener outbound on 127.0.0.1:15001 and [::1]:15001 has no listener filter"
                                + " original_dst, so it cannot know where captured connections wanted to go; add"),
                said);
        assertTrue(said.contains("Envoy's listener inbound on 0.0.0.0:15006 and [::]:15006 has no"), said);
    }

    @Test
    void listener_that_is_not_transparent_is_named_where_the_plan_says_tproxy(Lab lab) {
        String plan = PLAN.replace("{except:", "{mode: tproxy, except:");
        RealEnvoy.started(lab, Identity.ENVOY, printed(PLAN));
        String said = broken(plan);
        String expected =
                "Envoy's listener 15006 is not transparent, so that with inbound.mode: tproxy every client is refused;"
                        + " write transparent: true into it and give Envoy CAP_NET_ADMIN, or write mode: redirect";
        assertTrue(said.contains(expected), said);
        assertTrue(Program.apply(plan).err().contains(expected), "apply says it too");
    }

    @Test
    void cluster_that_looks_a_captured_name_up_is_named_until_it_has_a_dot_at_its_end(Lab lab) {
        lab.file("/etc/hosts", "127.0.0.1 localhost\n");
        lab.file("/etc/resolv.conf", "nameserver 127.0.0.2\n"); // refuses: Envoy waits for an answer before it serves
        String plan = """
                version: 1
                envoy: {user: 1337, admin: 127.0.0.1:9901}
                hosts-ports: redirect
                services:
                  payments: {hosts: [payments.internal], ports: {80: 15001}, instances: ["payments.internal:80"]}
                """;
        String printed = printed(plan);
        assertTrue(printed.contains("address: payments.internal.,"), printed);
        RealEnvoy envoy = RealEnvoy.started(
                lab, Identity.ENVOY, printed.replace("address: payments.internal.,", "address: payments.internal,"));
        String state = "--state-dir=/run/state";
        Program.apply(plan, state);
        String said = Program.must(3, Program.check(plan, state)).out();
        assertTrue(
                said.contains(
                        "broken: Envoy's cluster payments looks payments.internal up, which the hosts file sends to"
                                + " Envoy itself, so that every request goes round in a circle; write it as \"payments.internal.\""),
                said);
        envoy.kill();
        RealEnvoy.started(lab, Identity.ENVOY, printed);
        Program.must(0, Program.check(plan, state));
    }

    @Test
    void port_of_envoy_that_inbound_capture_would_swallow_is_named(Lab lab) {
        String more = printed(PLAN).replace("  listeners:\n", """
                  listeners:
                    - { name: front, address: { socket_address: { address: 0.0.0.0, port_value: 443 } }, filter_chains: [ {
                        filters: [ { name: echo, typed_config: {
                          "@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo } } ] } ] }
                    - { name: excepted, address: { socket_address: { address: 0.0.0.0, port_value: 7999 } }, filter_chains: [ {
                        filters: [ { name: echo, typed_config: {
                          "@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo } } ] } ] }
                """);
        RealEnvoy.started(lab, Identity.ENVOY, more);
        assertEquals(
                "meshcapture: note: inbound capture takes what arrives for Envoy's own port 443;"
                        + " write inbound.except: [envoy], or the ports\n",
                noted(PLAN));
        assertEquals("", noted(PLAN.replace("[7999]", "[envoy]")));
    }

    @Test
    void second_envoy_that_shares_the_listener_is_named_with_its_process(Lab lab) {
        RealEnvoy one = RealEnvoy.started(lab, Identity.ENVOY, printed(PLAN));
        RealEnvoy two = RealEnvoy.started(lab, Identity.ENVOY, printed(PLAN).replace("9901", "9902"));
        String said = noted(PLAN);
        assertTrue(
                said.contains("captured connections to 127.0.0.1 port 15001 are dealt out between several processes"),
                said);
        for (RealEnvoy envoy : new RealEnvoy[] {one, two}) {
            assertTrue(said.contains(" " + envoy.pid() + " (envoy"), said);
        }
        two.kill();
        assertEquals("", noted(PLAN));
    }

    @Test
    void oldest_envoy_fits_too(Lab lab) {
        lab.server(9000);
        RealEnvoy envoy = RealEnvoy.oldestStarted(lab, Identity.ENVOY, printed(PLAN));
        assertEquals("", noted(PLAN));
        assertEquals(new Direct("10.99.0.1:9000"), lab.caller().connect("10.99.0.1:9000"));
        envoy.awaitLog("asked for 10.99.0.1:9000, went to 10.99.0.1:9000");
    }

    @Test
    void dns_listener_at_another_address_than_queries_are_sent_to_is_named(Lab lab) {
        String plan = "version: 1\nenvoy: {user: 1337, dns: 15053, admin: \"127.0.0.1:9901\"}\nservices: {}\n";
        RealEnvoy.started(
                lab,
                Identity.ENVOY,
                printed(plan)
                        .replace(
                                "protocol: UDP, address: 127.0.0.1, port_value: 15053",
                                "protocol: UDP, address: 10.99.0.2, port_value: 15053"));
        String said = broken(plan);
        assertTrue(said.contains("broken: nobody listens on 127.0.0.1:15053 (UDP)"), said);
    }

    @Test
    void envoy_that_cannot_be_asked_or_is_draining_is_told(Lab lab) {
        lab.proxy(15001);
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        assertEquals(
                "meshcapture: note: Envoy could not be asked whether it fits the plan, because nobody answers at 127.0.0.1:9901;"
                        + " start Envoy, or correct envoy.admin\n",
                noted(PLAN));
        String withoutAdmin = PLAN.replace(", admin: 127.0.0.1:9901", "");
        assertFalse(noted(withoutAdmin).contains("asked"));
    }
}
