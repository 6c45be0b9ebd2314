package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Cgroup;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Which of several services decides a connection. Each has a listener of its own, by which it is known. */
@InNetns
@Tag("every-backend")
class ServicesKernelIT {
    private static final String SERVER = "10.99.0.1:8080";

    @BeforeEach
    void world(Lab lab) {
        for (int port = 15001; port <= 15005; port++) {
            lab.proxy(port);
        }
        lab.serverOnEveryPort();
    }

    @Tag("control-groups")
    @Test
    void cgroup_is_asked_before_user_before_group_before_anybody_whatever_the_order_of_the_plan(Lab lab) {
        Cgroup cgroup = lab.cgroup("meshcapture-test-a.slice/orders.service");
        Program.apply(ENVOY + """
                services:
                  anybody: {outbound: 15004}
                  group: {from: {group: 2001}, outbound: 15003}
                  user: {from: {user: 1001}, outbound: 15002}
                  cgroup: {from: {cgroup: meshcapture-test-a.slice}, outbound: 15001}
                """);
        var caller = lab.caller().as(new Identity(1001, 2001));
        assertEquals(captured(15001), caller.in(cgroup).connect(SERVER));
        assertEquals(captured(15002), caller.connect(SERVER));
        assertEquals(captured(15003), lab.caller().as(new Identity(1002, 2001)).connect(SERVER));
        assertEquals(captured(15004), lab.caller().as(new Identity(1002, 2002)).connect(SERVER));
        assertEquals(captured(15001), lab.caller().in(cgroup).connect(SERVER));
    }

    @Tag("control-groups")
    @Test
    void unit_is_its_control_group_and_other_units_are_not(Lab lab) {
        Cgroup orders = lab.cgroup("meshcapture-test-b.slice/mct-orders.service");
        Cgroup ledger = lab.cgroup("meshcapture-test-b.slice/mct-ledger.service");
        Cgroup child = lab.cgroup("meshcapture-test-b.slice/mct-orders.service/worker");
        Program.apply(ENVOY + "services: {orders: {from: {unit: mct-orders.service}}}\n");
        assertEquals(captured(15001), lab.caller().in(orders).connect(SERVER));
        assertEquals(captured(15001), lab.caller().in(child).connect(SERVER));
        assertEquals(new Direct(SERVER), lab.caller().in(ledger).connect(SERVER));
        assertEquals(new Direct(SERVER), lab.caller().connect(SERVER));
    }

    @Test
    void within_a_rank_the_plan_decides_by_its_order(Lab lab) {
        Program.apply(ENVOY + """
                services:
                  first: {from: {user: 1001}, to: [10.99.0.0/16], outbound: 15002}
                  second: {from: {user: 1001}, to: [10.0.0.0/8, "192.0.2.0/24:80-90"], outbound: 15003}
                  third: {from: {user: 1001}, outbound: 15004}
                """);
        var caller = lab.caller().uid(1001);
        assertEquals(captured(15002), caller.connect(SERVER));
        assertEquals(new Proxied(15003, "10.98.0.1:8080"), caller.connect("10.98.0.1:8080"));
        assertEquals(new Proxied(15003, "192.0.2.1:90"), caller.connect("192.0.2.1:90"));
        assertEquals(new Proxied(15004, "192.0.2.1:91"), caller.connect("192.0.2.1:91"));
        assertEquals(new Proxied(15004, "[fd99::1]:8080"), caller.connect("[fd99::1]:8080"));
    }

    @Test
    void broader_service_that_stands_first_wins_over_a_narrower_one_in_part(Lab lab) {
        Program.apply(ENVOY + """
                services:
                  wide: {from: {user: 1001}, to: ["10.0.0.0/8:80-8080"], outbound: 15002}
                  narrow: {from: {user: 1001}, to: [10.99.0.1], outbound: 15003}
                """);
        var caller = lab.caller().uid(1001);
        assertEquals(captured(15002), caller.connect(SERVER));
        assertEquals(new Proxied(15003, "10.99.0.1:8081"), caller.connect("10.99.0.1:8081"));
        assertEquals(new Direct("10.98.0.1:8081"), caller.connect("10.98.0.1:8081"));
    }

