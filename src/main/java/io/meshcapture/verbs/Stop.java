package io.meshcapture.verbs;

import java.time.Duration;

/** How a command that takes its time is asked to end, by another thread. */
public final class Stop {
    private boolean asked;

    public synchronized void ask() {
        asked = true;
        notifyAll();
    }

    synchronized boolean isAsked() {
        return asked;
    }

    /** Waits that long, or until it is asked to end; answers whether it is. */
    synchronized boolean comesWithin(Duration time) throws InterruptedException {
        long end = System.nanoTime() + time.toNanos();
        for (long left = time.toNanos(); !asked && left > 0; left = end - System.nanoTime()) {
            wait(left / 1_000_000, (int) (left % 1_000_000));
        }
        return asked;
    }
}
