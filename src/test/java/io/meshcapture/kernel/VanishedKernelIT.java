package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the live state names and the host has no longer stands in nobody's way. */
@InNetns
class VanishedKernelIT {

    private static final Path GROUP = Path.of("/sys/fs/cgroup/meshcapture-vanished.slice");

    private static final String PLAN = """
            version: 1
            envoy: {user: 1337}
            services:
              led:
                from: {cgroup: /meshcapture-vanished.slice}
              orders:
                from: {user: 1001}
            """;

    @BeforeEach
    void appliedAndThenStopped(Lab lab) throws IOException {
        lab.proxy(15001);
        lab.server(8080);
        Files.createDirectories(GROUP);
        try {
            Program.apply(PLAN);
        } finally {
            Files.delete(GROUP);
        }
    }

    @Test
    void everything_can_be_released_though_a_captured_unit_has_stopped(Lab lab) {
        Outcome outcome = Program.run("rollback", "--all");
        assertEquals(0, outcome.exit(), outcome.err());
        assertEquals("", lab.nft().ours());
    }

    @Test
    void either_service_can_be_released_and_the_other_stays(Lab lab) {
        assertEquals(0, Program.run("rollback", "led").exit());
        assertEquals(
                new Proxied(15001, "10.99.0.1:8080"), lab.caller().uid(1001).connect("10.99.0.1:8080"));
        assertEquals(0, Program.run("rollback", "orders").exit());
        assertEquals(new Direct("10.99.0.1:8080"), lab.caller().uid(1001).connect("10.99.0.1:8080"));
    }

    @Test
    void apply_repairs_it_when_the_unit_is_back(Lab lab) throws IOException {
        Files.createDirectories(GROUP);
        try {
            assertEquals(3, Program.withPlan(PLAN, "check").exit());
            Outcome again = Program.withPlan(PLAN, "apply");
            assertEquals(0, again.exit(), again.err());
            assertEquals(0, Program.withPlan(PLAN, "check").exit());
        } finally {
            Files.delete(GROUP);
        }
    }

    @Test
    void a_service_whose_record_was_taken_away_is_still_known_by_its_elements(Lab lab) {
        lab.nft().apply("flush set inet meshcapture services");
        Outcome nobody = Program.run("rollback", "nosuch");
        assertEquals(0, nobody.exit(), nobody.err());
        assertEquals(
                new Proxied(15001, "10.99.0.1:8080"), lab.caller().uid(1001).connect("10.99.0.1:8080"));
        assertTrue(Program.run("status").out().contains("orders"));
    }
}
