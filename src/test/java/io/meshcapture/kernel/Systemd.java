package io.meshcapture.kernel;

import io.meshcapture.lab.Await;
import io.meshcapture.lab.Background;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.stream.Stream;

/** A systemd of the test's own, in the network namespace of the test, which sees the files that the test sees. */
record Systemd(Background starter) {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    static Systemd started(Lab lab) {
        Systemd systemd = new Systemd(lab.background(
                Path.of("test-env/systemd").toAbsolutePath().toString(),
                lab.cgroup("systemd.slice").path().toString()));
        Await.until(
                LIMIT,
                () -> "systemd to be there: " + systemd.starter.err(),
                () -> !systemd.pid().isEmpty()
                        && systemd.run("", "systemctl", "is-active", "nothing.target")
                                        .exit()
                                == 0);
        return systemd;
    }

    /** Runs a command in its namespaces. */
    Run.Result run(String input, String... command) {
        return Run.command(
                input,
                Map.of(),
                Run.LIMIT,
                Stream.concat(Stream.of("nsenter", "-t", pid(), "-m", "-p", "-C"), Stream.of(command))
                        .toList());
    }

    String timers() {
        return run("", "systemctl", "list-timers", "--all").out();
    }

    /** Empty as long as it has not been started. */
    private String pid() {
        try {
            return Files.readString(Path.of("/proc/" + starter.pid() + "/task/" + starter.pid() + "/children"))
                    .strip();
        } catch (IOException e) {
            return "";
        }
    }
}
