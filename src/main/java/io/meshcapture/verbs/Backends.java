package io.meshcapture.verbs;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.nftables.NftablesBackend;

/** Which backend a verb works with. */
final class Backends {
    private Backends() {}

    /** The one that captures here, or would. */
    static Backend open() {
        return NftablesBackend.open();
    }
}
