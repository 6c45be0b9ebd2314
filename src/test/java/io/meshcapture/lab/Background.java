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

/** A command that runs beside the test, in the namespaces of the thread that started it, until it ends or is killed. */
public final class Background implements AutoCloseable {
    private final List<String> command;
    private final Path directory;
    private final Process process;

    private Background(List<String> command, Path directory, Process process) {
        this.command = command;
        this.directory = directory;
        this.process = process;
    }

    public static Background started(String input, Map<String, String> environment, List<String> command) {
        Kernel.refuseMachinesOwnNamespace();
        try {
            // files, not pipes: a grandchild that keeps a pipe open must not hold the test
            Path directory = Files.createTempDirectory("lab");
            var builder = new ProcessBuilder(command)
                    .redirectInput(
                            Files.writeString(directory.resolve("in"), input).toFile())
                    .redirectOutput(directory.resolve("out").toFile())
                    .redirectError(directory.resolve("err").toFile());
            builder.environment().putAll(environment);
            return new Background(command, directory, Cgroup.atHome(() -> start(builder)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Process start(ProcessBuilder builder) {
        try {
            return builder.start();
        } catch (IOException e) {
            throw new UncheckedIOException(builder.command() + " did not start: " + e.getMessage(), e);
        }
    }

    public long pid() {
        return process.pid();
    }

    /** What it has written so far to its standard output. */
    public String out() {
        return text("out");
    }

    public String err() {
        return text("err");
    }

    /** Waits until standard output contains the text; the test fails if the command ends or the time is over before. */
    public void awaitOutput(String text, Duration limit) {
        awaitText(text, "out", limit);
    }

    public void awaitError(String text, Duration limit) {
        awaitText(text, "err", limit);
    }

    /** Waits for the end; a command that has not ended by then is killed and fails the test. */
    public Run.Result await(Duration limit) {
        try {
            if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new AssertionError(command + " did not end within " + limit + ": " + err() + out());
            }
            return new Run.Result(String.join(" ", command), process.exitValue(), out(), err());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(command + " was interrupted", e);
        } finally {
            kill();
        }
    }

    /** SIGTERM. */
    public void stop() {
        process.destroy();
    }

    /** SIGINT, as Ctrl-C sends it. */
    public void interrupt() {
        Run.command("kill", "-INT", Long.toString(process.pid())).orFail();
    }

    /** SIGKILL, and waits until it is gone. */
    public void kill() {
        process.destroyForcibly();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        kill();
        try (var files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
            Files.delete(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void awaitText(String text, String stream, Duration limit) {
        Await.until(limit, () -> command + " to say \"" + text + "\" but it said: " + err() + out(), () -> {
            boolean ended = !process.isAlive();
            if (text(stream).contains(text)) {
                return true;
            }
            if (ended) {
                throw new AssertionError(command + " ended with " + process.exitValue() + " before it said \"" + text
                        + "\": " + err() + out());
            }
            return false;
        });
    }

    private String text(String stream) {
        try {
            return Files.readString(directory.resolve(stream), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
