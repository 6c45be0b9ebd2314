package io.meshcapture.cli;

import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Account;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.CgroupPath;
import io.meshcapture.plan.Destination;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.UnitName;
import io.meshcapture.rules.Explanation;
import io.meshcapture.verbs.Explain;
import java.io.IOException;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
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
        spec.addPositional(PositionalParamSpec.builder()
                .paramLabel("DESTINATION")
                .arity("1")
                .type(String.class)
                .description("ADDRESS:PORT; an IPv6 address stands in brackets")
                .build());
        spec.addOption(GlobalOptions.flag("ask the live state instead of the plan", "--live"));
        spec.addOption(GlobalOptions.flag("a UDP packet instead of a TCP connection", "--udp"));
        spec.addOption(GlobalOptions.text("USER", "the caller's user (default: root)", "--from-user"));
        spec.addOption(GlobalOptions.text("GROUP", "the caller's group (default: the user's own)", "--from-group"));
        spec.addOption(GlobalOptions.text("UNIT", "the caller's systemd unit", "--from-unit"));
        spec.addOption(GlobalOptions.text("PATH", "the caller's control group", "--from-cgroup"));
        spec.addOption(GlobalOptions.text(
                "ADDRESS", "a virtual machine or container behind this host (interfaces.outbound)", "--from-address"));
        spec.addOption(GlobalOptions.flag("a connection that arrives from elsewhere, to this host", "--inbound"));
        spec.addOption(GlobalOptions.text("INTERFACE", "the interface that it arrives on or leaves by", "--interface"));
        PlanOptions.declareSettings(spec);
    }

    @Override
    public ExitCode run(ParseResult options, Invocation invocation) throws Exception {
        Explain.Question question;
        try {
            question = question(options);
        } catch (BadValue e) {
            throw new Failure.Invalid(e.what(), "command line", e.mend());
        }
        Explain.Outcome outcome = options.hasMatchedOption("--live")
                ? Explain.fromLiveState(invocation.place(), question)
                : Explain.fromPlan(PlanOptions.readSettings(options, invocation).plan(), invocation.place(), question);
        if (invocation.isJson()) {
            json(question, outcome, invocation);
        } else {
            invocation
                    .out()
                    .print(
                            question.inbound()
                                    ? ExplanationText.inbound(outcome.connection(), outcome.explanation())
                                    : ExplanationText.of(outcome.connection(), outcome.explanation()));
        }
        outcome.notes().forEach(invocation::note);
        return ExitCode.DONE;
    }

    private static Explain.Question question(ParseResult options) throws BadValue {
        String text = options.matchedPositionalValue(0, "");
        Destination destination = Destination.parse(text, Origin.of("command line"));
        boolean one = destination.network() != null
                && destination.network().prefix()
                        == destination.network().family().bits()
                && destination.ports().ranges().size() == 1
                && destination.ports().ranges().getFirst().first()
                        == destination.ports().ranges().getFirst().last();
        if (!one) {
            throw new BadValue(
                    "destination " + BadValue.quote(text) + " is not one address and one port",
                    "write ADDRESS:PORT, such as 10.0.0.5:443 or [fd00::5]:443");
        }
        Address address = destination.network() == null
                ? Address.ipv4(0)
                : destination.network().base();
        Origin origin = Origin.of("command line");
        String user = value(options, "--from-user");
        String group = value(options, "--from-group");
        String unit = value(options, "--from-unit");
        String cgroup = value(options, "--from-cgroup");
        boolean inbound = options.hasMatchedOption("--inbound");
        String source = value(options, "--from-address");
        if (source != null && (inbound || user != null || group != null || unit != null || cgroup != null)) {
            throw new BadValue(
                    "--from-address is given beside --inbound or a caller of this host",
                    "name one caller: an address is that of a virtual machine or container behind this host");
        }
        if (inbound && (user != null || group != null || unit != null || cgroup != null)) {
            throw new BadValue(
                    "--inbound is given beside a caller of this host",
                    "leave --inbound out, or --from-user, --from-group, --from-unit and --from-cgroup");
        }
        String device = value(options, "--interface");
        return new Explain.Question(
                address,
                destination.ports().ranges().getFirst().first(),
                options.hasMatchedOption("--udp"),
                user == null ? null : Account.parse(Account.Kind.USER, user, origin),
                group == null ? null : Account.parse(Account.Kind.GROUP, group, origin),
                unit == null ? null : UnitName.parse(unit, origin),
                cgroup == null ? null : CgroupPath.parse(cgroup, origin),
                inbound,
                source == null ? null : Address.parse(source),
                device == null ? null : InterfaceName.parse(device).value());
    }

    private static @Nullable String value(ParseResult options, String name) {
        return options.matchedOptionValue(name, (@Nullable String) null);
    }

    private static void json(Explain.Question question, Explain.Outcome outcome, Invocation invocation)
            throws IOException {
        Explanation explanation = outcome.explanation();
        Json.write(invocation.out(), json -> {
            json.name("command").value("explain");
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
        });
    }
}
