package io.meshcapture.cli;

import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.verbs.Rollback;
import java.util.Set;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** {@code meshcapture rollback [SERVICE…] | --all}. */
final class RollbackCommand implements Command {
    @Override
    public String name() {
        return "rollback";
    }

    @Override
    public String summary() {
        return "undo the capture of services; needs no plan";
    }

    @Override
    public void declare(CommandSpec spec) {
        spec.addPositional(ApplyCommand.services("services to release"));
        spec.addOption(GlobalOptions.flag("release all services", "--all"));
        // for whoever ends trials where the kernel cannot
        spec.addOption(OptionSpec.builder("--when-over").hidden(true).build());
        spec.addOption(
                GlobalOptions.flag("end the trial that runs; what stood before it is in force again", "--trial"));
        spec.addOption(GlobalOptions.text(
                "TIME",
                "how long captured connections may go on before they are cut; 0 cuts them at once (default: 10s)",
                "--drain"));
    }

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
        Set<ServiceName> services = Invocation.services(options);
        boolean all = options.hasMatchedOption("--all");
        boolean trial = options.hasMatchedOption("--trial");
        int said = (services.isEmpty() ? 0 : 1) + (all ? 1 : 0) + (trial ? 1 : 0);
        if (said != 1) {
            throw new Failure.Invalid(
                    said == 0
                            ? "neither a service nor --all is given"
                            : trial ? "--trial is given beside others" : "services and --all are both given",
                    "meshcapture rollback",
                    "name the services to release, or write --all, or --trial to end a trial");
        }
        if (options.hasMatchedOption("--when-over") && !Rollback.awaitEndOfTrial(invocation.place())) {
            return ExitCode.DONE;
        }
        Rollback.Request request =
                new Rollback.Request(services, trial, Durations.option(options, "--drain", ApplyCommand.DEFAULT_DRAIN));
        Rollback.Outcome outcome = Rollback.run(invocation.place(), request, invocation.progress());
        if (invocation.isJson()) {
            Json.write(invocation.out(), json -> {
                json.name("command").value("rollback");
                Json.texts(json, "removed", outcome.removed());
                Json.texts(json, "notCaptured", outcome.unknown());
                Json.texts(json, "remaining", outcome.remaining());
                Json.texts(json, "drained", outcome.drained());
                json.name("inbound").value(outcome.inbound());
                json.name("dns").value(outcome.dns());
                json.name("cut").value(outcome.cut());
                json.name("uncut").value(outcome.uncut());
                Json.texts(json, "notes", outcome.notes());
            });
            outcome.notes().forEach(invocation::note);
            return ExitCode.DONE;
        }
        if (!outcome.unknown().isEmpty()) {
            invocation.out().println("not captured: " + String.join(", ", outcome.unknown()));
        }
        if (!outcome.drained().isEmpty()) {
            invocation.out().println("drained: " + String.join(", ", outcome.drained()));
        }
        if (outcome.removed().isEmpty()) {
            if (outcome.drained().isEmpty()) {
                invocation.out().println(outcome.changed() ? "done" : "nothing to do");
            }
        } else {
            invocation.out().println("released: " + String.join(", ", outcome.removed()));
        }
        if (!outcome.remaining().isEmpty()) {
            invocation.out().println("still captured: " + String.join(", ", outcome.remaining()));
        }
        if (outcome.inbound()) {
            invocation
                    .out()
                    .println("still captured: inbound connections, which belong to the plan; release them too with:"
                            + " meshcapture rollback --all");
        }
        if (outcome.dns()) {
            invocation
                    .out()
                    .println("still captured: DNS, which belongs to the plan; release it too with:"
                            + " meshcapture rollback --all");
        }
        outcome.notes().forEach(invocation::note);
        if (outcome.cut() > 0) {
            invocation.note(Differences.count(outcome.cut(), "captured connection")
                    + " did not end within the drain time and had to be cut; drain longer with --drain");
        }
        if (outcome.uncut() > 0) {
            invocation.note(Differences.count(outcome.uncut(), "captured connection")
                    + " did not end within the drain time, and this kernel cannot cut single connections"
                    + " (CONFIG_INET_DIAG_DESTROY); those whose table stands go on until they end");
        }
        return ExitCode.DONE;
    }
}
