package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.RealEnvoy;
import org.junit.jupiter.api.Test;

/** An Envoy that the plan does not know by its user would be sent to itself. */
@InNetns
class EnvoyOwnerKernelIT {
    private static final Identity ROOT = new Identity(0, 1337);

    @Test
    void listener_of_another_user_is_refused_and_nothing_is_changed(Lab lab) {
        lab.proxyAt(ROOT, "127.0.0.1:15001", "[::1]:15001");
        Outcome outcome = Program.must(7, Program.withPlan(ANY, "apply"));
        assertTrue(
                outcome.err().contains("Envoy's listener 127.0.0.1:15001, [::1]:15001 belongs to uid 0, process "),
                outcome::err);
        assertTrue(outcome.err().contains("the plan's envoy.user is 1337"), outcome::err);
        assertEquals("", lab.nft().list());
    }

    /** A process tells a group, no socket does. */
    @Test
    void envoys_group_is_enough_whatever_its_user_and_neither_is_refused(Lab lab) {
        String plan = """
                version: 1
                envoy: {user: 101, group: 1337, admin: 127.0.0.1:9901}
                services: {any: {}}
                """;
        RealEnvoy.started(
                lab,
                ROOT,
                Program.must(0, Program.withPlan(plan, "envoy-config")).out());
        Outcome stranger = Program.must(7, Program.withPlan(plan.replace("group: 1337", "group: 102"), "apply"));
        assertTrue(stranger.err().contains("and the plan's envoy.user is 101 and envoy.group is 102"), stranger::err);
        assertTrue(stranger.err().contains("correct envoy.user or envoy.group, or end"), stranger::err);
        Program.apply(plan);
    }

    @Test
    void listener_of_one_service_that_a_stranger_has_is_no_fault_of_another(Lab lab) {
        String plan = """
                version: 1
                envoy: {user: 1337}
                services:
                  orders: {from: {user: 1001}}
                  ledger: {from: {user: 1002}, outbound: 15002}
                """;
        Program.apply(plan);
        lab.proxy(15001);
        lab.proxyAt(ROOT, "127.0.0.1:15002", "[::1]:15002");
        Program.must(0, Program.check(plan, "orders"));
        Outcome ledger = Program.must(3, Program.check(plan, "ledger"));
        assertTrue(ledger.out().contains("127.0.0.1:15002, [::1]:15002 belongs to uid 0"), ledger::out);
        Program.must(3, Program.check(plan));
    }

    @Test
    void check_says_so_where_the_owner_changed_afterwards(Lab lab) {
        Program.apply(ANY);
        lab.proxyAt(ROOT, "127.0.0.1:15001", "[::1]:15001");
        Outcome outcome = Program.must(3, Program.check(ANY));
        assertTrue(outcome.out().contains("127.0.0.1:15001, [::1]:15001 belongs to uid 0"), outcome::out);
    }

    @Test
    void stranger_who_listens_for_ipv4_alone_says_nothing_of_what_envoy_takes(Lab lab) {
        Program.apply(ANY);
        lab.proxyAt(ROOT, "127.0.0.1:15001");
        Outcome outcome = Program.must(3, Program.check(ANY));
        assertTrue(
                outcome.out().endsWith("in place, but Envoy does not take it as it should, see above: 1 service\n"),
                outcome::out);
    }
}
