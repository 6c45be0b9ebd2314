package io.meshcapture.cli;

import com.google.gson.stream.JsonWriter;
import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Account;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.CgroupPath;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.UnitName;
import io.meshcapture.rules.Explanation;
import io.meshcapture.verbs.Explain;
import io.meshcapture.verbs.Place;
import io.meshcapture.verbs.Screen;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/** {@code meshcapture explain DESTINATION}. */
final class ExplainCommand implements Command {
    @Override
    public String name() {
        return "explain";
    }

    @Override
    public String summary() {
        return "say what happens to a connection and why";
    }

    @Override
    public void declare(CommandSpec spec) {
        DestinationText.declare(spec, "; - for one a line on standard input");
        spec.addOption(GlobalOptions.flag("ask the live state instead of the plan", "--live"));
        spec.addOption(GlobalOptions.text("USER", "the caller's user (default: root)", "--from-user"));
        spec.addOption(GlobalOptions.text("GROUP", "the caller's group (default: the user's own)", "--from-group"));
        spec.addOption(GlobalOptions.text("UNIT", "the caller's systemd unit", "--from-unit"));
        spec.addOption(GlobalOptions.text("PATH", "the caller's control group", "--from-cgroup"));
        spec.addOption(GlobalOptions.text("PID", "the caller is this process", "--pid"));
        spec.addOption(GlobalOptions.text(
                "ADDRESS", "a virtual machine or container behind this host (interfaces.outbound)", "--from-address"));
        spec.addOption(GlobalOptions.text("INTERFACE", "the interface that it arrives on or leaves by", "--interface"));
        PlanOptions.declareSettings(spec);
    }

    @Override
    public ExitCode run(ParseResult options, Invocation invocation) throws Exception {
        List<Explain.Question> questions = new ArrayList<>();
        boolean isOne = true;
        Place place = invocation.place();
        try {
            Explain.Question asked = caller(options);
            place = asked.pid() == null ? place : Explain.placeOf(place, asked.pid());
            for (String text : texts(options, invocation)) {
                DestinationText destination = DestinationText.parse(text);
                isOne &= !destination.isName();
                for (Address address : destination.addresses(place, asked.pid())) {
                    questions.add(asked.to(address, destination.port()));
                }
            }
        } catch (BadValue e) {
            throw new Failure.Invalid(e.what(), "command line", e.mend());
        }
        List<Explain.Outcome> outcomes = options.hasMatchedOption("--live")
                ? Explain.fromLiveState(place, questions)
                : Explain.fromPlan(PlanOptions.readSettings(options, invocation).plan(), place, questions);
        if (invocation.isJson()) {
            json(isOne && !isStandardInput(options), questions, outcomes, invocation);
        } else {
            for (int i = 0; i < outcomes.size(); i++) {
                Explain.Outcome outcome = outcomes.get(i);
                String text = questions.get(i).inbound()
                        ? ExplanationText.inbound(outcome.connection(), outcome.explanation())
                        : ExplanationText.of(outcome.connection(), outcome.explanation());
                invocation
                        .out()
                        .print((i == 0 ? "" : "\n")
                                + ExplanationText.fitting(text, 0, ExplanationText.WHY, Screen.ofResults()));
            }
        }
        outcomes.stream().flatMap(one -> one.notes().stream()).distinct().forEach(invocation::note);
        if (questions.getFirst().isOfNobodyNamed()
                && outcomes.stream().anyMatch(one -> ExplanationText.isNobodys(one.explanation()))) {
            invocation.note(
                    "asked for uid 0, since no caller was named; name a service's by --from-user, --from-unit or"
                            + " --pid");
        }
        return ExitCode.DONE;
    }

    private static boolean isStandardInput(ParseResult options) {
        return options.matchedPositionalValue(0, "").equals("-");
    }

