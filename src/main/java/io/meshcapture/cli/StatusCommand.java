package io.meshcapture.cli;

import io.meshcapture.failure.ExitCode;
import io.meshcapture.plan.Choices;
import io.meshcapture.verbs.Status;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/** {@code meshcapture status}. */
final class StatusCommand implements Command {
    @Override
    public String name() {
        return "status";
    }

    @Override
    public String summary() {
        return "show what is captured, one line per service";
    }

    @Override
    public void declare(CommandSpec spec) {}

    @Override
    public boolean needsKernel() {
        return true;
    }

    @Override
    public ExitCode run(ParseResult options, Invocation invocation) throws Exception {
        Status.Outcome live = Status.run(invocation.place());
        Map<String, String> drift = StatusDrift.byService(options, invocation);
        if (invocation.isJson()) {
            Json.write(invocation.out(), json -> {
                json.name("command").value("status");
                json.name("services").beginArray();
                for (Status.Captured service : live.services()) {
                    json.beginObject();
                    json.name("service").value(service.name());
                    json.name("backend").value(service.backend());
                    json.name("since")
                            .value(
                                    service.since() == null
                                            ? null
                                            : service.since().toString());
                    json.name("version").value(service.version());
                    json.name("captured").value(counted(service.captured()));
                    json.name("excepted").value(counted(service.excepted()));
                    json.name("drift").value(drift.getOrDefault(service.name(), StatusDrift.unplanned(drift)));
                    json.endObject();
                }
                json.endArray();
                if (live.inbound() != null) {
                    json.name("inbound").beginObject();
                    json.name("mode").value(Choices.word(live.inbound().mode()));
                    json.name("listener").value(live.inbound().listener().number());
                    json.name("captured").value(live.inbound().captured());
                    json.name("excepted").value(live.inbound().excepted());
                    json.endObject();
                }
                if (live.dns() != null) {
                    json.name("dns").beginObject();
                    json.name("listener").value(live.dns().number());
                    json.endObject();
                }
                json.name("draining").beginObject();
                for (Map.Entry<String, Integer> service : live.draining().entrySet()) {
                    json.name(service.getKey()).value(service.getValue());
                }
                json.endObject();
                json.name("trialSecondsLeft")
                        .value(
                                live.trialLeft() == null
                                        ? null
                                        : live.trialLeft().toMillis() / 1000.0);
                Json.texts(json, "notes", live.notes());
            });
            return ExitCode.DONE;
        }
        live.notes().forEach(invocation::note);
        live.draining()
                .forEach((service, left) -> invocation
                        .out()
                        .println("draining: " + Differences.count(left, "captured connection")
                                + (service.isEmpty() ? "" : " of " + service)));
        if (live.services().isEmpty() && live.inbound() == null && live.dns() == null) {
            invocation
                    .out()
                    .println(
                            live.leftover()
                                    ? "nothing is captured; a table is left over, remove it with: meshcapture rollback --all"
                                    : "nothing is captured");
        }
        if (!live.services().isEmpty()) {
            Columns.print(rows(live, drift), invocation.out());
        }
        if (live.inbound() != null) {
            invocation
                    .out()
                    .println("inbound connections: " + live.inbound().captured() + " captured, "
                            + live.inbound().excepted() + " excepted; to Envoy's listener "
                            + live.inbound().listener() + " by "
                            + Choices.word(live.inbound().mode()));
        }
        if (live.dns() != null) {
            invocation.out().println("DNS: to Envoy's listener " + live.dns());
        }
        if (live.trialLeft() != null) {
            invocation
                    .out()
                    .println("on trial: ends by itself in "
                            + Durations.text(live.trialLeft().plusMillis(999).truncatedTo(ChronoUnit.SECONDS))
                            + " unless confirmed with: meshcapture confirm");
        }
        return ExitCode.DONE;
    }

    private static @Nullable Long counted(long connections) {
        return connections == Status.UNCOUNTED ? null : connections;
    }

    private static List<List<String>> rows(Status.Outcome live, Map<String, String> drift) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("SERVICE", "BACKEND", "SINCE", "VERSION", "CAPTURED", "EXCEPTED", "DRIFT"));
        for (Status.Captured service : live.services()) {
            rows.add(List.of(
                    service.name(),
                    service.backend(),
                    service.since() == null ? "-" : service.since().toString(),
                    service.version(),
                    service.captured() == Status.UNCOUNTED ? "-" : Long.toString(service.captured()),
                    service.excepted() == Status.UNCOUNTED ? "-" : Long.toString(service.excepted()),
                    drift.getOrDefault(service.name(), StatusDrift.unplanned(drift))));
        }
        return rows;
    }
}
