package io.meshcapture.cli;

import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParseResult;

/** {@code meshcapture completion SHELL}. */
final class CompletionCommand implements Command {
    @Override
    public String name() {
        return "completion";
    }

    @Override
    public String summary() {
        return "print a completion script for bash or zsh";
    }

    @Override
    public void declare(CommandSpec spec) {
        spec.addPositional(PositionalParamSpec.builder()
                .paramLabel("SHELL")
                .arity("0..1")
                .type(String.class)
                .description("bash or zsh (default: bash); load it with: source <(meshcapture completion)")
                .build());
    }

    @Override
    public ExitCode run(ParseResult options, Invocation invocation) {
        String shell = options.matchedPositionalValue(0, "bash");
        if (!shell.equals("bash") && !shell.equals("zsh")) {
            throw new Failure.Invalid("shell " + BadValue.quote(shell) + " is not known", "SHELL", "write bash or zsh");
        }
        CommandLine all = new CommandLine(CommandSpec.create().name("meshcapture"));
        for (Command command : Commands.ALL) {
            all.addSubcommand(command.name(), GlobalOptions.commandLine(command));
        }
        // picocli's bash script loads bash's completion under zsh by itself
        invocation.out().println(AutoComplete.bash("meshcapture", all));
        return ExitCode.DONE;
    }
}
