package io.meshcapture.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** The real Envoy in the namespace of the calling thread, as a user of its own, until the end of the test. */
public final class RealEnvoy {
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final AtomicInteger NUMBER = new AtomicInteger();

    /** What its access log says when a line is complete: it is written every 50 ms. */
    private final Background process;

    private RealEnvoy(Background process) {
        this.process = process;
    }

    /** Whether Envoy accepts a configuration; fails with what it says otherwise. */
    public static void validate(String configuration) {
        Run.command(
                        "",
                        java.util.Map.of(),
                        LIMIT,
                        List.of(binary(), "--mode", "validate", "-c", file(configuration), "--disable-hot-restart"))
                .orFail();
    }

    /** Starts it and waits until it serves. */
    public static RealEnvoy started(Lab lab, Identity identity, String configuration) {
        RealEnvoy envoy = starting(lab, identity, configuration);
        envoy.process.awaitError("starting workers", LIMIT);
        return envoy;
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
        RealEnvoy envoy = new RealEnvoy(starting(lab, mounts, identity, configuration));
        envoy.process.awaitError("starting workers", LIMIT);
        return envoy;
    }

    /** Starts it; whether it comes to serve is left to the caller. */
    public static RealEnvoy starting(Lab lab, Identity identity, String configuration) {
        return new RealEnvoy(starting(lab, List.of(), identity, configuration));
    }

    private static Background starting(Lab lab, List<String> within, Identity identity, String configuration) {
        List<String> command = new ArrayList<>(within);
        command.addAll(List.of(
                "setpriv",
                "--reuid",
                Integer.toString(identity.uid()),
                "--regid",
                Integer.toString(identity.gid()),
                "--clear-groups"));
        for (String capabilities : List.of("--inh-caps", "--ambient-caps")) {
            command.add(capabilities);
            command.add("+net_admin,+net_bind_service");
        }
        command.addAll(List.of(
                binary(),
                "-c",
                file(configuration),
                "--concurrency",
                "1",
                "--disable-hot-restart",
                "--file-flush-interval-msec",
                "50"));
        return lab.background(command.toArray(String[]::new));
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

    /** Where its user can reach it: the cache may lie where only root can look. */
    private static String binary() {
        Path there = Path.of("/run/envoy-binary");
        if (!Files.exists(there)) {
            String cached = Run.command("test-env/envoy/fetch").orFail().strip();
            Run.command("touch", there.toString()).orFail();
            Run.command("mount", "--bind", cached, there.toString()).orFail();
        }
        return there.toString();
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
