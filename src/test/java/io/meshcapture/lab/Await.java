package io.meshcapture.lab;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits for a condition, bounded; nothing sleeps for luck. */
public final class Await {
    private static final Duration STEP = Duration.ofMillis(2);

    private Await() {}

    /** Asks every two milliseconds; the test fails when the time is over. */
    public static void until(Duration limit, Supplier<String> what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + limit.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline || Thread.currentThread().isInterrupted()) {
                throw new AssertionError("waited " + limit + " for " + what.get());
            }
            LockSupport.parkNanos(STEP.toNanos());
        }
    }

    public static void until(Duration limit, String what, BooleanSupplier condition) {
        until(limit, () -> what, condition);
    }
}
