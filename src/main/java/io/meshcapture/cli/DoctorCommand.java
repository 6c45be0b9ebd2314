package io.meshcapture.cli;

import io.meshcapture.doctor.Finding;
import io.meshcapture.doctor.Report;
import io.meshcapture.doctor.Severity;
import io.meshcapture.doctor.Topic;
import io.meshcapture.failure.ExitCode;
import io.meshcapture.plan.Plan;
import io.meshcapture.verbs.Doctor;
import io.meshcapture.verbs.Screen;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/** {@code meshcapture doctor}. */
final class DoctorCommand implements Command {
    @Override
    public String name() {
        return "doctor";
    }

    @Override
    public String summary() {
        return "examine this host: what could keep capture from working, and the mend";
    }

    @Override
    public void declare(CommandSpec spec) {
        spec.addOption(GlobalOptions.flag("print the commands that would mend what was found, and run none", "--fix"));
        PlanOptions.declareService(spec);
        PlanOptions.declareSettings(spec);
    }

    @Override
    public boolean speaksByExitCode() {
        return true;
    }

    @Override
    public ExitCode run(ParseResult options, Invocation invocation) throws Exception {
        Callable<Plan> plan = () -> PlanOptions.read(options, invocation).plan();
        boolean isThere = PlanOptions.hasPlan(options, invocation) || PlanOptions.hasSettings(options);
        Report report = Doctor.run(isThere ? plan : null, invocation.place());
        if (invocation.isJson()) {
            json(report, invocation.out());
        } else if (options.hasMatchedOption("--fix")) {
            commands(report, invocation.out());
        } else {
            page(report, invocation.out());
        }
        return report.exit();
    }

    /** Where sentences begin on the page. */
    private static final int INDENT = 11;

    private static void page(Report report, PrintWriter out) {
        Screen screen = Screen.ofResults();
        @Nullable Topic topic = null;
        for (Finding finding : report.findings()) {
            if (finding.topic() != topic) {
                topic = finding.topic();
                out.println(topic.title());
            }
            out.printf(Locale.ROOT, "  %-8s %s%n", word(finding), Wrapped.of(finding.what(), INDENT, screen));
            if (!finding.because().isEmpty()) {
                out.println(" ".repeat(INDENT) + Wrapped.of(finding.because(), INDENT, screen));
            }
            if (!finding.mend().isEmpty()) {
                out.println(" ".repeat(INDENT) + Wrapped.of(finding.mend(), INDENT, screen));
            }
            finding.commands().forEach(command -> out.println(" ".repeat(INDENT) + "$ " + command));
        }
        out.println(Wrapped.of(verdict(report), 0, screen));
    }

    private static String verdict(Report report) {
        long problems = report.count(Severity.PROBLEM);
        long warnings = report.count(Severity.WARNING);
        if (problems == 0 && warnings == 0) {
            return report.isWhole()
                    ? "healthy: nothing keeps capture from working here"
                    : "nothing that can be seen without root keeps capture from working here; see the rest with sudo";
        }
        return Differences.count((int) problems, "problem") + ", " + Differences.count((int) warnings, "warning")
                + (problems == 0
                        ? ": nothing keeps capture from working, and the warnings may matter to you"
                        : ": mend the problems first");
    }

    /** Something that a shell takes: what is not a command is a comment. */
    private static void commands(Report report, PrintWriter out) {
        for (Finding finding : report.findings()) {
            if (finding.severity() == Severity.OK
                    || (finding.mend().isEmpty() && finding.commands().isEmpty())) {
                continue;
            }
            out.println("# " + word(finding) + ": " + finding.what());
            if (!finding.mend().isEmpty()) {
                out.println("#   " + finding.mend());
            }
            // what is only good to know is not done by whoever runs all of this
            String mark = finding.severity() == Severity.NOTE ? "# " : "";
            finding.commands().forEach(command -> out.println(mark + command));
        }
    }

    private static void json(Report report, PrintWriter out) throws IOException {
        Json.write(out, json -> {
            json.name("command").value("doctor");
            json.name("problems").value(report.count(Severity.PROBLEM));
            json.name("warnings").value(report.count(Severity.WARNING));
            json.name("findings").beginArray();
            for (Finding finding : report.findings()) {
                json.beginObject();
                json.name("id").value(finding.id());
                json.name("topic").value(finding.topic().name().toLowerCase(Locale.ROOT));
                json.name("severity").value(word(finding));
                json.name("what").value(finding.what());
                json.name("because").value(finding.because());
                json.name("mend").value(finding.mend());
                Json.texts(json, "commands", finding.commands());
                json.endObject();
            }
            json.endArray();
        });
    }

    private static String word(Finding finding) {
        return finding.severity().name().toLowerCase(Locale.ROOT);
    }
}
