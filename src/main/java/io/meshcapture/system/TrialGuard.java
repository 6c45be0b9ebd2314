package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.ChildProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Somebody who ends a trial that the kernel cannot end: a transient timer of systemd's where that runs and the trial is in its
 * network namespace, a process of our own otherwise. Both run {@code meshcapture rollback --trial --when-over}.
 */
public final class TrialGuard {

    private static final Path SYSTEMD = Path.of("/run/systemd/system");
    private static final Path SYSTEMD_RUN = Path.of("/usr/bin/systemd-run");
    private static final List<String> ENVIRONMENT = List.of("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C");

    private TrialGuard() {}

    /**
     * Sets one up. It waits for the lock that the caller holds, and goes if there is no trial then.
     *
     * @param trial how long the trial lasts
     * @return who it is, as in {@code process 4711}
     * @throws Failure.Unavailable where nobody can be had
     */
    public static String set(Duration trial) {
        Path launcher = launcher();
        if (launcher == null) {
            throw unavailable("the program that would have to be started is not there: bin/meshcapture");
        }
        List<String> words =
                List.of(launcher.toString(), "rollback", "--trial", "--when-over", "--lock-timeout", "60s");
        try {
            if (Files.isDirectory(SYSTEMD) && Files.isExecutable(SYSTEMD_RUN) && isSystemdsNamespace()) {
                String unit = "meshcapture-trial-" + KernelClock.millis();
                List<String> timer = new ArrayList<>(List.of(
                        SYSTEMD_RUN.toString(),
                        "--quiet",
                        "--collect",
                        "--unit=" + unit,
                        "--on-active=" + (trial.toMillis() + 999) / 1000 + "s",
                        "--timer-property=AccuracySec=100ms"));
                timer.addAll(words);
                Command.Result result = Command.run(timer, ENVIRONMENT, "", Duration.ofSeconds(10));
                if (result.status() == 0) {
                    return "systemd's timer " + unit;
                }
            }
            return "process " + ChildProcess.detach(words, ENVIRONMENT);
        } catch (ChildProcess.NotStarted e) {
            throw unavailable(words.getFirst() + ": " + e.getMessage());
        }
    }

    private static Failure unavailable(String because) {
        return new Failure.Unavailable(
                "nobody could end the trial",
                "the kernel does not do it for rules of iptables, and " + because,
                "apply it without --confirm-within, or choose the backend nftables");
    }

    private static boolean isSystemdsNamespace() {
        try {
            return Files.readSymbolicLink(Path.of("/proc/1/ns/net"))
                    .equals(Files.readSymbolicLink(NetworkNamespace.OF_THIS_THREAD));
        } catch (IOException e) {
            return false;
        }
    }

    /** The launcher beside the runtime that we run in. */
    private static @Nullable Path launcher() {
        String named = System.getProperty("meshcapture.bin");
        if (named != null) {
            return Path.of(named).toAbsolutePath();
        }
        Path runtime = Path.of(System.getProperty("java.home", "/"));
        for (Path at = runtime; at != null; at = at.getParent()) {
            Path launcher = at.resolve("bin/meshcapture");
            if (Files.isExecutable(launcher)) {
                return launcher;
            }
        }
        return null;
    }
}
