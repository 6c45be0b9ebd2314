package io.meshcapture.cli;

import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import io.meshcapture.failure.Problem;
import io.meshcapture.verbs.Preparation;
import java.io.BufferedWriter;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** The entry point: finds the command, runs it, turns failures into words and an exit code. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        int status = run(args);
        // not System.exit: it loads the logging framework in order to log the call, and we have nothing to shut down
        Runtime.getRuntime().halt(status);
    }

    /** Runs a command with the process's own streams; answers the exit status. */
    public static int run(String... args) {
        // our own writers: System.out would swallow a closed pipe and take the locale's charset
        PrintWriter out = writer(FileDescriptor.out);
        PrintWriter err = writer(FileDescriptor.err);
        return run(out, err, System.in, System.getenv(), TerminationLog.DEFAULT, args);
    }

    private static PrintWriter writer(FileDescriptor descriptor) {
        return new PrintWriter(
                new BufferedWriter(new OutputStreamWriter(new FileOutputStream(descriptor), StandardCharsets.UTF_8)));
    }

    /** Runs a command with the given streams and environment; answers the exit status. */
    public static int run(
            PrintWriter out, PrintWriter err, InputStream in, Map<String, String> environment, String... args) {
        return run(out, err, in, environment, null, args);
    }

    /** Likewise, and leaves the reason of a failure in that file, if it is there. */
    static int run(
            PrintWriter out,
            PrintWriter err,
            InputStream in,
            Map<String, String> environment,
            @Nullable Path terminationLog,
            String... args) {
        Invocation invocation = new Invocation(out, err, in, environment);
        ExitCode code;
        try {
            code = dispatch(invocation, List.of(args));
        } catch (Failure failure) {
            String reasons = String.valueOf(failure.getMessage());
            reasons.lines().forEach(line -> err.println("meshcapture: " + line));
            tell(terminationLog, reasons);
            code = failure.exitCode();
            invocation.failed(code, failure.problems());
        } catch (InterruptedException e) {
            err.println("meshcapture: interrupted; run the same command again to finish");
            code = ExitCode.BUG;
        } catch (Exception | Error e) {
            String what = "a bug in meshcapture";
            err.println("meshcapture: " + what + ": " + e + (invocation.isVerbose() ? "" : "; see more with -v"));
            if (invocation.isVerbose()) {
                e.printStackTrace(err);
            }
            tell(terminationLog, what + ": " + e);
            code = ExitCode.BUG;
            invocation.failed(code, List.of(new Problem(what, e.toString(), "see more with -v")));
        }
        err.flush();
        if (out.checkError() && !invocation.speaksByExitCode()) {
            err.println("meshcapture: standard output was closed before everything was written");
            err.flush();
            return ExitCode.BUG.status();
        }
        return code.status();
    }

    private static void tell(@Nullable Path terminationLog, String reasons) {
        if (terminationLog != null) {
            TerminationLog.write(terminationLog, reasons);
        }
    }

    private static ExitCode dispatch(Invocation invocation, List<String> args) throws Exception {
        int at = GlobalOptions.commandIndex(args);
        if (at < 0) {
            return Help.withoutCommand(invocation, args);
        }
        String name = args.get(at);
        Command command = find(name);
        if (command == null) {
            invocation.readHowItSpeaks(null, args);
            throw Help.unknownCommand(name);
        }
        if (command.needsKernel()) {
            Preparation.begin();
        }
        CommandLine line = GlobalOptions.commandLine(command);
        String[] rest = new String[args.size() - 1];
        for (int i = 0, k = 0; i < args.size(); i++) {
            if (i != at) {
                rest[k++] = args.get(i);
            }
        }
        ParseResult options;
        try {
            options = line.parseArgs(rest);
        } catch (ParameterException e) {
            invocation.readHowItSpeaks(command, Arrays.asList(rest));
            throw Help.wrongUsage(command, e);
        }
        if (options.hasMatchedOption("--help")) {
            line.usage(invocation.out());
            return ExitCode.DONE;
        }
        invocation.take(command, options);
        return command.run(options, invocation);
    }

    private static @Nullable Command find(String name) {
        for (Command command : Commands.ALL) {
            if (command.name().equals(name)) {
                return command;
            }
        }
        return null;
    }
}
