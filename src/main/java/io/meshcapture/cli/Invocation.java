package io.meshcapture.cli;

import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import io.meshcapture.failure.Problem;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.verbs.Place;
import io.meshcapture.verbs.Progress;
import java.io.Console;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ParseResult;

/** One run of a command: its streams, its environment and the global options. */
final class Invocation {

    private static final Duration DEFAULT_LOCK_TIMEOUT = Duration.ofSeconds(10);

    private final PrintWriter out;
    private final PrintWriter err;
    private final InputStream in;
    private final Map<String, String> environment;
    private boolean verbose;
    private boolean quiet;
    private boolean json;
    private @Nullable String command;
    private boolean coloured;
    private boolean allowHostNetwork;
    private boolean speaksByExitCode;
    private @Nullable String namespace;
    private Duration lockTimeout = DEFAULT_LOCK_TIMEOUT;
    private Path stateDirectory = Place.DEFAULT_STATE_DIRECTORY;
    private @Nullable Path hostsFile;

    Invocation(PrintWriter out, PrintWriter err, InputStream in, Map<String, String> environment) {
        this.out = out;
        this.err = err;
        this.in = in;
        this.environment = environment;
    }

    /** Takes the global options. */
    void take(Command command, ParseResult options) {
        this.command = command.name();
        speaksByExitCode = command.speaksByExitCode();
        verbose = options.hasMatchedOption("--verbose");
        quiet = options.hasMatchedOption("--quiet");
        coloured = !options.hasMatchedOption("--no-color")
                && environment.getOrDefault("NO_COLOR", "").isEmpty();
        allowHostNetwork = options.hasMatchedOption("--allow-host-network");
        namespace = options.matchedOptionValue("--netns", (@Nullable String) null);
        String format = options.matchedOptionValue("--output", "text");
        if (!format.equals("text") && !format.equals("json")) {
            throw new Failure.Invalid(
                    "output format " + BadValue.quote(format) + " is not known", "--output", "write text or json");
        }
        json = format.equals("json");
        stateDirectory = Path.of(options.matchedOptionValue("--state-dir", stateDirectory.toString()));
        if (options.hasMatchedOption("--hosts-file")) {
            String file = options.matchedOptionValue("--hosts-file", "none");
            hostsFile = file.equals("none")
                    ? Place.NO_HOSTS_FILE
                    : Path.of(file).toAbsolutePath().normalize();
        }
        lockTimeout = Durations.option(options, "--lock-timeout", DEFAULT_LOCK_TIMEOUT);
    }

    /** For failures before the options could be read. */
    void readHowItSpeaks(@Nullable Command asked, List<String> args) {
        command = asked == null ? null : asked.name();
        verbose = args.contains("-v") || args.contains("--verbose");
        json = (" " + String.join(" ", args) + " ").matches(".* (-o|--output)[ =]?json .*");
    }

    /** Tells machines why there is no result, in its place; people are told on standard error. */
    void failed(ExitCode code, List<Problem> problems) {
        if (json) {
            err.flush(); // on a terminal both are seen, one after the other
            try {
                Json.failure(out, command, code, problems);
            } catch (IOException e) {
                throw new UncheckedIOException(e); // a PrintWriter throws none
            }
        }
    }

    PrintWriter out() {
        return out;
    }

    PrintWriter err() {
        return err;
    }

    InputStream in() {
        return in;
    }

    Map<String, String> environment() {
        return environment;
    }

    boolean isVerbose() {
        return verbose;
    }

    boolean speaksByExitCode() {
        return speaksByExitCode;
    }

    /** Whether colours are wanted where a terminal can show them (no-color.org). */
    boolean isColoured() {
        return coloured;
    }

    boolean isJson() {
        return json;
    }

    /** Where the verb works. */
    Place place() {
        return new Place(
                namespace,
                allowHostNetwork,
                lockTimeout,
                stateDirectory,
                hostsFile,
                environment,
                VersionCommand.version());
    }

    /** Talk, unless quiet. */
    void say(String sentence) {
        if (!quiet) {
            err.println("meshcapture: " + sentence);
        }
    }

    /** Something that the user should know; said even when quiet, since it may be a problem. */
    void note(String sentence) {
        err.println("meshcapture: note: " + sentence);
    }

    /** Says what is waited for, each new sentence once; rewrites its line on a terminal. */
    Progress progress() {
        boolean terminal =
                Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false);
        return new SpokenProgress(this, terminal && !quiet);
    }

    /** The services that are named on the command line. */
    static Set<ServiceName> services(ParseResult options) {
        Set<ServiceName> services = new LinkedHashSet<>();
        for (String name : options.matchedPositionalValue(0, List.<String>of())) {
            try {
                services.add(ServiceName.parse(name));
            } catch (BadValue e) {
                boolean isFile = name.endsWith(".yaml") || name.endsWith(".yml") || name.indexOf('/') >= 0;
                throw new Failure.Invalid(
                        e.what(),
                        "command line",
                        isFile ? "name a plan's file with -f " + BadValue.printable(name) : e.mend());
            }
        }
        return services;
    }
}