    @Test
    void service_that_names_the_destination_in_neither_list_passes_the_question_on(Lab lab) {
        Program.apply(ENVOY + """
                services:
                  user: {from: {user: 1001}, to: [192.0.2.0/24], except: ["10.99.0.1:22"], outbound: 15002}
                  group: {from: {group: 2001}, to: [10.99.0.0/24], outbound: 15003}
                  anybody: {except: ["10.99.0.1:8081"], outbound: 15004}
                """);
        var caller = lab.caller().as(new Identity(1001, 2001));
        assertEquals(new Proxied(15002, "192.0.2.1:80"), caller.connect("192.0.2.1:80"));
        assertEquals(captured(15003), caller.connect(SERVER));
        assertEquals(new Direct("10.99.0.1:22"), caller.connect("10.99.0.1:22"));
        assertEquals(new Proxied(15003, "10.99.0.1:8081"), caller.connect("10.99.0.1:8081"));
        assertEquals(new Proxied(15004, "203.0.113.1:80"), caller.connect("203.0.113.1:80"));
        assertEquals(new Direct("10.99.0.1:8081"), lab.caller().uid(1009).connect("10.99.0.1:8081"));
    }

    @Tag("control-groups")
    @Test
    void plans_own_exception_decides_before_every_service(Lab lab) {
        Cgroup cgroup = lab.cgroup("meshcapture-test-c.slice");
        Program.apply(ENVOY + """
                except: ["10.99.0.0/24:8080", "fd99::/64"]
                services:
                  cgroup: {from: {cgroup: meshcapture-test-c.slice}}
                  anybody: {to: [10.99.0.1, "fd99::1", 192.0.2.0/24]}
                """);
        assertEquals(new Direct(SERVER), lab.caller().in(cgroup).connect(SERVER));
        assertEquals(new Direct(SERVER), lab.caller().connect(SERVER));
        assertEquals(new Direct("[fd99::1]:80"), lab.caller().in(cgroup).connect("[fd99::1]:80"));
        assertEquals(new Proxied(15001, "10.99.0.1:80"), lab.caller().connect("10.99.0.1:80"));
    }

    @Tag("control-groups")
    @Test
    void user_and_group_in_one_from_must_both_fit(Lab lab) {
        Cgroup cgroup = lab.cgroup("meshcapture-test-d.slice");
        Program.apply(ENVOY + """
                services:
                  both: {from: {user: [1001, 1002], group: [2001, 2002]}, outbound: 15002}
                  all: {from: {user: 1003, group: 2003, cgroup: meshcapture-test-d.slice}, outbound: 15003}
                """);
        for (int i = 1001; i <= 1002; i++) {
            assertEquals(captured(15002), lab.caller().as(new Identity(i, 2001)).connect(SERVER));
            assertEquals(captured(15002), lab.caller().as(new Identity(i, 2002)).connect(SERVER));
            assertEquals(
                    new Direct(SERVER), lab.caller().as(new Identity(i, 2003)).connect(SERVER));
        }
        assertEquals(
                new Direct(SERVER), lab.caller().as(new Identity(1004, 2001)).connect(SERVER));
        assertEquals(
                captured(15003),
                lab.caller().as(new Identity(1003, 2003)).in(cgroup).connect(SERVER));
        assertEquals(
                new Direct(SERVER), lab.caller().as(new Identity(1003, 2003)).connect(SERVER));
        assertEquals(
                new Direct(SERVER),
                lab.caller().as(new Identity(1003, 2001)).in(cgroup).connect(SERVER));
    }

    @Test
    void service_that_can_never_decide_is_refused_with_both_places(Lab lab) {
        Outcome outcome = Program.must(2, Program.withPlan(ENVOY + """
                                services:
                                  first: {from: {user: 1001}}
                                  hidden: {from: {user: 1001}, to: [10.0.0.0/8]}
                                """, "apply"));
        assertTrue(outcome.err().contains("\"hidden\"") && outcome.err().contains("\"first\""), outcome::err);
        assertTrue(outcome.err().contains("standard input:4:") && outcome.err().contains("standard input:5:"));
        assertEquals("", lab.nft().list());
    }

    private static Verdict captured(int listener) {
        return new Proxied(listener, SERVER);
    }
}
