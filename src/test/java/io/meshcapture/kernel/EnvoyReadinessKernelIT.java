package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.RealEnvoy;
import io.meshcapture.lab.Run;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code --wait-envoy} believes Envoy only when its admin interface and its listeners say the same. */
@InNetns
class EnvoyReadinessKernelIT {
    private static final String SERVICES = "services: {any: {}}\n";
    private static final String WITH_ADMIN = """
            version: 1
            envoy: {user: 1337, inbound: 15006, admin: 127.0.0.1:9901}
            """ + SERVICES;
    private static final String WITHOUT_ADMIN = """
            version: 1
            envoy: {user: 1337, inbound: 15006}
            """ + SERVICES;

    private static RealEnvoy start(Lab lab) {
        return RealEnvoy.started(
                lab,
                Identity.ENVOY,
                Program.must(0, Program.withPlan(WITH_ADMIN, "envoy-config")).out());
    }

    private static void post(String path) {
        Run.command("curl", "-sS", "-X", "POST", "http://127.0.0.1:9901" + path).orFail();
    }

    private static void assertNotReady(String plan, String because) {
        Outcome refused = Program.must(8, Program.withPlan(plan, "apply", "--wait-envoy", "300ms"));
        assertTrue(refused.err().contains("Envoy " + because), refused::err);
        assertTrue(refused.err().contains("; nothing was applied; start Envoy"), refused::err);
    }

    @ParameterizedTest
    @ValueSource(strings = {WITH_ADMIN, WITHOUT_ADMIN})
    void ready_envoy_is_waited_for_and_then_captured_to(String plan, Lab lab) {
        start(lab);
        Program.apply(plan, "--wait-envoy", "10s");
        Program.must(0, Program.check(plan));
    }

    @Test
    void envoy_that_fails_its_health_check_on_purpose_is_not_ready(Lab lab) {
        start(lab);
        post("/healthcheck/fail");
        assertNotReady(WITH_ADMIN, "was not ready, but DRAINING by its admin interface 127.0.0.1:9901, within 0.3 s");
        post("/healthcheck/ok");
        Program.apply(WITH_ADMIN, "--wait-envoy", "10s");
        assertTrue(lab.nft().ours().contains("any"), "applied at last");
    }

    @ParameterizedTest
    @ValueSource(strings = {WITH_ADMIN, WITHOUT_ADMIN})
    void envoy_whose_listeners_were_drained_is_not_ready_though_it_says_so(String plan, Lab lab) {
        start(lab);
        post("/drain_listeners");
        assertEquals(
                "LIVE",
                Run.command("curl", "-sS", "http://127.0.0.1:9901/ready")
                        .orFail()
                        .strip());
        assertNotReady(plan, "did not listen on 127.0.0.1:15001, 0.0.0.0:15006 within 0.3 s");
        assertEquals("", lab.nft().list());
    }

    @Test
    void listeners_without_the_admin_interface_of_the_plan_are_not_enough(Lab lab) {
        lab.proxy(15001);
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        assertNotReady(
                WITH_ADMIN,
                "could not be asked whether it is ready, because nobody answers at 127.0.0.1:9901, within 0.3 s");
        Program.apply(WITHOUT_ADMIN, "--wait-envoy", "10s");
    }

    @Test
    void somebody_else_at_the_admin_address_is_not_taken_for_envoy(Lab lab) {
        lab.proxy(15001);
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        lab.localServerAt(Identity.APPLICATION, "127.0.0.1:9901");
        assertNotReady(WITH_ADMIN, "could not be asked whether it is ready, because what answers at 127.0.0.1:9901 ");
    }

    /** Its kernel still takes connections into the listeners' backlogs. */
    @Test
    void envoy_that_hangs_is_not_ready_and_not_waited_for_longer_than_asked(Lab lab) {
        RealEnvoy envoy = start(lab);
        Run.command("kill", "-STOP", Long.toString(envoy.pid())).orFail();
        assertNotReady(
                WITH_ADMIN,
                "could not be asked whether it is ready, because there is no whole answer at 127.0.0.1:9901 within 0.5 s,"
                        + " within 0.3 s");
        Run.command("kill", "-CONT", Long.toString(envoy.pid())).orFail();
        Program.apply(WITH_ADMIN, "--wait-envoy", "10s");
    }

    /** The kernel refuses what a firewall rejects, although somebody listens. */
    @Test
    void listener_that_nobody_can_connect_to_is_named(Lab lab) {
        start(lab);
        lab.nft().apply("""
                table inet firewall {
                  chain arriving {
                    type filter hook input priority filter
                    ip6 daddr ::1 tcp dport 15001 reject with tcp reset
                  }
                }
                """);
        assertNotReady(WITH_ADMIN, "did not accept connections to [::1]:15001 within 0.3 s");
    }
}
