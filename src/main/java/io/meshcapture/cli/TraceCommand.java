package io.meshcapture.cli;

import com.google.gson.stream.JsonWriter;
import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import io.meshcapture.rules.Caller;
import io.meshcapture.rules.Connection.Protocol;
import io.meshcapture.verbs.Screen;
import io.meshcapture.verbs.Trace;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/** {@code meshcapture trace DESTINATION}. */
final class TraceCommand implements Command {
    private static final Duration WITHIN = Duration.ofSeconds(30);
    private static final int MOST = 1000;

    /** The column that what a step says begins at. */
    private static final int WHY = 5;

    /** Far more than it takes to put back what it has changed. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    @Override
    public String name() {
        return "trace";
    }

    @Override
    public String summary() {
        return "tell what the kernel does with the next connections to somewhere";
    }

    @Override
    public void declare(CommandSpec spec) {
        DestinationText.declare(spec, "");
        spec.addOption(GlobalOptions.text("TIME", "how long they are waited for (default: 30s)", "--within"));
        spec.addOption(GlobalOptions.text("NUMBER", "after how many it ends (default: 5)", "--connections"));
    }

    @Override
    public boolean needsKernel() {
        return true;
    }

    @Override
    public ExitCode run(ParseResult options, Invocation invocation) throws Exception {
        DestinationText destination;
        int most;
        try {
            destination = DestinationText.parse(options.matchedPositionalValue(0, ""));
            most = most(options.matchedOptionValue("--connections", "5"));
        } catch (BadValue e) {
            throw new Failure.Invalid(e.what(), "command line", e.mend());
        }
        Duration within = Durations.option(options, "--within", WITHIN);
        if (within.compareTo(Duration.ofSeconds(1)) < 0) {
            throw new Failure.Invalid(
                    "a trace of " + within.toMillis() + " ms is too short",
                    "--within",
                    "write a second or more, such as 30s");
        }
        boolean udp = options.hasMatchedOption("--udp");
        Trace.Request request = new Trace.Request(
                destination.addresses(invocation.place(), null),
                destination.port(),
                udp ? Protocol.UDP : Protocol.TCP,
                options.hasMatchedOption("--inbound"),
                within,
                most);
        List<Trace.Seen> all = new ArrayList<>();
        int seen = Trace.run(
                invocation.place(),
                request,
                () -> {
                    invocation.say("tracing new connections to " + destination.host() + " port " + destination.port()
                            + ", for " + Durations.text(within) + " or until " + most + " were seen");
                    invocation.err().flush();
                },
                one -> {
                    all.add(one);
                    if (!invocation.isJson()) {
                        print(one, invocation);
                    }
                },
                Signals.stop(PATIENCE));
        if (Trace.hasLeftSettings(invocation.place())) {
            invocation.say(
                    "net.netfilter.nf_log could not be put back, since /proc/sys is read-only here; the next apply,"
                            + " confirm, rollback or trace that may write there puts it back");
        }
        if (invocation.isJson()) {
            json(all, invocation);
        } else if (seen == 0) {
            invocation.out().println("no connection was opened to it in that time");
        }
        return ExitCode.DONE;
    }

    private static int most(String text) throws BadValue {
        if (!text.matches("[1-9][0-9]{0,3}") || Integer.parseInt(text) > MOST) {
            throw new BadValue(
                    "number of connections " + BadValue.quote(text) + " is not from 1 to " + MOST,
                    "write one such as 5");
        }
        return Integer.parseInt(text);
    }

    private static void print(Trace.Seen seen, Invocation invocation) {
        StringBuilder text = new StringBuilder();
        text.append(lower(seen.protocol()))
                .append(" to ")
                .append(ExplanationText.ends(
                        seen.ends().destination(), seen.ends().destinationPort()))
                .append(" from ")
                .append(ExplanationText.ends(seen.ends().source(), seen.ends().sourcePort()));
        Caller caller = seen.caller();
        if (caller != null) {
            text.append(", uid ").append(caller.uid());
            text.append(caller.cgroup() == null ? "" : ", cgroup /" + caller.cgroup());
        }
        text.append('\n');
        for (int i = 0; i < seen.steps().size(); i++) {
            text.append(
                    String.format(Locale.ROOT, "%3d  %s%n", i + 1, seen.steps().get(i)));
        }
        text.append(outcome(seen)).append('\n');
        if (!seen.isAsExplained() && seen.explained() != null) {
            text.append("the rules that stand say otherwise: ")
                    .append(ExplanationText.outcome(seen.explained()))
                    .append('\n');
        }
        invocation.out().println(ExplanationText.fitting(text.toString(), 0, WHY, Screen.ofResults()));
        invocation.out().flush();
    }

    private static String outcome(Trace.Seen seen) {
        String service = seen.explained() == null || seen.explained().service() == null
                ? ""
                : ", service " + seen.explained().service();
        return switch (seen.outcome()) {
            case CAPTURED -> "captured: to Envoy's listener " + seen.listener() + service;
            case DIRECT -> "direct" + (seen.steps().size() > 1 ? service : ": no service captures it");
            case REJECTED -> "rejected" + service;
            case DROPPED -> "dropped" + (seen.by().isEmpty() ? "" : " by " + seen.by());
            case UNASKED ->
                "our rules were not asked"
                        + (seen.by().isEmpty()
                                ? ": its translation was decided before"
                                : ": " + seen.by() + " decided before");
        };
    }

    private static void json(List<Trace.Seen> all, Invocation invocation) throws IOException {
        Json.write(invocation.out(), json -> {
            json.name("command").value("trace");
            json.name("connections").beginArray();
            for (Trace.Seen seen : all) {
                json.beginObject();
                members(json, seen);
                json.endObject();
            }
            json.endArray();
        });
    }

    private static void members(JsonWriter json, Trace.Seen seen) throws IOException {
        json.name("protocol").value(lower(seen.protocol()));
        json.name("source")
                .value(ExplanationText.ends(seen.ends().source(), seen.ends().sourcePort()));
        json.name("destination")
                .value(ExplanationText.ends(
                        seen.ends().destination(), seen.ends().destinationPort()));
        json.name("uid").value(seen.caller() == null ? null : seen.caller().uid());
        Json.texts(json, "steps", seen.steps());
        json.name("outcome").value(lower(seen.outcome()));
        json.name("listener").value(seen.listener() == 0 ? null : seen.listener());
        json.name("by").value(seen.by().isEmpty() ? null : seen.by());
        json.name("service")
                .value(
                        seen.explained() == null || seen.explained().service() == null
                                ? null
                                : seen.explained().service().value());
        json.name("asExplained").value(seen.isAsExplained());
    }

    private static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
