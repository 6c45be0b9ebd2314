package io.meshcapture.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.meshcapture.plan.Network;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.Rank;
import io.meshcapture.plan.ServiceName;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ServiceRulesTest {

    private static final Port LISTENER = new Port(15001);

    private final Entry near = entry("10.1.0.0/16", LISTENER, "near");
    private final Entry far = entry("10.2.0.0/16", LISTENER, "far");

    @Test
    void the_digest_does_not_depend_on_the_order_of_destinations_nor_on_how_they_were_said() {
        Entry saidOtherwise = entry("10.1.0.0/16", LISTENER, "10.1.2.3/16");
        assertEquals(
                rules(List.of(), List.of(near, far)).digest(),
                rules(List.of(), List.of(far, saidOtherwise)).digest());
    }

    @Test
    void the_digest_tells_another_destination_listener_or_outcome() {
        String digest = rules(List.of(), List.of(near)).digest();
        assertNotEquals(digest, rules(List.of(), List.of(far)).digest());
        assertNotEquals(digest, rules(List.of(), List.of(near, far)).digest());
        assertNotEquals(
                digest,
                rules(List.of(), List.of(entry("10.1.0.0/16", new Port(15002), "near")))
                        .digest());
        Entry excepted = entry("10.1.0.0/16", null, "near");
        assertNotEquals(digest, rules(List.of(excepted), List.of()).digest());
    }

    private static ServiceRules rules(List<Entry> except, List<Entry> to) {
        return new ServiceRules(new ServiceName("orders"), Rank.USER, except, to, Origin.DEFAULT);
    }

    private static Entry entry(String network, @Nullable Port listener, String said) {
        try {
            return new Entry(
                    new ServiceName("orders"),
                    new CallerKey(null, 1001L, null),
                    Network.parse(network),
                    PortRange.ALL,
                    listener,
                    said);
        } catch (io.meshcapture.plan.BadValue e) {
            throw new IllegalArgumentException(e);
        }
    }
}
