package io.meshcapture.cli;

import io.meshcapture.failure.ExitCode;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/** One command: its options, and what it does with them. */
interface Command {

    String name();

    /** One line for the list of commands. */
    String summary();

    /** Adds its own options and parameters; the global ones are there. */
    void declare(CommandSpec spec);

    ExitCode run(ParseResult options, Session session) throws Exception;

    /** All of them, in the order in which people meet them. */
    List<Command> ALL = List.of(
            new ApplyCommand(),
            new CheckCommand(),
            new StatusCommand(),
            new ExplainCommand(),
            new RollbackCommand(),
            new RenderCommand(),
            new CompletionCommand(),
            new VersionCommand());
}
