package io.meshcapture.cli;

import java.util.List;

/** The commands. */
final class Commands {

    /** All of them, in the order in which people meet them. */
    static final List<Command> ALL = List.of(
            new ApplyCommand(),
            new ConfirmCommand(),
            new CheckCommand(),
            new StatusCommand(),
            new ExplainCommand(),
            new TraceCommand(),
            new RollbackCommand(),
            new AgentCommand(),
            new RenderCommand(),
            new EnvoyConfigCommand(),
            new InjectCommand(),
            new EnvCommand(),
            new DoctorCommand(),
            new CompletionCommand(),
            new VersionCommand());

    private Commands() {}
}
