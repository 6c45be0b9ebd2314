package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
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

    @Test
    void envoys_group_is_enough_whatever_its_user(Lab lab) {
        lab.proxyAt(ROOT, "127.0.0.1:15001", "[::1]:15001");
        Program.apply("version: 1\nenvoy: {user: 1337, group: 1337}\nservices: {any: {}}\n");
    }

    @Test
    void check_says_so_where_the_owner_changed_afterwards(Lab lab) {
        Program.apply(ANY);
        lab.proxyAt(ROOT, "127.0.0.1:15001", "[::1]:15001");
        Outcome outcome = Program.must(3, Program.check(ANY));
        assertTrue(outcome.out().contains("127.0.0.1:15001, [::1]:15001 belongs to uid 0"), outcome::out);
    }
}
