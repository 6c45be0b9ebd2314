package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.ChildProcess;
import io.meshcapture.ffi.LibC;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * Somebody who ends a trial that the kernel does not end: a transient timer of systemd's where that runs and the trial is in
 * its namespaces, a small process of our own otherwise ({@code lib/trial-guard}). When the time is over, both run
 * {@code meshcapture rollback --trial --when-over}. A network namespace has one at a time, and another one of those who
 * may not change its rules: containers of a pod share it, and whoever cannot end a trial of rules must not send away who can.
 */
public final class TrialGuard {

    private static final Path SYSTEMD = Path.of("/run/systemd/system");
    private static final Path SYSTEMD_RUN = Path.of("/usr/bin/systemd-run");
    private static final Path SYSTEMCTL = Path.of("/usr/bin/systemctl");

    /** Names of systemd's units, and of the abstract socket by which {@code trial-guard.c} is dismissed. */
    private static final String OF_BOTH = "meshcapture-trial";

    private static final String OF_NAMES_ALONE = "meshcapture-trial-names";

    private static final List<String> ENVIRONMENT = List.of("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C");
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    /** Longer than a process takes to begin or to end. */
    private static final Duration SOON = Duration.ofSeconds(2);

    private TrialGuard() {}

    /**
     * Sets one up, in place of another. When the time is over it waits for the lock, which the caller holds now, and does
     * nothing if there is no trial then.
     *
     * @param trial how long the trial lasts
     * @param where options by which the command finds the trial
     * @return who it is, as in {@code process 4711}
     * @throws Failure.Unavailable where nobody can be had
     */
    public static String set(Duration trial, List<String> where) {
        Path home = Distribution.home();
        if (home == null) {
            throw unavailable("the program that would have to be started is not there: bin/meshcapture");
        }
        if (isFirstOfContainer()) {
            throw unavailable("whatever this process starts ends with it, because it is the first of its container");
        }
        dismiss();
        // however long somebody drains, or waits for Envoy
        List<String> end = new ArrayList<>(
                List.of(home + "/bin/meshcapture", "rollback", "--trial", "--when-over", "--lock-timeout", "24h"));
        end.addAll(where);
        try {
            if (isSystemdToBeAsked() && isTimerSet(trial, end)) {
                return "systemd's timer " + name();
            }
            List<String> waiting =
                    new ArrayList<>(List.of(home + "/lib/trial-guard", name(), Long.toString(trial.toMillis())));
            waiting.addAll(end);
            awaitSocket(false);
            int pid = ChildProcess.detach(waiting, ENVIRONMENT);
            awaitSocket(true);
            return "process " + pid;
        } catch (ChildProcess.NotStarted e) {
            throw unavailable(home + "/lib/trial-guard: " + e.getMessage());
        }
    }

    private static String name() {
        return Privileges.isNetAdmin() ? OF_BOTH : OF_NAMES_ALONE;
    }

    /** Waits, but not for ever, until nobody can be dismissed any more, or somebody can. */
    private static void awaitSocket(boolean there) {
        long deadline = System.nanoTime() + SOON.toNanos();
        while (isSocket() != there && System.nanoTime() < deadline) {
            LockSupport.parkNanos(1_000_000);
        }
    }

    private static boolean isSocket() {
        try {
            return ProcFile.read(Path.of("/proc/thread-self/net/unix")).contains(" @" + name() + "\n");
        } catch (IOException e) {
            return false;
        }
    }

    /** Lets whoever stands by go, because there is no trial any more, or another one. Where nobody does, nothing happens. */
    public static void dismiss() {
        LibC.load().touchAbstractSocket(name());
        if (isSystemdToBeAsked() && Files.exists(Path.of("/run/systemd/transient/" + name() + ".timer"))) {
            try {
                run(List.of(SYSTEMCTL.toString(), "--quiet", "stop", name() + ".timer"));
            } catch (ChildProcess.NotStarted e) {
                return; // it fires, and finds nothing to do
            }
        }
    }

    private static boolean isTimerSet(Duration trial, List<String> end) throws ChildProcess.NotStarted {
        List<String> timer = new ArrayList<>(List.of(
                SYSTEMD_RUN.toString(),
                "--quiet",
                "--collect",
                "--unit=" + name(),
                "--on-active=" + (trial.toMillis() + 999) / 1000 + "s",
                "--timer-property=AccuracySec=100ms"));
        timer.addAll(end);
        return run(timer) == 0;
    }

    private static int run(List<String> words) throws ChildProcess.NotStarted {
        return Command.run(words, ENVIRONMENT, "", PATIENCE).status();
    }

    private static Failure unavailable(String because) {
        return new Failure.Unavailable(
                "nobody could end the trial",
                "the kernel does not do it for what is to be tried, and " + because,
                "apply it without --confirm-within and --probe; what nftables captures by address needs nobody");
    }

    private static boolean isFirstOfContainer() {
        return ProcessHandle.current().pid() == 1;
    }

    /** Its units run in its own namespaces, which are those of the first process, and that is not us. */
    private static boolean isSystemdToBeAsked() {
        try {
            return !isFirstOfContainer()
                    && Files.isDirectory(SYSTEMD)
                    && Files.isExecutable(SYSTEMD_RUN)
                    && isOfTheFirstProcess("net")
                    && isOfTheFirstProcess("mnt");
        } catch (IOException e) {
            return false;
        }
    }

    private static boolean isOfTheFirstProcess(String kind) throws IOException {
        return Files.readSymbolicLink(Path.of("/proc/1/ns", kind))
                .equals(Files.readSymbolicLink(Path.of("/proc/thread-self/ns", kind)));
    }
}
