package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.RealEnvoy;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code inbound.except: [envoy]}: what Envoy itself serves to others is asked of the real Envoy, and stays direct. */
@InNetns
class EnvoysPortsKernelIT {
    private static final String PLAN = """
            version: 1
            envoy: {user: 1337, inbound: 15006, admin: 127.0.0.1:9901}
            services: {}
            inbound: {except: [envoy, 7999]}
            """;

    /** Serves on port 7000 by itself, beside what the plan says; on 7001 loopback alone, on 7002 not at all. */
    private static String configuration() {
        String printed = Program.must(0, Program.withPlan(PLAN, "envoy-config")).out();
        StringBuilder more = new StringBuilder();
        for (String listener : new String[] {
            "address: 0.0.0.0, port_value: 7000 } }",
            "address: 127.0.0.1, port_value: 7001 } }",
            "address: 0.0.0.0, port_value: 7002 } }, bind_to_port: false"
        }) {
            more.append("    - { name: l")
                    .append(more.length())
                    .append(", address: { socket_address: { ")
                    .append(listener)
                    .append("""
                            , filter_chains: [ { filters: [ { name: echo, typed_config: {
                              "@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo } } ] } ] }
                            """.indent(8).stripTrailing().replaceFirst("^ +", ""))
                    .append('\n');
        }
        return printed.replace("  listeners:\n", "  listeners:\n" + more);
    }

    private static Verdict fromElsewhere(Lab lab, String destination) {
        return lab.inSrv(() -> lab.caller().connect(destination));
    }

    @Test
    void ports_that_envoy_serves_to_others_stay_direct_and_those_of_the_application_are_captured(Lab lab) {
        RealEnvoy envoy = RealEnvoy.started(lab, Identity.ENVOY, configuration());
        for (int port : new int[] {7002, 7003, 7999}) {
            lab.localServer(port);
        }
        Program.apply(PLAN);
        assertEquals(new Direct("10.99.0.2:7003"), fromElsewhere(lab, "10.99.0.2:7003"));
        assertTrue(envoy.awaitLog("asked for 10.99.0.2:7003").getFirst().contains(":15006: "));
        assertEquals(new Direct("10.99.0.2:7002"), fromElsewhere(lab, "10.99.0.2:7002"));
        assertTrue(envoy.awaitLog("asked for 10.99.0.2:7002").getFirst().contains(":15006: "));
        assertEquals(new Direct("10.99.0.2:7999"), fromElsewhere(lab, "10.99.0.2:7999"));
        assertEquals(
                "echo",
                lab.inSrv(() -> Run.command(
                                "bash",
                                "-c",
                                "exec 3<>/dev/tcp/10.99.0.2/7000 && printf 'echo\\n' >&3 && head -n 1 <&3")
                        .orFail()
                        .strip()));
        assertFalse(envoy.log().toString().contains("10.99.0.2:7999"), envoy.log()::toString);
        assertFalse(envoy.log().toString().contains("10.99.0.2:7000"), envoy.log()::toString);
        Program.must(0, Program.check(PLAN));
    }

    @ParameterizedTest
    @CsvSource({"7000, direct", "7001, captured", "7002, captured", "15006, direct", "7999, direct"})
    void explain_says_the_same_from_the_plan_and_from_the_live_state(int port, String outcome, Lab lab) {
        RealEnvoy.started(lab, Identity.ENVOY, configuration());
        Program.apply(PLAN);
        String question = "10.99.0.2:" + port;
        for (Outcome answer : new Outcome[] {
            Program.withPlan(PLAN, "explain", question, "--inbound"),
            Program.run("explain", question, "--inbound", "--live")
        }) {
            String last = Program.must(0, answer)
                    .out()
                    .lines()
                    .reduce((_, line) -> line)
                    .orElse("");
            assertTrue(last.startsWith(outcome), answer::out);
        }
    }

    @Test
    void a_listener_that_envoy_has_since_opened_is_drift_and_apply_mends_it(Lab lab) {
        RealEnvoy first = RealEnvoy.started(lab, Identity.ENVOY, configuration());
        Program.apply(PLAN);
        first.kill();
        RealEnvoy.started(lab, Identity.ENVOY, configuration().replace("port_value: 7000", "port_value: 7010"));
        assertEquals(3, Program.check(PLAN).exit());
        Program.apply(PLAN);
        Program.must(0, Program.check(PLAN));
    }

    @Test
    void without_an_answer_nothing_is_applied_and_the_message_says_what_to_do(Lab lab) {
        for (String command : new String[] {"apply", "render", "explain 10.99.0.2:80 --inbound"}) {
            String[] words = command.split(" ", 2);
            Outcome refused = words.length == 1
                    ? Program.withPlan(PLAN, words[0])
                    : Program.withPlan(PLAN, words[0], words[1].split(" ", -1));
            assertEquals(4, refused.exit(), refused::err);
            assertTrue(
                    refused.err()
                            .contains(
                                    "the ports that Envoy serves (inbound.except: envoy) are not known; nobody answers at"
                                            + " 127.0.0.1:9901; start Envoy first, wait for it with --wait-envoy, correct envoy.admin,"
                                            + " or write the ports"),
                    refused::err);
        }
        assertEquals("", lab.nft().list());
    }

    @Test
    void what_stands_stays_while_envoy_does_not_answer(Lab lab) {
        RealEnvoy envoy = RealEnvoy.started(lab, Identity.ENVOY, configuration());
        Program.apply(PLAN);
        envoy.kill();
        String before = lab.nft().list();
        Outcome check = Program.mustStand(Program.check(PLAN));
        assertTrue(
                check.err().contains("the ports that Envoy serves are taken as they stand, because nobody answers at"),
                check::err);
        Program.apply(PLAN);
        assertEquals(before, lab.nft().list());
    }
}
