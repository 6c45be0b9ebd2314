package io.meshcapture.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** The real Envoy in the namespace of the calling thread, as a user of its own, until the end of the test. */
public final class RealEnvoy {
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final String CAPABILITIES = "+net_admin,+net_bind_service";
    private static final AtomicInteger NUMBER = new AtomicInteger();

    /** What its access log says when a line is complete: it is written every 50 ms. */
    private final Background process;

    private RealEnvoy(Background process) {
        this.process = process;
    }

    /** Which releases are tried. */
    public enum Release {
        NEWEST("test-env/envoy/fetch"),
        OLDEST("test-env/envoy/fetch oldest");

        private final String fetching;

        Release(String fetching) {
            this.fetching = fetching;
        }

        /** Where its user can reach it: the cache may lie where only root can look. */
        private String binary() {
            Path there = Path.of("/run/envoy-binary-" + this);
            if (!Files.exists(there)) {
                String cached = Run.command(fetching.split(" ", -1)).orFail().strip();
                Run.command("touch", there.toString()).orFail();
                Run.command("mount", "--bind", cached, there.toString()).orFail();
            }
            return there.toString();
        }
    }

    /** Whether this Envoy accepts a configuration; fails with what it says otherwise. */
    public static void validate(Release release, String configuration) {
        Run.command(
                        "",
                        Map.of(),
                        LIMIT,
                        List.of(
                                release.binary(),
                                "--mode",
                                "validate",
                                "-c",
                                file(configuration),
                                "--disable-hot-restart"))
                .orFail();
    }

    /** Starts it and waits until it serves. */
    public static RealEnvoy started(Lab lab, Identity identity, String configuration) {
        return starting(lab, identity, configuration).serving();
    }

    /** Likewise, the oldest that is tried. */
    public static RealEnvoy oldestStarted(Lab lab, Identity identity, String configuration) {
        return start(lab, identity, configuration, Release.OLDEST, CAPABILITIES).serving();
    }

    /** Starts it; whether it comes to serve is left to the caller. */
    public static RealEnvoy starting(Lab lab, Identity identity, String configuration) {
        return start(lab, identity, configuration, Release.NEWEST, CAPABILITIES);
    }

    /** Likewise, without any privilege. */
    public static RealEnvoy startingUnprivileged(Lab lab, Identity identity, String configuration) {
        return start(lab, identity, configuration, Release.NEWEST, "-all");
    }

    /** Likewise, in a mount namespace of its own in which it sees another file in the place of one of the host's. */
    public static RealEnvoy startedSeeing(
            Lab lab, Identity identity, String configuration, String file, String content) {
        List<String> mounts = List.of(
                "unshare",
                "--mount",
                "sh",
                "-euc",
                "mount --bind \"$1\" \"$2\"; shift 2; exec \"$@\"",
                "sh",
                file(content),
                file);
        String[] command = command(identity, configuration, Release.NEWEST, CAPABILITIES);
        return new RealEnvoy(lab.background(
                        Stream.concat(mounts.stream(), Stream.of(command)).toArray(String[]::new)))
                .serving();
    }

    private static RealEnvoy start(
            Lab lab, Identity identity, String configuration, Release release, String capabilities) {
        return new RealEnvoy(lab.background(command(identity, configuration, release, capabilities)));
    }

    private static String[] command(Identity identity, String configuration, Release release, String capabilities) {
        return identity.setpriv(
                "--inh-caps",
                capabilities,
                "--ambient-caps",
                capabilities,
                release.binary(),
                "-c",
                file(configuration),
                "--concurrency",
                "1",
                "--disable-hot-restart",
                "--file-flush-interval-msec",
                "50");
    }

    private RealEnvoy serving() {
        awaitError("starting workers");
        return this;
    }

    /** Waits until its own log has this text. */
    public void awaitError(String text) {
        process.awaitError(text, LIMIT);
    }

    /** Its access log so far. */
    public List<String> log() {
        return process.out().lines().toList();
    }

    public String errors() {
        return process.err();
    }

    public long pid() {
        return process.pid();
    }

    /** The lines with this text, when there is one. */
    public List<String> awaitLog(String text) {
        process.awaitOutput(text, LIMIT);
        return log().stream().filter(line -> line.contains(text)).toList();
    }

    public void kill() {
        process.kill();
    }

    private static String file(String configuration) {
        try {
            return Files.writeString(Path.of("/run/envoy-" + NUMBER.incrementAndGet() + ".yaml"), configuration)
                    .toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
