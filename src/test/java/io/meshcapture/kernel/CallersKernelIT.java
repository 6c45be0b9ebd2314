package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Background;
import io.meshcapture.lab.Caller;
import io.meshcapture.lab.Cgroup;
import io.meshcapture.lab.Echo;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Whose connections a service captures, however it names them, while units start, stop and start again. */
@InNetns
@Tag("every-backend")
class CallersKernelIT {
    private static final String SERVER = "10.99.0.1:8080";
    private static final Verdict CAPTURED = new Proxied(15001, SERVER);
    private static final Verdict DIRECT = new Direct(SERVER);

    @BeforeEach
    void world(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
    }

    @Test
    void every_user_of_a_list_and_every_group_of_a_list_is_captured_and_nobody_else(Lab lab) {
        Program.apply(ENVOY + """
                services:
                  users: {from: {user: [1001, 1003]}}
                  groups: {from: {group: [2001, 2003]}}
                """);
        for (Identity one : new Identity[] {
            new Identity(1001, 100), new Identity(1003, 100), new Identity(1002, 2001), new Identity(1002, 2003)
        }) {
            assertEquals(CAPTURED, lab.caller().as(one).connect(SERVER), one.toString());
        }
        assertEquals(DIRECT, lab.caller().as(new Identity(1002, 2002)).connect(SERVER));
    }

    @Tag("control-groups")
    @Test
    void every_unit_and_control_group_of_a_list_is_captured_whatever_its_depth(Lab lab) {
        Cgroup orders = lab.cgroup("mct-list.slice/mct-list-eu.slice/mct-orders.service");
        Cgroup ledger = lab.cgroup("mct-ledger.service");
        Cgroup batch = lab.cgroup("mct-list.slice/batch");
        Cgroup other = lab.cgroup("mct-list.slice/mct-list-eu.slice/mct-other.service");
        Program.apply(ENVOY + """
                services:
                  some:
                    from:
                      unit: [mct-orders.service, mct-ledger.service]
                      cgroup: [/mct-list.slice/batch]
                """);
        for (Cgroup one : new Cgroup[] {orders, ledger, batch}) {
            assertEquals(CAPTURED, lab.caller().in(one).connect(SERVER), one.name());
        }
        assertEquals(DIRECT, lab.caller().in(other).connect(SERVER));
        assertEquals(DIRECT, lab.caller().connect(SERVER));
    }

    @Tag("control-groups")
    @Test
    void unit_that_has_stopped_is_drift_to_check_and_refused_by_apply_which_takes_the_others_by_name(Lab lab) {
        String plan = ENVOY + """
                services:
                  orders: {from: {unit: mct-stopped.service}}
                  ledger: {from: {user: 1001}}
                """;
        try (Cgroup orders = lab.cgroup("mct-stopped.service")) {
            Program.apply(plan);
            assertEquals(CAPTURED, lab.caller().in(orders).connect(SERVER));
        }
        Outcome check = Program.must(3, Program.check(plan));
        assertTrue(check.out().startsWith("""
                        unit mct-stopped.service (service orders)
                          - it is not running: it has no control group
                        """), check::out);
        assertTrue(check.out().contains("drift: 1 difference;"), check::out);
        Program.must(3, Program.check(plan, "orders"));
        Program.must(0, Program.check(plan, "ledger"));

        Outcome apply = Program.must(2, Program.withPlan(plan, "apply"));
        assertTrue(apply.err().contains("unit \"mct-stopped.service\" has no control group"), apply::err);
        assertTrue(apply.err().contains("apply the other services by their names"), apply::err);
        Program.apply(plan, "ledger");
        assertEquals(CAPTURED, lab.caller().uid(1001).connect(SERVER));
    }

    @Tag("control-groups")
    @Test
    void unit_that_was_restarted_is_named_by_check_and_captured_again_by_apply(Lab lab) {
        String plan = ENVOY + "services: {orders: {from: {unit: mct-restarted.service}}}\n";
        try (Cgroup before = lab.cgroup("mct-restarted.service")) {
            Program.apply(plan);
            assertEquals(CAPTURED, lab.caller().in(before).connect(SERVER));
        }
        Cgroup after = lab.cgroup("mct-restarted.service");
        // the kernel goes by the group itself, not by its path
        assertEquals(DIRECT, lab.caller().in(after).connect(SERVER));
        Outcome check = Program.must(3, Program.check(plan));
        assertTrue(
                check.err().contains("service orders: a control group that it was captured by is gone, since its unit"),
                check::err);
        Outcome apply = Program.apply(plan);
        assertTrue(apply.out().startsWith("repaired: "), apply::out);
        assertEquals(CAPTURED, lab.caller().in(after).connect(SERVER));
        assertEquals("", Program.must(0, Program.check(plan)).err());
    }

    @Tag("control-groups")
    @Test
    void unit_among_several_that_has_stopped_leaves_the_others_captured(Lab lab) {
        String plan = ENVOY + "services: {both: {from: {unit: [mct-one.service, mct-two.service]}}}\n";
        Cgroup one = lab.cgroup("mct-one.service");
        try (Cgroup two = lab.cgroup("mct-two.service")) {
            Program.apply(plan);
            assertEquals(CAPTURED, lab.caller().in(two).connect(SERVER));
        }
        Outcome check = Program.must(3, Program.check(plan));
        assertTrue(check.out().contains("unit mct-two.service (service both)"), check::out);
        assertEquals(CAPTURED, lab.caller().in(one).connect(SERVER));
    }

