package io.meshcapture.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Commands in the namespaces of the calling thread, bounded in time. A command that is still running when its time is
 * over is killed, and the test fails.
 */
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
        Kernel.refuseMachinesOwnNamespace();
        Path directory = null;
        try {
            // files, not pipes: a grandchild that keeps a pipe open must not hold the test
            directory = Files.createTempDirectory("lab");
            Path in = Files.writeString(directory.resolve("in"), input);
            Path out = directory.resolve("out");
            Path err = directory.resolve("err");
            var builder = new ProcessBuilder(command)
                    .redirectInput(in.toFile())
                    .redirectOutput(out.toFile())
                    .redirectError(err.toFile());
            builder.environment().putAll(environment);
            Process process = builder.start();
            if (!endsWithin(limit, process)) {
                throw new AssertionError(command + " did not end within " + limit + ": "
                        + Files.readString(out, StandardCharsets.UTF_8)
                        + Files.readString(err, StandardCharsets.UTF_8));
            }
            return new Result(
                    String.join(" ", command),
                    process.exitValue(),
                    Files.readString(out, StandardCharsets.UTF_8),
                    Files.readString(err, StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(command + " did not start: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(command + " was interrupted", e);
        } finally {
            delete(directory);
        }
    }

    private static boolean endsWithin(Duration limit, Process process) throws InterruptedException {
        try {
            return process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    private static void delete(@Nullable Path directory) {
        if (directory == null) {
            return;
        }
        try (var files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
            Files.delete(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
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
