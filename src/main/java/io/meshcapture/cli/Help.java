package io.meshcapture.cli;

import io.meshcapture.config.EditDistance;
import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import java.io.PrintWriter;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.OptionSpec;
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
        List<String> names = Commands.ALL.stream().map(Command::name).toList();
        return new Failure.Invalid(
                "command " + BadValue.quote(name) + " is not known",
                "command line",
                EditDistance.mend(name, names, "write one of " + String.join(", ", names)));
    }

    static Failure wrongUsage(Command command, ParameterException e) {
        String where = "meshcapture " + command.name();
        String help = "see " + where + " --help";
        if (e instanceof UnmatchedArgumentException unmatched) {
            String word = unmatched.getUnmatched().getFirst();
            Set<String> options =
                    e.getCommandLine().getCommandSpec().optionsMap().keySet();
            return new Failure.Invalid(
                    "argument " + BadValue.quote(word) + " is not known",
                    where,
                    word.startsWith("--") ? EditDistance.mend(word, options, help) : help);
        }
        if (e instanceof MissingParameterException missing
                && missing.getMissing().getFirst() instanceof OptionSpec option) {
            return new Failure.Invalid(
                    option.longestName() + " is given without a value",
                    where,
                    "write " + option.longestName() + " " + option.paramLabel() + "; " + help);
        }
        return new Failure.Invalid(
                BadValue.printable(String.valueOf(e.getMessage()).replace('\n', ' ')), where, help);
    }
}