    @Tag("control-groups")
    @Test
    void every_instance_of_a_template_is_captured_and_one_that_comes_or_goes_is_drift(Lab lab) {
        String plan = ENVOY + "services: {orders: {from: {unit: \"mct-orders@*.service\"}}}\n";
        Cgroup eu = lab.cgroup("mct-orders@eu.service");
        Program.must(2, Program.withPlan(plan.replace("orders@", "nobody@"), "apply"));
        try (Cgroup us = lab.cgroup("mct-template.slice/mct-orders@us.service")) {
            Program.apply(plan);
            assertEquals(CAPTURED, lab.caller().in(eu).connect(SERVER));
            assertEquals(CAPTURED, lab.caller().in(us).connect(SERVER));
            Cgroup asia = lab.cgroup("mct-orders@asia.service");
            assertEquals(DIRECT, lab.caller().in(asia).connect(SERVER));
            Outcome check = Program.must(3, Program.check(plan));
            assertTrue(check.out().contains("mct-orders@asia.service"), check::out);
            Program.apply(plan);
            assertEquals(CAPTURED, lab.caller().in(asia).connect(SERVER));
        }
        Outcome check = Program.must(3, Program.check(plan));
        assertTrue(check.err().contains("a control group that it was captured by is gone"), check::err);
        Program.apply(plan);
        Program.must(0, Program.check(plan));
    }

    @Test
    void control_groups_mounted_elsewhere_are_4_and_named(Lab lab) {
        Run.command("mount", "-t", "tmpfs", "none", "/sys/fs/cgroup").orFail();
        String plan = ENVOY + "services: {orders: {from: {unit: orders.service}}}\n";
        Outcome only1 = Program.must(4, Program.withPlan(plan, "apply"));
        assertTrue(only1.err().contains("cgroup v2 is not mounted at /sys/fs/cgroup"), only1::err);
        Run.command("mkdir", "/sys/fs/cgroup/unified").orFail();
        Run.command("mount", "-t", "cgroup2", "none", "/sys/fs/cgroup/unified").orFail();
        for (String command : new String[] {"apply", "check", "render"}) {
            Outcome hybrid = Program.must(4, Program.withPlan(plan, command));
            assertTrue(hybrid.err().contains("callers cannot be told by unit or cgroup here"), hybrid::err);
            assertTrue(
                    hybrid.err()
                            .contains("cgroup v2 is mounted at /sys/fs/cgroup/unified, and libnftables looks for it at"
                                    + " /sys/fs/cgroup"),
                    hybrid::err);
            assertTrue(hybrid.err().contains("name the service's user instead"), hybrid::err);
        }
        assertEquals("", lab.nft().list());
        Program.apply(ANY);
    }

    @Test
    void program_that_became_envoys_user_or_group_is_named_by_apply_and_by_check(Lab lab) {
        // as a daemon does that starts as root: what /proc shows of it belongs to root
        Background user = running(lab, "import os, time; os.setgid(100); os.setuid(1337)");
        Background group = running(lab, "import os, time; os.setgid(2337); os.setuid(1001)");
        Background stranger = running(lab, "import os, time; os.setgid(100); os.setuid(1001)");
        String plan = "version: 1\nenvoy: {user: 1337, group: 2337}\nservices: {any: {}}\n";
        for (Outcome outcome : new Outcome[] {Program.apply(plan), Program.must(0, Program.check(plan))}) {
            assertTrue(outcome.err().contains("2 process(es) run as Envoy's user or group"), outcome::err);
            assertTrue(outcome.err().contains(user.pid() + " (python3)"), outcome::err);
            assertTrue(outcome.err().contains(group.pid() + " (python3)"), outcome::err);
            assertTrue(!outcome.err().contains(stranger.pid() + " (python3)"), outcome::err);
        }
    }

    private static Background running(Lab lab, String program) {
        Background started =
                lab.background("/usr/bin/python3", "-c", program + "; print('up', flush=True); time.sleep(60)");
        started.awaitOutput("up", Duration.ofSeconds(10));
        return started;
    }

    @Test
    void connection_from_a_socket_bound_to_a_device_is_named_by_apply_and_by_check(Lab lab) {
        Caller bound = lab.caller().uid(1001).boundToDevice("eth0").within(Duration.ofMillis(200));
        try (var before = bound.open(SERVER)) {
            assertEquals(DIRECT, before.verdict());
            for (Outcome outcome : new Outcome[] {Program.apply(ANY), Program.must(0, Program.check(ANY))}) {
                assertTrue(
                        outcome.err()
                                .contains("sockets bound to a device (SO_BINDTODEVICE) cannot be captured and time out:"
                                        + " uid 1001 to 10.99.0.1:8080; "),
                        outcome::err);
            }
            assertEquals(Echo.ANSWERED, before.echo("still here"));
            Outcome excepted = Program.apply(ENVOY + "services: {any: {except: [\"10.99.0.1:8080\"]}}\n");
            assertEquals("", excepted.err());
        }
    }
}
