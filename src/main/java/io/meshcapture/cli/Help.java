package io.meshcapture.cli;

import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The overview, and what wrong usage is answered with. */
final class Help {
    private Help() {}

    static ExitCode withoutCommand(Invocation invocation, List<String> args) {
        if (args.contains("--version")) {
            invocation.out().println("meshcapture " + VersionCommand.version());
            return ExitCode.DONE;
        }
        if (args.contains("--help") || args.contains("-h")) {
            overview(invocation.out());
            return ExitCode.DONE;
        }
        throw new Failure.Invalid("no command is given", "command line", "name one; meshcapture --help lists them");
    }

    private static void overview(PrintWriter out) {
        out.println("Sends the traffic of unmodified services through the local Envoy, reversibly and per service.");
        out.println();
        out.println("Usage: meshcapture COMMAND [OPTIONS]");
        out.println();
        out.println("Commands:");
        for (Command command : Commands.ALL) {
            out.println("  " + command.name() + " ".repeat(14 - command.name().length()) + command.summary());
        }
        out.println();
        out.println("meshcapture COMMAND --help shows a command's options.");
        out.println();
        out.println("Exit codes:");
        GlobalOptions.exitCodes().forEach((code, meaning) -> out.println("  " + code + "  " + meaning));
    }

    static Failure unknownCommand(String name) {
        return new Failure.Invalid(
                "command " + BadValue.quote(name) + " is not known",
                "command line",
                "write one of "
                        + String.join(
                                ", ", Commands.ALL.stream().map(Command::name).toList()));
    }

    static Failure wrongUsage(Command command, ParameterException e) {
        String what = e instanceof UnmatchedArgumentException unmatched
                ? "argument " + BadValue.quote(unmatched.getUnmatched().getFirst()) + " is not known"
                : BadValue.printable(String.valueOf(e.getMessage()).replace('\n', ' '));
        return new Failure.Invalid(
                what, "meshcapture " + command.name(), "see meshcapture " + command.name() + " --help");
    }
}
