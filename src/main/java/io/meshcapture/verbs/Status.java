package io.meshcapture.verbs;

import io.meshcapture.backend.nftables.LiveState;
import io.meshcapture.backend.nftables.NftablesBackend;

/** Reads what is captured now. */
public final class Status {
    private Status() {}

    public static LiveState run(Place place) throws Exception {
        return place.reading(() -> {
            try (NftablesBackend backend = NftablesBackend.open()) {
                return backend.liveWithCounters();
            }
        });
    }
}
