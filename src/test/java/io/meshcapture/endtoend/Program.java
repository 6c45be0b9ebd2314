package io.meshcapture.endtoend;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** A running program to talk with, line by line. Every wait is bounded; closing it kills it and what it has started. */
final class Program implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final String command;
    private final Process process;
    private final long started = System.nanoTime();
    private final Output out;
    private final Output err;
    private int awaited;

    private Program(List<String> command, Process process) {
        this.command = String.join(" ", command);
        this.process = process;
        out = Output.of(process.getInputStream());
        err = Output.of(process.getErrorStream());
    }

    /** Starts a program in exactly this environment. */
    static Program start(List<String> command, Map<String, String> environment) {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().clear();
        builder.environment().putAll(environment);
        try {
            return new Program(command, builder.start());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    long pid() {
        return process.pid();
    }

    void send(String line) {
        try {
            process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().flush();
        } catch (IOException e) {
            throw new AssertionError(command + " does not listen: " + out + err, e);
        }
    }

    void closeInput() {
        try {
            process.getOutputStream().close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The next line of its output that fits, from where the last one awaited was. */
    String awaitLine(Predicate<String> fits) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            boolean ended = out.hasEnded();
            List<String> lines = out.lines();
            while (awaited < lines.size()) {
                String line = lines.get(awaited++);
                if (fits.test(line)) {
                    return line;
                }
            }
            if (ended || System.nanoTime() > deadline) {
                throw new AssertionError(
                        command + (ended ? " ended" : " said nothing like it in time") + ": " + out + err);
            }
            Waiting.moment();
        }
    }

    String nextLine() {
        return awaitLine(line -> true);
    }

    /** Closes its input and waits for its end. */
    Ending end() {
        closeInput();
        return await();
    }

    /** Waits for its end. */
    Ending await() {
        try {
            if (!process.waitFor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new AssertionError(command + " did not end: " + out + err);
            }
            Duration took = Duration.ofNanos(System.nanoTime() - started);
            return new Ending(command, process.exitValue(), out.whole(), err.whole(), took);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        } finally {
            close();
        }
    }

    @Override
    public void close() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }

    /** What came out so far; a thread reads it, so that no program waits for a reader. */
    private static final class Output {
        private final List<String> lines = new ArrayList<>();
        private final Thread reader;

        private Output(InputStream in) {
            reader = Thread.ofPlatform().daemon().unstarted(() -> read(in));
        }

        static Output of(InputStream in) {
            Output output = new Output(in);
            output.reader.start();
            return output;
        }

        private void read(InputStream in) {
            try (var text = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
                for (String line = text.readLine(); line != null; line = text.readLine()) {
                    synchronized (lines) {
                        lines.add(line);
                    }
                }
            } catch (IOException e) {
                // it was killed: what it has said until then is all there is
            }
        }

        boolean hasEnded() {
            return !reader.isAlive();
        }

        List<String> lines() {
            synchronized (lines) {
                return List.copyOf(lines);
            }
        }

        String whole() throws InterruptedException {
            reader.join(PATIENCE);
            return toString();
        }

        @Override
        public String toString() {
            StringBuilder text = new StringBuilder();
            lines().forEach(line -> text.append(line).append('\n'));
            return text.toString();
        }
    }
}
