package io.meshcapture.connections;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.backend.nftables.NftablesBackend;
import io.meshcapture.cli.Main;
import io.meshcapture.lab.Meshcapture;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.rules.Decision;

/** The decision that stands after a plan has been applied, in the namespace of the calling thread. */
final class Standing {
    private Standing() {}

    /** Applies a plan of services for Envoy with uid 1337. */
    static Decision after(String plan) {
        Outcome outcome = Meshcapture.inProcess(Main::run)
                .with("MESHCAPTURE_PLAN_LIMIT", "16MiB")
                .reading("version: 1\nenvoy: {user: 1337}\n" + plan)
                .run("apply", "-f", "-");
        assertEquals(0, outcome.exit(), () -> outcome.err() + outcome.out());
        try (NftablesBackend backend = NftablesBackend.open()) {
            return backend.standing(backend.live());
        }
    }
}
