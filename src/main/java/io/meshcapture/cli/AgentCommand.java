package io.meshcapture.cli;

import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Plan;
import io.meshcapture.verbs.Agent;
import io.meshcapture.verbs.Apply;
import io.meshcapture.verbs.Stop;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/** {@code meshcapture agent}. */
final class AgentCommand implements Command {
    private static final Duration DEFAULT_INTERVAL = Duration.ofSeconds(10);

    /** What a pod or unit that ends gives its processes, less a little. */
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @Override
    public String name() {
        return "agent";
    }

    @Override
    public String summary() {
        return "apply the plan, stay, and repair what others change";
    }

    @Override
    public void declare(CommandSpec spec) {
        spec.addOption(GlobalOptions.text(
                "TIME", "how often to look at what stands, and at the plan (default: 10s)", "--interval"));
        spec.addOption(GlobalOptions.flag("capture where another mesh does already", "--allow-other-mesh"));
        PlanOptions.declareService(spec);
        PlanOptions.declareSettings(spec);
    }

    @Override
    public boolean needsKernel() {
        return true;
    }

    @Override
    public ExitCode run(ParseResult options, Invocation invocation) throws Exception {
        if (invocation.isJson()) {
            throw new Failure.Invalid("an agent's results have no end", "--output json", "write text, or leave it out");
        }
        Duration interval = Durations.option(options, "--interval", DEFAULT_INTERVAL);
        if (interval.compareTo(Duration.ofSeconds(1)) < 0) {
            throw new Failure.Invalid(
                    "looking every " + interval.toMillis() + " ms costs more than it finds",
                    "--interval",
                    "write 1s or more");
        }
        Plan first = PlanOptions.read(options, invocation).plan();
        AtomicBoolean again = new AtomicBoolean();
        boolean readOnce = PlanOptions.areFromStandardInput(options, invocation);
        Stop stop = Signals.stop(PATIENCE);
        Agent.run(
                () -> again.getAndSet(true) && !readOnce
                        ? PlanOptions.readQuietly(options, invocation, true).plan()
                        : first,
                invocation.place(),
                interval,
                options.hasMatchedOption("--allow-other-mesh"),
                invocation.progress(),
                new Agent.Listener() {
                    @Override
                    public void applied(Apply.Outcome outcome) {
                        ApplyCommand.print(outcome, false, invocation.out());
                        outcome.notes().forEach(invocation::note);
                        flush();
                    }

                    @Override
                    public void failed(Failure failure) {
                        String.valueOf(failure.getMessage()).lines().forEach(invocation::say);
                        flush();
                    }

                    @Override
                    public void gaveWay(List<String> rules) {
                        invocation.say(
                                "rules of others come first again whenever ours have gone before them, and are left"
                                        + " there: ours in " + String.join("; ours in ", rules)
                                        + "; what they take is not captured; decide who comes first, and take those rules out where"
                                        + " they come from; tried again from time to time");
                        flush();
                    }

                    private void flush() {
                        invocation.out().flush();
                        invocation.err().flush();
                    }
                },
                stop);
        invocation.out().println("ended; what is captured stays captured, until: meshcapture rollback --all");
        return ExitCode.DONE;
    }
}
