package io.meshcapture.cli;

import io.meshcapture.failure.ExitCode;
import io.meshcapture.verbs.Confirm;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/** {@code meshcapture confirm}. */
final class ConfirmCommand implements Command {
    @Override
    public String name() {
        return "confirm";
    }

    @Override
    public String summary() {
        return "make the trial that runs permanent; needs no plan";
    }

    @Override
    public void declare(CommandSpec spec) {}

    @Override
    public boolean needsKernel() {
        return true;
    }

    @Override
    public boolean speaksByExitCode() {
        return true;
    }

    @Override
    public ExitCode run(ParseResult options, Invocation invocation) throws Exception {
        Confirm.Outcome outcome = Confirm.run(invocation.place());
        if (invocation.isJson()) {
            Json.write(invocation.out(), json -> {
                json.name("command").value("confirm");
                json.name("confirmed").value(outcome.confirmed());
                Json.texts(json, "services", outcome.services());
            });
        } else if (outcome.confirmed()) {
            invocation
                    .out()
                    .println("confirmed: "
                            + (outcome.services().isEmpty()
                                    ? "no service is captured"
                                    : String.join(", ", outcome.services())));
        } else {
            invocation.out().println("nothing to confirm: no trial is running");
        }
        return ExitCode.DONE;
    }
}
