package io.meshcapture.lab;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * The program under test, run in the namespaces of the calling thread. {@link #installed} starts the distribution as a
 * user would, {@link #inProcess} calls the same code in this JVM, which is quicker and can be debugged.
 */
public final class Meshcapture {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final Function<Call, Outcome> program;
    private final Map<String, String> environment;
    private final String input;

    private Meshcapture(Function<Call, Outcome> program, Map<String, String> environment, String input) {
        this.program = program;
        this.environment = environment;
        this.input = input;
    }

    /** The launcher that the build left, or the one that the system property {@code meshcapture.bin} names. */
    public static Meshcapture installed() {
        return new Meshcapture(Meshcapture::launch, Map.of(), "");
    }

    /** A function with the shape of the program's own entry point. */
    public static Meshcapture inProcess(Program main) {
        return new Meshcapture(call -> call(main, call), Map.of(), "");
    }

    /** With this in its environment. */
    public Meshcapture with(String variable, String value) {
        var more = new HashMap<>(environment);
        more.put(variable, value);
        return new Meshcapture(program, Map.copyOf(more), input);
    }

    /** With this on its standard input, as for {@code -f -}. */
    public Meshcapture reading(String input) {
        return new Meshcapture(program, environment, input);
    }

    /** Runs to the end, which must come within a minute. */
    public Outcome run(String... args) {
        Kernel.refuseMachinesOwnNamespace();
        Outcome outcome = program.apply(new Call(List.of(args), environment, input));
        ResultsSchema.require(List.of(args), outcome.out());
        return outcome;
    }

    /** Starts the installed program and leaves it running, to be watched, stopped or killed. */
    public Background start(String... args) {
        return Background.started(input, environment, commandLine(List.of(args)));
    }

    private static Outcome launch(Call call) {
        Run.Result result = Run.command(call.input, call.environment, LIMIT, commandLine(call.args));
        return new Outcome(result.exit(), result.out(), result.err());
    }

    private static Outcome call(Program main, Call call) {
        var out = new StringWriter();
        var err = new StringWriter();
        var in = new ByteArrayInputStream(call.input.getBytes(StandardCharsets.UTF_8));
        var environment = new HashMap<>(System.getenv());
        environment.putAll(call.environment);
        try (var outWriter = new PrintWriter(out);
                var errWriter = new PrintWriter(err)) {
            int exit = main.run(outWriter, errWriter, in, environment, call.args.toArray(String[]::new));
            outWriter.flush();
            errWriter.flush();
            return new Outcome(exit, out.toString(), err.toString());
        }
    }

    private static List<String> commandLine(List<String> args) {
        Path launcher = Path.of(System.getProperty("meshcapture.bin", "target/meshcapture/bin/meshcapture"));
        var line = new ArrayList<String>();
        line.add(launcher.toAbsolutePath().toString());
        line.addAll(args);
        return List.copyOf(line);
    }

    private record Call(List<String> args, Map<String, String> environment, String input) {}

    /** The program's entry point: words in, words and an exit code out. */
    @FunctionalInterface
    public interface Program {
        int run(PrintWriter out, PrintWriter err, InputStream in, Map<String, String> environment, String... args);
    }

    /** How a run ended: the exit code, the results and the talk. */
    public record Outcome(int exit, String out, String err) {}
}
