package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Ten thousand services and a hundred thousand networks. */
@InNetns
class ScaleKernelIT {
    private static final int SERVICES = 10_000;
    private static final int NETWORKS_EACH = 10;

    @Test
    @Timeout(value = 90, unit = TimeUnit.SECONDS)
    void ten_thousand_services_and_a_hundred_thousand_networks_are_one_apply(Lab lab) {
        lab.proxy(15001);
        lab.serverOnEveryPort();
        Program.apply(Program.ENVOY + "services: {one: {from: {user: 10000}, to: [11.0.0.0/24]}}\n");
        Duration besideOne = connections(lab);

        String plan = plan();
        Outcome applied = Program.must(0, program(plan, "apply"));
        assertTrue(applied.out().contains("done: 10000 services captured"), applied::out);
        // 74 and 91 among them: they stood at the end of a netlink message, where libnftables 1.0.6 damages keys
        for (int service : new int[] {0, 1, 74, 91, 4999, 9999}) {
            int uid = 10_000 + service;
            for (int network : new int[] {0, 4, NETWORKS_EACH - 1}) {
                String inside = address(service, network, 7) + ":443";
                assertEquals(new Proxied(15001, inside), lab.caller().uid(uid).connect(inside));
                assertEquals(new Direct(inside), lab.caller().uid(uid + 1).connect(inside));
            }
            String outside = address((service + 1) % SERVICES, 0, 7) + ":443";
            assertEquals(new Direct(outside), lab.caller().uid(uid).connect(outside));
        }
        assertEquals(
                "in sync: 10000 services\n",
                Program.must(0, program(plan, "check")).out());

        // a chain of rules would cost a thousand times as much; the bound leaves room for a busy machine
        Duration amongMany = connections(lab);
        assertTrue(amongMany.compareTo(besideOne.multipliedBy(5)) < 0, besideOne + " became " + amongMany);

        Program.rollback("--all");
        assertEquals("", lab.nft().list());
    }

    private static Duration connections(Lab lab) {
        var caller = lab.caller().uid(10_000).resettingOnClose();
        long start = System.nanoTime();
        for (int i = 0; i < 300; i++) {
            assertEquals(new Proxied(15001, "11.0.0.7:443"), caller.connect("11.0.0.7:443"));
        }
        return Duration.ofNanos(System.nanoTime() - start);
    }

    private static Outcome program(String plan, String command) {
        Meshcapture program = Program.with("MESHCAPTURE_PLAN_LIMIT", "16MiB").reading(plan);
        return program.run(command, "-f", "-");
    }

    private static String plan() {
        var plan = new StringBuilder(Program.ENVOY).append("services:\n");
        for (int i = 0; i < SERVICES; i++) {
            plan.append("  s")
                    .append(i)
                    .append(": {from: {user: ")
                    .append(10_000 + i)
                    .append("}, to: [");
            for (int k = 0; k < NETWORKS_EACH; k++) {
                plan.append(k == 0 ? "" : ", ").append(address(i, k, 0)).append("/24");
            }
            plan.append("]}\n");
        }
        return plan.toString();
    }

    /** Network number {@code 10 * service + network} of 11.0.0.0/8 and on, each a /24. */
    private static String address(int service, int network, int host) {
        int number = service * NETWORKS_EACH + network;
        return (11 + number / 65536) + "." + number / 256 % 256 + "." + number % 256 + "." + host;
    }
}