    /** One a line; empty lines and what begins with # say nothing. */
    private static List<String> texts(ParseResult options, Invocation invocation) {
        if (!isStandardInput(options)) {
            return List.of(options.matchedPositionalValue(0, ""));
        }
        if (options.matchedOptionValue("--file", "").equals("-")) {
            throw new Failure.Invalid(
                    "standard input is named twice, for the plan and for destinations",
                    "command line",
                    "write the plan to a file, and name it with -f FILE");
        }
        byte[] content;
        try {
            content = invocation.in().readAllBytes();
        } catch (IOException e) {
            throw new Failure.Invalid(
                    "standard input cannot be read",
                    BadValue.printable(String.valueOf(e.getMessage())),
                    "write destinations to it, one a line, such as 10.0.0.5:443");
        }
        List<String> texts = new String(content, StandardCharsets.UTF_8)
                .lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty() && !line.startsWith("#"))
                .toList();
        if (texts.isEmpty()) {
            throw new Failure.Invalid(
                    "no destination stands on standard input",
                    "command line",
                    "write one a line, such as 10.0.0.5:443");
        }
        return texts;
    }

    /** Who calls, without where to. */
    private static Explain.Question caller(ParseResult options) throws BadValue {
        Origin origin = Origin.of("command line");
        String user = value(options, "--from-user");
        String group = value(options, "--from-group");
        String unit = value(options, "--from-unit");
        String cgroup = value(options, "--from-cgroup");
        String pid = value(options, "--pid");
        boolean inbound = options.hasMatchedOption("--inbound");
        String source = value(options, "--from-address");
        boolean byName = user != null || group != null || unit != null || cgroup != null;
        if (pid != null && (byName || inbound || source != null)) {
            throw new BadValue(
                    "--pid is given beside another caller",
                    "leave out --from-user, --from-group, --from-unit, --from-cgroup, --from-address and --inbound");
        }
        if (source != null && (inbound || byName)) {
            throw new BadValue(
                    "--from-address is given beside --inbound or a caller of this host",
                    "name one caller: an address is that of a virtual machine or container behind this host");
        }
        if (inbound && byName) {
            throw new BadValue(
                    "--inbound is given beside a caller of this host",
                    "leave --inbound out, or --from-user, --from-group, --from-unit and --from-cgroup");
        }
        String device = value(options, "--interface");
        return new Explain.Question(
                Address.ipv4(0),
                1,
                options.hasMatchedOption("--udp"),
                user == null ? null : Account.parse(Account.Kind.USER, user, origin),
                group == null ? null : Account.parse(Account.Kind.GROUP, group, origin),
                unit == null ? null : UnitName.parse(unit, origin),
                cgroup == null ? null : CgroupPath.parse(cgroup, origin),
                inbound,
                source == null ? null : Address.parse(source),
                device == null ? null : InterfaceName.parse(device).value(),
                pid == null ? null : pid(pid));
    }

    private static Long pid(String text) throws BadValue {
        if (!text.matches("[1-9][0-9]{0,9}")) {
            throw new BadValue("pid " + BadValue.quote(text) + " is not a number", "write one such as 4711");
        }
        return Long.valueOf(text);
    }

    private static @Nullable String value(ParseResult options, String name) {
        return options.matchedOptionValue(name, (@Nullable String) null);
    }

    /** Of one address the members stand in the object itself; of several, or of what a name leads to, in an array. */
    private static void json(
            boolean isOne, List<Explain.Question> questions, List<Explain.Outcome> outcomes, Invocation invocation)
            throws IOException {
        Json.write(invocation.out(), json -> {
            json.name("command").value("explain");
            if (isOne) {
                members(json, questions.getFirst(), outcomes.getFirst());
                return;
            }
            json.name("explanations").beginArray();
            for (int i = 0; i < outcomes.size(); i++) {
                json.beginObject();
                members(json, questions.get(i), outcomes.get(i));
                json.endObject();
            }
            json.endArray();
        });
    }

    private static void members(JsonWriter json, Explain.Question question, Explain.Outcome outcome)
            throws IOException {
        Explanation explanation = outcome.explanation();
        json.name("protocol").value(ExplanationText.protocol(outcome.connection()));
        json.name("destination").value(ExplanationText.destination(outcome.connection()));
        json.name("inbound").value(question.inbound());
        if (question.source() != null) {
            json.name("source").value(question.source().toString());
        } else if (!question.inbound()) {
            json.name("uid").value(outcome.connection().caller().uid());
            json.name("gid").value(outcome.connection().caller().gid());
            json.name("cgroup").value(outcome.connection().caller().cgroup());
        }
        json.name("steps").beginArray();
        for (Explanation.Line line : explanation.lines()) {
            json.beginObject();
            json.name("why").value(line.why());
            json.name("decides").value(line.decides());
            json.endObject();
        }
        json.endArray();
        json.name("outcome").value(explanation.outcome().name().toLowerCase(Locale.ROOT));
        json.name("service")
                .value(
                        explanation.service() == null
                                ? null
                                : explanation.service().value());
        json.name("listener")
                .value(
                        explanation.listener() == null
                                ? null
                                : explanation.listener().number());
    }
}
