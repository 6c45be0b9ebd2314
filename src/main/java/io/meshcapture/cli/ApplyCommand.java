package io.meshcapture.cli;

import io.meshcapture.config.Configuration;
import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Choices;
import io.meshcapture.verbs.Apply;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParseResult;

/** {@code meshcapture apply [SERVICE…]}. */
final class ApplyCommand implements Command {

    static final Duration DEFAULT_DRAIN = Duration.ofSeconds(10);

    @Override
    public String name() {
        return "apply";
    }

    @Override
    public String summary() {
        return "make the live state match the plan";
    }

    @Override
    public void declare(CommandSpec spec) {
        spec.addPositional(services("services to apply; none: all, and those that the plan no longer has are removed"));
        spec.addOption(
                GlobalOptions.flag("print the difference between live and wanted, and change nothing", "--dry-run"));
        spec.addOption(GlobalOptions.text(
                "TIME", "put it on trial: it ends by itself unless confirmed by then", "--confirm-within"));
        spec.addOption(GlobalOptions.text("TIME", "wait until Envoy listens first", "--wait-envoy"));
        spec.addOption(GlobalOptions.text(
                "TIME",
                "how long captured connections may go on where nothing stays captured (default: 10s)",
                "--drain"));
        spec.addOption(GlobalOptions.flag(
                "send a real connection down every path then, and undo it all if one goes elsewhere", "--probe"));
        spec.addOption(GlobalOptions.flag("capture where another mesh does already", "--allow-other-mesh"));
        PlanOptions.declareService(spec);
        PlanOptions.declareSettings(spec);
    }

    static PositionalParamSpec services(String description) {
        return PositionalParamSpec.builder()
                .paramLabel("SERVICE")
                .arity("0..*")
                .type(List.class)
                .auxiliaryTypes(String.class)
                .description(description)
                .build();
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
        Configuration.Reading reading = PlanOptions.read(options, invocation);
        @Nullable
        Duration waitEnvoy = options.hasMatchedOption("--wait-envoy")
                ? Durations.option(options, "--wait-envoy", Duration.ZERO)
                : null;
        boolean dryRun = options.hasMatchedOption("--dry-run");
        Apply.Request request = new Apply.Request(
                Invocation.services(options),
                dryRun,
                waitEnvoy,
                Durations.option(options, "--drain", DEFAULT_DRAIN),
                trial(options),
                options.hasMatchedOption("--probe"),
                options.hasMatchedOption("--allow-other-mesh"));
        Apply.Outcome outcome = Apply.run(reading.plan(), invocation.place(), request, invocation.progress());
        if (invocation.isVerbose()) {
            invocation.say("the backend is " + outcome.backend() + ", because " + outcome.whyBackend());
        }
        if (invocation.isJson()) {
            Json.write(invocation.out(), json -> {
                json.name("command").value("apply");
                json.name("backend").value(outcome.backend());
                json.name("dryRun").value(dryRun);
                json.name("changed").value(outcome.changed());
                Json.texts(json, "added", outcome.added());
                Json.texts(json, "updated", outcome.updated());
                Json.texts(json, "removed", outcome.removed());
                json.name("captured").value(outcome.captured());
                json.name("inbound").value(outcome.inbound());
                json.name("dns").value(outcome.dns());
                json.name("ipv6").value(Choices.word(outcome.ipv6()));
                Json.differences(json, outcome.differences());
                json.name("trialSeconds")
                        .value(outcome.trial() == null ? null : outcome.trial().toMillis() / 1000.0);
                ProbeText.json(json, outcome.probes());
                Json.texts(json, "notes", outcome.notes());
            });
        } else {
            print(outcome, dryRun, invocation.out());
            if (!outcome.probes().isEmpty()) {
                invocation.out().println(ProbeText.summary(outcome.probes()));
            }
            if (outcome.trial() != null && !dryRun) {
                invocation
                        .out()
                        .println("on trial: ends by itself in " + Durations.text(outcome.trial())
                                + " unless confirmed with: meshcapture confirm");
            }
        }
        outcome.notes().forEach(invocation::note);
        return ExitCode.DONE;
    }

    /** At least a second: nobody could confirm sooner. */
    private static @Nullable Duration trial(ParseResult options) {
        if (!options.hasMatchedOption("--confirm-within")) {
            return null;
        }
        Duration trial = Durations.option(options, "--confirm-within", Duration.ZERO);
        if (trial.compareTo(Duration.ofSeconds(1)) < 0) {
            throw new Failure.Invalid(
                    "a trial of " + trial.toMillis() + " ms is too short",
                    "--confirm-within",
                    "give yourself time to confirm, such as 60s");
        }
        return trial;
    }

    static void print(Apply.Outcome outcome, boolean dryRun, PrintWriter out) {
        if (dryRun) {
            Differences.print(out, outcome.differences());
        }
        String would = dryRun ? "would be " : "";
        line(out, would + "captured", outcome.added());
        line(out, would + "changed", outcome.updated());
        line(out, would + "released", outcome.removed());
        if (outcome.inbound() != outcome.inboundBefore()) {
            out.println(would + (outcome.inbound() ? "captured" : "released") + ": inbound connections");
        }
        if (outcome.dns() != outcome.dnsBefore()) {
            out.println(would + (outcome.dns() ? "captured" : "released") + ": DNS");
        }
        boolean servicesSame = outcome.inbound() == outcome.inboundBefore()
                && outcome.dns() == outcome.dnsBefore()
                && outcome.added().isEmpty()
                && outcome.updated().isEmpty()
                && outcome.removed().isEmpty();
        String all = Differences.captured(outcome.captured(), outcome.inbound(), outcome.dns());
        if (!outcome.changed()) {
            out.println("in sync: " + all + " captured, nothing to change");
        } else if (servicesSame) {
            String what = outcome.asked()
                    ? dryRun ? "would change: " : "changed: "
                    : dryRun ? "would repair: " : "repaired: ";
            out.println(
                    what + Differences.count(outcome.differences().size(), "difference") + "; " + all + " captured");
        } else {
            out.println((dryRun ? "in all: " : "done: ") + all + " captured, IPv6 " + ipv6(outcome.ipv6()));
        }
    }

    private static String ipv6(Choices.Ipv6 ipv6) {
        return switch (ipv6) {
            case AUTO, CAPTURE -> "captured too";
            case BYPASS -> "left direct";
            case REJECT -> "rejected";
        };
    }

    private static void line(PrintWriter out, String what, List<String> services) {
        if (!services.isEmpty()) {
            int shown = Math.min(20, services.size());
            out.println(what + ": " + String.join(", ", services.subList(0, shown))
                    + (services.size() > shown ? " and " + (services.size() - shown) + " more" : ""));
        }
    }
}
