package io.meshcapture.cli;

import io.meshcapture.verbs.Stop;
import java.time.Duration;

/** SIGTERM and Ctrl-C, which end the JVM through its shutdown hooks. */
final class Signals {
    private Signals() {}

    /**
     * Has them ask the calling thread to end; main then ends the JVM with its exit status.
     *
     * @param patience how long it may finish what it is doing
     */
    static Stop stop(Duration patience) {
        Stop stop = new Stop();
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().unstarted(() -> {
            stop.ask();
            try {
                main.join(patience);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        return stop;
    }
}
