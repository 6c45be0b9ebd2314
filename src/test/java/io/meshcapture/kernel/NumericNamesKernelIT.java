package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import org.junit.jupiter.api.Test;

/** A number in a plan is a number, whatever the users of the host are called. */
@InNetns
class NumericNamesKernelIT {

    private static final String PLAN = """
            version: 1
            envoy: {user: "1337", outbound: 15001}
            services:
              orders: {from: {user: "2001"}, to: any}
              ledger: {from: {user: shop}, to: any}
            """;

    @Test
    void a_user_whose_name_is_another_users_number_is_not_captured_in_its_place(Lab lab) {
        lab.file("/etc/passwd", """
                root:x:0:0::/root:/bin/sh
                2001:x:2002:2002::/nonexistent:/bin/false
                shop:x:2003:2003::/nonexistent:/bin/false
                """);
        lab.proxy(15001);
        lab.server(8080);
        assertEquals(0, lab.meshcapture().reading(PLAN).run("apply", "-f", "-").exit());
        assertEquals(
                "in sync: 2 services\n",
                lab.meshcapture().reading(PLAN).run("check", "-f", "-").out());
        assertEquals(new Proxied(15001, "10.99.0.1:8080"), verdict(lab, 2001));
        assertEquals(new Direct("10.99.0.1:8080"), verdict(lab, 2002));
        assertEquals(new Proxied(15001, "10.99.0.1:8080"), verdict(lab, 2003));
    }

    private static Verdict verdict(Lab lab, int user) {
        return lab.caller().uid(user).open("10.99.0.1:8080").verdict();
    }
}
