package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Verdict.Proxied;
import org.junit.jupiter.api.Test;

/** What takes more than one netlink message arrives in the kernel as it was meant. */
@InNetns
class ManyServicesKernelIT {

    /** With these, libnftables 1.0.6 begins a message of its own with the 744th and every 744th thereafter. */
    private static final int SERVICES = 2000;

    private static final int FIRST_USER = 20000;

    private static String plan() {
        StringBuilder text = new StringBuilder("version: 1\nenvoy:\n  user: \"1337\"\n  outbound: 15001\nservices:\n");
        for (int i = 0; i < SERVICES; i++) {
            text.append("  s" + i + ":\n    from: {user: \"" + (FIRST_USER + i) + "\"}\n    to: any\n");
        }
        return text.toString();
    }

    @Test
    void the_service_at_the_seam_of_two_messages_is_captured_like_every_other(Lab lab) {
        lab.proxy(15001);
        assertEquals(
                0, lab.meshcapture().reading(plan()).run("apply", "-f", "-").exit());
        assertEquals(
                "in sync: 2000 services\n",
                lab.meshcapture().reading(plan()).run("check", "-f", "-").out());
        for (int service : new int[] {0, 743, 744, 745, 1488, SERVICES - 1}) {
            assertEquals(
                    new Proxied(15001, "10.99.0.1:8080"),
                    lab.caller()
                            .uid(FIRST_USER + service)
                            .open("10.99.0.1:8080")
                            .verdict());
        }
    }

    @Test
    void a_rendered_ruleset_of_any_size_is_loaded_by_nft_as_it_was_meant(Lab lab) {
        lab.proxy(15001);
        lab.nft()
                .apply(lab.meshcapture()
                        .reading(plan())
                        .run("render", "-f", "-")
                        .out());
        assertEquals(
                "in sync: 2000 services\n",
                lab.meshcapture().reading(plan()).run("check", "-f", "-").out());
    }
}
