package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Await;
import io.meshcapture.lab.Background;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict.Proxied;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Two runs at once: the second waits, not for ever, and not for the dead. */
@InNetns
class LockKernelIT {
    private static final Duration SOON = Duration.ofSeconds(10);

    @BeforeEach
    void world(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
    }

    /** A run that holds the lock, because a connection that it captured does not end. */
    private static Background draining(Lab lab) {
        Program.apply(ANY);
        lab.caller().open("10.99.0.1:8080");
        Background holder = lab.meshcapture().start("rollback", "--all", "--drain", "60s");
        holder.awaitError("waiting for 1 captured connection", SOON);
        return holder;
    }

    @Test
    void second_run_waits_as_long_as_it_is_told_and_names_the_one_that_it_waited_for(Lab lab) {
        try (Background holder = draining(lab)) {
            long start = System.nanoTime();
            Outcome outcome = Program.must(5, Program.withPlan(ANY, "apply", "--lock-timeout", "1s"));
            Duration took = Duration.ofNanos(System.nanoTime() - start);
            assertTrue(took.compareTo(Duration.ofSeconds(1)) >= 0 && took.compareTo(SOON) < 0, took::toString);
            assertTrue(outcome.err().contains("process " + holder.pid() + " ("), outcome::err);
        }
    }

    @Test
    void killed_holder_lets_go_at_once(Lab lab) throws Exception {
        try (Background holder = draining(lab)) {
            var waiting = new CompletableFuture<Outcome>();
            Thread second = Thread.ofPlatform()
                    .daemon()
                    .start(() -> waiting.complete(Program.withPlan(ANY, "apply", "--lock-timeout", "60s")));
            Await.until(SOON, "the second run to wait", () -> second.getState() == Thread.State.TIMED_WAITING);
            long start = System.nanoTime();
            holder.kill();
            Program.must(0, waiting.get(10, TimeUnit.SECONDS));
            Duration took = Duration.ofNanos(System.nanoTime() - start);
            assertTrue(took.compareTo(Duration.ofSeconds(5)) < 0, took::toString);
        }
        assertEquals(new Proxied(15001, "10.99.0.1:8080"), lab.caller().connect("10.99.0.1:8080"));
        assertEquals(0, Program.check(ANY).exit());
    }

    @Test
    void holder_that_stands_still_is_not_passed_over(Lab lab) {
        try (Background holder = draining(lab)) {
            signal("STOP", holder);
            Outcome outcome = Program.must(5, Program.run("rollback", "--all", "--lock-timeout", "200ms"));
            assertTrue(outcome.err().contains("process " + holder.pid() + " ("), outcome::err);
            signal("CONT", holder);
        }
    }

    private static void signal(String name, Background to) {
        Run.command("kill", "-" + name, Long.toString(to.pid())).orFail();
    }
}
