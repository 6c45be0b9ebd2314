package io.meshcapture.lab;

import java.time.Duration;
import java.util.List;
import java.util.Map;

/** Commands in the namespaces of the calling thread, bounded in time. */
public final class Run {
    public static final Duration LIMIT = Duration.ofSeconds(30);

    private Run() {}

    /** Runs the command with nothing on its standard input. */
    public static Result command(String... command) {
        return command("", Map.of(), LIMIT, List.of(command));
    }

    /** Runs the command with the text on its standard input. */
    public static Result commandWithInput(String input, String... command) {
        return command(input, Map.of(), LIMIT, List.of(command));
    }

    /** Runs the command; its environment is that of the JVM and what is added here. */
    public static Result command(String input, Map<String, String> environment, Duration limit, List<String> command) {
        try (var running = Background.started(input, environment, command)) {
            return running.await(limit);
        }
    }

    /** How a command ended. */
    public record Result(String command, int exit, String out, String err) {
        /** Standard output of a command that must succeed. */
        public String orFail() {
            if (exit != 0) {
                throw new AssertionError(command + " ended with " + exit + ": " + err + out);
            }
            return out;
        }
    }
}
