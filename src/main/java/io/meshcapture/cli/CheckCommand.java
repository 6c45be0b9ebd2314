package io.meshcapture.cli;

import io.meshcapture.failure.ExitCode;
import io.meshcapture.probe.Probe;
import io.meshcapture.verbs.Check;
import io.meshcapture.verbs.Difference;
import io.meshcapture.verbs.Screen;
import java.util.List;
import java.util.function.Consumer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/** {@code meshcapture check [SERVICE…]}. */
final class CheckCommand implements Command {
    @Override
    public String name() {
        return "check";
    }

    @Override
    public String summary() {
        return "compare live state and plan";
    }

    @Override
    public void declare(CommandSpec spec) {
        spec.addPositional(ApplyCommand.services("services to check; none: all"));
        spec.addOption(GlobalOptions.flag(
                "send a real connection down every path, and see where the kernel takes it", "--probe"));
        spec.addOption(GlobalOptions.flag(
                "only what apply writes, and not whether Envoy takes it: before Envoy has started", "--without-envoy"));
        PlanOptions.declareService(spec);
        PlanOptions.declareSettings(spec);
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
        Check.Outcome found = Check.run(
                PlanOptions.read(options, invocation).plan(),
                invocation.place(),
                Invocation.services(options),
                options.hasMatchedOption("--probe"));
        Check.Outcome outcome = options.hasMatchedOption("--without-envoy") ? found.withoutFaults() : found;
        if (invocation.isJson()) {
            Json.write(invocation.out(), json -> {
                json.name("command").value("check");
                json.name("inSync").value(outcome.isInSync());
                json.name("services").value(outcome.services());
                json.name("inbound").value(outcome.inbound());
                json.name("dns").value(outcome.dns());
                Json.differences(json, outcome.differences());
                Json.texts(json, "shadows", outcome.shadows());
                Json.texts(json, "faults", outcome.faults());
                ProbeText.json(json, outcome.probes());
                Json.texts(json, "notes", outcome.notes());
            });
        } else {
            Differences.print(invocation.out(), outcome.differences());
            Consumer<String> say = text -> invocation.out().println(Wrapped.of(text, 0, Screen.ofResults()));
            for (String shadow : outcome.shadows()) {
                say.accept("in place but ineffective: " + shadow
                        + " is asked first and takes connections that we then never see");
            }
            outcome.faults().forEach(fault -> say.accept("broken: " + fault));
            if (!outcome.probes().isEmpty()) {
                ProbeText.print(outcome.probes(), invocation.out());
                say.accept(ProbeText.summary(outcome.probes()));
            }
            say.accept(verdict(outcome));
        }
        outcome.notes().forEach(invocation::note);
        return !outcome.isSound() ? ExitCode.DRIFT : isUnproved(outcome) ? ExitCode.UNAVAILABLE : ExitCode.DONE;
    }

    /** Whether connections were to be tried, and none could be. */
    private static boolean isUnproved(Check.Outcome outcome) {
        return !outcome.probes().isEmpty()
                && outcome.probes().stream().allMatch(probe -> probe.result() == Probe.Result.UNKNOWN);
    }

    /** What a person has to do before apply does anything; the empty text where that is nothing. */
    private static String first(List<Difference> differences) {
        List<String> lines = differences.stream()
                .filter(Difference::needsPerson)
                .map(Difference::where)
                .distinct()
                .toList();
        return lines.isEmpty()
                ? ""
                : "first change by hand what apply leaves alone: " + String.join(", ", lines) + "; then ";
    }

    /** Applying again mends what differs, and not what others do. */
    private static String verdict(Check.Outcome outcome) {
        int differences = outcome.differences().size();
        String captured = Differences.captured(outcome.services(), outcome.inbound(), outcome.dns());
        if (outcome.isSound() && isUnproved(outcome)) {
            return "in place, and not proved: no connection could be tried, see above; run it as root";
        }
        if (outcome.isSound()) {
            return "in sync: " + captured;
        }
        if (outcome.isInSync()) {
            return "in place, but Envoy does not take it as it should, see above: " + captured;
        }
        String first = first(outcome.differences());
        if (!outcome.stands() && differences > 0) {
            return "not captured: nothing of the plan stands here; " + first + "capture with: meshcapture apply";
        }
        boolean unserved = outcome.probes().stream()
                .filter(probe -> probe.result() == Probe.Result.WRONG)
                .allMatch(Probe.Verdict::isUnserved);
        if (differences == 0 && outcome.shadows().isEmpty() && unserved) {
            return "in place, but nobody listens where connections are sent, see above: " + captured;
        }
        if (differences == 0 && outcome.shadows().isEmpty()) {
            return "not captured: everything stands as the plan has it, and connections go elsewhere; see what doctor finds";
        }
        if (differences == 0) {
            return "drift: the plan is in place, and rules of others come first; "
                    + (outcome.overtakes()
                            ? "go before them with: meshcapture apply"
                            : "change those rules or the plan");
        }
        return "drift: " + Differences.count(differences, "difference") + "; " + first
                + "repair with: meshcapture apply"
                + (outcome.shadows().isEmpty() || outcome.overtakes()
                        ? ""
                        : "; the rules of others have to be changed where they are");
    }
}
