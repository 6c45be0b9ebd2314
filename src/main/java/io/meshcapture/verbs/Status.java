package io.meshcapture.verbs;

import io.meshcapture.backend.nftables.LiveState;
import io.meshcapture.backend.nftables.NftablesBackend;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads what is captured now. */
public final class Status {

    /**
     * What stands.
     *
     * @param services the services that are captured, in name order
     * @param draining whether a table stands that captures nothing, because captured connections may still be ending
     */
    public record Outcome(List<Captured> services, boolean draining) {}

    /**
     * A service that is captured.
     *
     * @param name its name
     * @param backend how its capture is written
     * @param since when it was applied, or null where the record was damaged
     * @param version of meshcapture that applied it
     * @param captured new connections that were captured or rejected since then
     * @param excepted new connections that its exceptions kept direct
     */
    public record Captured(
            String name, String backend, @Nullable Instant since, String version, long captured, long excepted) {}

    private Status() {}

    public static Outcome run(Place place) throws Exception {
        return place.reading(() -> {
            try (NftablesBackend backend = NftablesBackend.open()) {
                LiveState live = backend.liveWithCounters();
                List<Captured> services = live.services().stream()
                        .map(service -> new Captured(
                                service.name(),
                                "nftables",
                                service.since(),
                                service.version(),
                                service.captured(),
                                service.excepted()))
                        .toList();
                return new Outcome(services, live.isPresent() && services.isEmpty());
            }
        });
    }
}
