package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.must;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Await;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The process that ends a trial which the kernel does not end. */
record StandingBy(Path process) {
    private static final Pattern SAID = Pattern.compile("by itself: process (\\d+) does");
    private static final Duration LIMIT = Duration.ofSeconds(20);

    /** Of a trial that has been begun. */
    static StandingBy of(Outcome apply) {
        return said(must(0, apply).err());
    }

    static StandingBy said(String err) {
        Matcher said = SAID.matcher(err);
        assertTrue(said.find(), err);
        return new StandingBy(Path.of("/proc", said.group(1)));
    }

    /** Whether anybody does in this network namespace. */
    static boolean isSomebody() {
        try {
            return Files.readString(Path.of("/proc/thread-self/net/unix")).contains(" @meshcapture-trial\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Who is dismissed takes a moment to go. */
    static void awaitNobody() {
        Await.until(LIMIT, "whoever stands by to go", () -> !isSomebody());
    }

    /** One that has ended and that nobody has asked for is a zombie of this JVM. */
    boolean isRunning() {
        try {
            return !Files.readString(process.resolve("stat")).contains(") Z ");
        } catch (IOException e) {
            return false;
        }
    }

    void awaitGone() {
        Await.until(LIMIT, process + " to go", () -> !isRunning());
    }

    void kill() {
        Run.command("kill", "-9", process.getFileName().toString()).orFail();
    }
}
