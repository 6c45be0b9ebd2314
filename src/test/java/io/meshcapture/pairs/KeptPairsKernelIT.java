package io.meshcapture.pairs;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Pairs that were once explained otherwise than they were: a plan, and the connection in its first line. */
@InNetns
class KeptPairsKernelIT {
    private static final Path KEPT = Path.of("src/test/resources/io/meshcapture/pairs");

    static List<Arguments> kept() throws IOException {
        try (Stream<Path> files = Files.list(KEPT)) {
            return files.sorted()
                    .flatMap(file -> Stream.of("nftables", "iptables-nft", "iptables-legacy")
                            .map(backend -> Arguments.of(file, backend)))
                    .toList();
        }
    }

    @ParameterizedTest
    @MethodSource("kept")
    void is_explained_as_it_is(Path file, String backend, Lab lab) throws IOException {
        String plan = Files.readString(file);
        Attempt attempt = Attempt.parse(plan.lines().findFirst().orElseThrow().substring("# ".length()));
        assertEquals("", Pairs.difference(new World(lab, backend), plan, attempt));
    }
}
