package io.meshcapture.kernel;

import io.meshcapture.lab.Run;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The program as it was built, killed at one of the system calls with which it could have an effect outside itself. Which
 * calls these are, and why it is not strace that kills, says {@code scripts/bench.d/killing.c}, which does it.
 */
final class Killing {
    private static final Path SOURCE = Path.of("scripts/bench.d/killing.c");
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final int BY_SIGKILL = 128 + 9;

    private final Path program;

    private Killing(Path program) {
        this.program = program;
    }

    /** Compiles it into the directory, if that is not done yet. */
    static Killing in(Path directory) {
        Path program = directory.resolve("killing");
        if (!Files.exists(program)) {
            Run.command("gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program.toString(), SOURCE.toString())
                    .orFail();
        }
        return new Killing(program);
    }

    /** Runs the program with a plan on its standard input to its end. */
    Death never(String plan, List<String> arguments) {
        Death end = at(0, plan, arguments);
        if (end.killed() || end.exit() != 0) {
            throw new AssertionError(end.toString());
        }
        return end;
    }

    /** Runs it and kills it at its n-th such call, from 1; it may end before. */
    Death at(int call, String plan, List<String> arguments) {
        return run(Integer.toString(call), plan, arguments);
    }

    /** Runs it and kills it at its n-th call of a name, from 1; it may end before. */
    Death at(String name, int which, String plan, List<String> arguments) {
        return run(name + "#" + which, plan, arguments);
    }

    /** Runs it and lets its n-th such call, from 1, fail with an error. */
    Death failing(int call, int errno, String plan, List<String> arguments) {
        return run(call + ":" + errno, plan, arguments);
    }

    /** Runs it and lets all its calls of a name fail with an error, from the n-th on, from 1. */
    Death failingAll(String name, int from, int errno, String plan, List<String> arguments) {
        return run(name + "#" + from + "+:" + errno, plan, arguments);
    }

    /** Runs it and lets its n-th call of a name, from 1, fail with an error. */
    Death failing(String name, int which, int errno, String plan, List<String> arguments) {
        return run(name + "#" + which + ":" + errno, plan, arguments);
    }

    /** Runs it and sends it a signal at its n-th such call, from 1, which is made. */
    Death signalled(int call, int signal, String plan, List<String> arguments) {
        return run(call + ":-" + signal, plan, arguments);
    }

    private Death run(String when, String plan, List<String> arguments) {
        try {
            Path report = Files.createTempFile("killing", ".txt");
            var command = new ArrayList<>(List.of(program.toString(), when, report.toString(), meshcapture()));
            command.addAll(arguments);
            Run.Result result = Run.command(plan, Map.of(), LIMIT, command);
            List<String> lines = Files.readAllLines(report);
            Files.delete(report);
            String end = lines.isEmpty() ? "nothing" : lines.getLast();
            boolean killed = end.equals("killed");
            if (!end.equals(killed && result.exit() == BY_SIGKILL ? "killed" : "ended " + result.exit())) {
                throw new AssertionError("neither killed nor ended: " + lines + result);
            }
            return new Death(killed, lines.subList(0, lines.size() - 1), result.exit(), result.err() + result.out());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String meshcapture() {
        String built = System.getProperty("meshcapture.distribution", "target/meshcapture");
        return Path.of(built).toAbsolutePath() + "/bin/meshcapture";
    }

    /**
     * How it ended.
     *
     * @param calls the calls with a possible effect that it came to, of which the last was not made if it was killed
     * @param said on both streams
     */
    record Death(boolean killed, List<String> calls, int exit, String said) {
        Death {
            calls = List.copyOf(calls);
        }

        /** How many messages it sent; to whom else than the kernel, over netlink, does it send any? */
        int sends() {
            return (int) calls.stream().filter(call -> call.startsWith("send")).count();
        }

        /** The number of the call that commits its first transaction (libnftables sends transactions, and only these, by sendmsg). */
        int firstCommit() {
            return 1 + calls.indexOf("sendmsg");
        }

        int lastCommit() {
            return 1 + calls.lastIndexOf("sendmsg");
        }
    }
}
