package io.meshcapture.pairs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Explain is what the kernel does. {@code -Dpairs=100000} looks at more, {@code -Dpairs.seed=7} at others;
 * {@code scripts/soak} does both.
 */
@InNetns
class ExplainedPairsKernelIT {
    private static final int PAIRS = Integer.getInteger("pairs", 3000);
    private static final long SEED = Long.getLong("pairs.seed", 20261123);

    static Stream<String> backends() {
        return Stream.of(System.getProperty("pairs.backends", "nftables,iptables-nft,iptables-legacy")
                .split(",", -1));
    }

    @ParameterizedTest
    @MethodSource("backends")
    void every_connection_is_explained_as_it_is(String backend, Lab lab) {
        var pairs = new Pairs(new World(lab, backend), SEED);
        List<String> defects =
                pairs.look(PAIRS).stream().map(Pairs.Defect::kept).toList();
        System.out.println(backend + ", seed " + SEED + ": " + pairs);
        assertEquals(List.of(), defects, () -> backend + ", seed " + SEED + "; keep it as a file");
        for (String outcome : List.of(
                "TCP captured",
                "TCP direct",
                "TCP rejected",
                "UDP captured",
                "UDP direct",
                "UDP rejected",
                "ARRIVING captured",
                "ARRIVING direct",
                "ARRIVING rejected",
                "GUEST_TCP captured",
                "GUEST_TCP direct",
                "GUEST_TCP rejected",
                "GUEST_UDP captured",
                "GUEST_UDP direct",
                "GUEST_UDP rejected")) {
            int count = pairs.outcomes().getOrDefault(outcome, 0);
            assertTrue(count > PAIRS / 1000, () -> outcome + " " + count + " times in " + pairs);
        }
    }
}
