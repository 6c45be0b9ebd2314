package io.meshcapture.endtoend;

import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waiting for something that must happen, bounded. */
final class Waiting {
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private Waiting() {}

    static void until(BooleanSupplier itIsSo, Supplier<String> whatIs) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!itIsSo.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError(whatIs.get());
            }
            moment();
        }
    }

    static void moment() {
        try {
            Thread.sleep(10);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
