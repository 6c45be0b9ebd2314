package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Interfaces with a treatment of their own. */
@InNetns
class InterfacesKernelIT {
    private static final String PLAN = """
            version: 1
            envoy: {user: 1337, inbound: 15006}
            services: {any: {}}
            """;

    private static Verdict fromElsewhere(Lab lab, String destination) {
        return lab.inSrv(() -> lab.caller().connect(destination));
    }

    @ParameterizedTest
    @ValueSource(strings = {"eth0", "eth*", "[wg0, eth0]"})
    void traffic_on_an_excepted_interface_is_left_alone_both_ways(String except, Lab lab) {
        lab.proxy(15001);
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        lab.server(8080);
        lab.localServer(9090);
        lab.addGuest();
        String plan = PLAN + "interfaces: {except: " + except + "}\n";
        Program.apply(plan);
        for (String there : List.of("10.99.0.1:8080", "[fd99::1]:8080")) {
            assertEquals(new Direct(there), lab.caller().connect(there));
        }
        for (String own : List.of("10.99.0.2:9090", "[fd99::2]:9090")) {
            assertEquals(new Direct(own), fromElsewhere(lab, own));
        }
        // through the other interface everything is as ever
        assertEquals(new Proxied(15001, "10.98.0.2:8080"), lab.caller().connect("10.98.0.2:8080"));
        assertEquals(
                new Proxied(15006, "10.98.0.1:9090"),
                lab.inGuest(() -> lab.caller().connect("10.98.0.1:9090")));
        assertEquals(0, Program.check(plan).exit());
    }

    @Test
    void explanation_tells_excepted_interfaces_from_the_plan_and_live(Lab lab) {
        lab.proxy(15001);
        lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        String plan = PLAN + "interfaces: {except: [wg0, veth*]}\n";
        Program.apply(plan);
        for (String live : List.of("-v", "--live")) {
            for (String device : List.of("wg0", "veth9")) {
                assertTrue(explained(plan, live, "10.99.0.1:80", "--interface", device)
                        .endsWith("direct\n"));
                assertTrue(explained(plan, live, "10.99.0.2:80", "--inbound", "--interface", device)
                        .endsWith("decides  the plan leaves traffic on these interfaces alone\ndirect\n"));
            }
            assertTrue(
                    explained(plan, live, "10.99.0.1:80", "--interface", "eth0").contains("captured: "));
            assertTrue(explained(plan, live, "10.99.0.2:80", "--inbound").contains("captured: "));
        }
    }

    private static String explained(String plan, String... args) {
        String[] reordered = args.clone();
        Outcome outcome = Program.must(0, Program.withPlan(plan, "explain", reordered));
        return outcome.out();
    }
}
