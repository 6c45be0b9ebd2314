package io.meshcapture.verbs;

import io.meshcapture.backend.nftables.NftablesBackend;

/** What can be done while the plan is still being read. */
public final class Preparation {
    private Preparation() {}

    /** Loads the native side on a second thread: half of a start, and two cores are there. */
    public static void begin() {
        Thread.ofPlatform().daemon().name("native libraries").start(() -> {
            try {
                NftablesBackend.prepare();
            } catch (Exception | Error e) {
                // the verb meets the same, and is the one to say it
            }
        });
    }
}
