package io.meshcapture.system;

import io.meshcapture.ffi.ChildProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Our own program once more, as root of a user namespace and a network namespace of its own, for somebody who has no privilege.
 * A process of several threads, as a JVM is, cannot go into a new user namespace itself (unshare(2)), so unshare(1) does.
 */
public final class OwnRoot {
    private static final List<Path> PROGRAMS = List.of(Path.of("/usr/bin/unshare"), Path.of("/bin/unshare"));
    private static final List<String> ENVIRONMENT = List.of("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C");
    private static final Duration LIMIT = Duration.ofSeconds(10);

    private OwnRoot() {}

    /**
     * How it ended.
     *
     * @param out its result, or the empty text
     * @param whyNot why there is none, where there is none
     */
    public record Outcome(String out, String whyNot) {}

    /** Runs it. */
    public static Outcome meshcapture(String... arguments) {
        Path home = Distribution.home();
        List<Path> there = PROGRAMS.stream().filter(Files::isExecutable).toList();
        if (home == null || there.isEmpty()) {
            return new Outcome("", "the program unshare is not there");
        }
        List<String> words =
                new ArrayList<>(List.of(there.getFirst().toString(), "--user", "--map-root-user", "--net"));
        words.add(home + "/bin/meshcapture");
        words.addAll(List.of(arguments));
        try {
            Command.Result result = Command.run(words, ENVIRONMENT, "", LIMIT);
            String said = result.err().strip().lines().findFirst().orElse("it ended with status " + result.status());
            return new Outcome(
                    result.out(),
                    result.out().isBlank()
                            ? "without privileges nobody can be root of a namespace of his own here: " + said
                            : "");
        } catch (ChildProcess.NotStarted e) {
            return new Outcome("", String.valueOf(e.getMessage()));
        }
    }
}
