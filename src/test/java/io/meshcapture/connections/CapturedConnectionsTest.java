package io.meshcapture.connections;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.meshcapture.connections.CapturedConnections.Origins;
import io.meshcapture.connections.CapturedConnections.Pair;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Port;
import io.meshcapture.system.SocketTable.Open;
import java.util.List;
import org.junit.jupiter.api.Test;

final class CapturedConnectionsTest {
    private static final Address HOST = Address.ipv4(0x0a000001);
    private static final Address LOOPBACK = Address.ipv4(0x7f000001);
    private static final Address UPSTREAM = Address.ipv4(0x0a000002);
    private static final Address OTHER = Address.ipv4(0x0a000003);
    private static final List<Port> LISTENERS = List.of(new Port(15001));

    private static final Open CLIENTS_END = new Open(HOST, 40000, UPSTREAM, 80);
    private static final Open ENVOYS_END = new Open(LOOPBACK, 15001, HOST, 40000);
    private static final Open SAME_PORT = new Open(HOST, 40000, OTHER, 80);

    private static final Origins CONNTRACK_IS_NOT_ASKED = envoysEnd -> {
        throw new AssertionError(envoysEnd);
    };
    private static final Origins CONNTRACK_FORGOT = _ -> null;

    @Test
    void capturedConnectionIsOneOfAClientThatEnvoyHolds() {
        Open envoysOwn = new Open(HOST, 40001, UPSTREAM, 80);
        Open direct = new Open(LOOPBACK, 15001, LOOPBACK, 40002);

        assertEquals(
                List.of(new Pair(ENVOYS_END, List.of(CLIENTS_END))),
                CapturedConnections.pairs(
                        List.of(CLIENTS_END, envoysOwn, direct, ENVOYS_END), LISTENERS, CONNTRACK_IS_NOT_ASKED));
    }

    @Test
    void whatEnvoyStillHoldsOfAConnectionThatWasCutIsNone() {
        assertEquals(List.of(), CapturedConnections.pairs(List.of(ENVOYS_END), LISTENERS, CONNTRACK_FORGOT));
        assertEquals(List.of(), CapturedConnections.pairs(List.of(ENVOYS_END), LISTENERS, _ -> CLIENTS_END));
    }

    @Test
    void whoSharesItsPortWithTheClientIsToldFromItByConntrack() {
        List<Open> sockets = List.of(SAME_PORT, CLIENTS_END, ENVOYS_END);

        assertEquals(
                List.of(new Pair(ENVOYS_END, List.of(CLIENTS_END))),
                CapturedConnections.pairs(sockets, LISTENERS, _ -> CLIENTS_END));
        assertEquals(
                List.of(new Pair(ENVOYS_END, List.of(SAME_PORT, CLIENTS_END))),
                CapturedConnections.pairs(sockets, LISTENERS, CONNTRACK_FORGOT));
    }

    @Test
    void clientWhosePortNetfilterChangedIsFoundByConntrack() {
        Open other = new Open(LOOPBACK, 15001, HOST, 1234);

        assertEquals(
                List.of(new Pair(ENVOYS_END, List.of(CLIENTS_END)), new Pair(other, List.of(SAME_PORT))),
                CapturedConnections.pairs(
                        List.of(SAME_PORT, CLIENTS_END, ENVOYS_END, other),
                        LISTENERS,
                        end -> end.equals(other) ? SAME_PORT : CLIENTS_END));
    }

    @Test
    void whereEnvoyHoldsNothingNobodyIsAsked() {
        assertEquals(
                List.of(),
                CapturedConnections.pairs(List.of(CLIENTS_END, SAME_PORT), LISTENERS, CONNTRACK_IS_NOT_ASKED));
        assertThrows(
                AssertionError.class,
                () -> CapturedConnections.pairs(List.of(ENVOYS_END), LISTENERS, CONNTRACK_IS_NOT_ASKED));
    }
}
