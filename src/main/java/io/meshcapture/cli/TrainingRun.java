package io.meshcapture.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The commands from which the JVM learns what to keep ready in the start-up cache (JEP 483, JEP 514). {@code scripts/build}
 * runs it once, in a network and a mount namespace of its own, and never a user.
 *
 * <p>What no command here touches is loaded slowly later; what one touches and nobody needs makes every start slower,
 * because all kept classes are linked at once. So the list holds what people wait for, not everything.
 */
final class TrainingRun {
    private TrainingRun() {}

    /** The arguments: the network namespace that must not be touched, as {@code /proc/self/ns/net} names it, and a plan. */
    public static void main(String[] args) throws IOException {
        String plan = args[1];
        for (List<String> command : List.of(
                List.of("version"),
                List.of("render", "-f", plan),
                List.of("apply", "-f", plan, "--dry-run"),
                List.of("explain", "-f", plan, "192.0.2.1:443"))) {
            run(command);
        }
        if (Files.readSymbolicLink(Path.of("/proc/self/ns/net")).toString().equals(args[0])) {
            return;
        }
        for (List<String> command : List.of(
                List.of("apply", "-f", plan),
                List.of("check", "-f", plan),
                List.of("apply", "-f", plan),
                List.of("status"),
                List.of("confirm"),
                List.of("rollback", "--all", "--drain", "0"))) {
            run(command);
        }
    }

    /** A failing command is trained as well as any other: a message to the user must not take longer. */
    private static void run(List<String> command) {
        int code = Main.run(command.toArray(String[]::new));
        System.err.println("exit " + code + ": " + String.join(" ", command));
    }
}
