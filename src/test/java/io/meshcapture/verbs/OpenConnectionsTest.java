package io.meshcapture.verbs;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Port;
import io.meshcapture.system.SocketTable.Open;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class OpenConnectionsTest {
    private static final Address HOST = Address.ipv4(0x0a000001);
    private static final Address UPSTREAM = Address.ipv4(0x0a000002);
    private static final List<Port> LISTENERS = List.of(new Port(15001));

    private static final Open CLIENTS_END = new Open(HOST, 40000, UPSTREAM, 80);
    private static final Open ENVOYS_END = new Open(EnvoyListeners.LOOPBACK_IPV4, 15001, HOST, 40000);

    @Test
    void aCapturedConnectionIsOneOfAClientThatEnvoyHolds() {
        Open envoysOwn = new Open(HOST, 40001, UPSTREAM, 80);

        assertEquals(
                Set.of(ENVOYS_END), OpenConnections.captured(List.of(CLIENTS_END, envoysOwn, ENVOYS_END), LISTENERS));
    }

    @Test
    void whatEnvoyStillHoldsOfAConnectionThatWasCutIsNone() {
        assertEquals(Set.of(), OpenConnections.captured(List.of(ENVOYS_END), LISTENERS));
    }
}
