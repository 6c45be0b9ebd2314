package io.meshcapture.cli;

import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Choices;
import io.meshcapture.verbs.Screen;
import io.meshcapture.verbs.Status;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/** {@code meshcapture status}. */
final class StatusCommand implements Command {
    /** A look takes a tenth of it. */
    private static final Duration SHORTEST = Duration.ofMillis(200);

    /** From the upper left corner on (ECMA-48, CUP and ED). */
    private static final String CLEARED = "\u001b[H\u001b[J";

    @Override
    public String name() {
        return "status";
    }

    @Override
    public String summary() {
        return "show what is captured, one line per service";
    }

    @Override
    public void declare(CommandSpec spec) {
        spec.addOption(GlobalOptions.flag("show it again and again, with what happens per second", "--watch"));
        spec.addOption(GlobalOptions.text("TIME", "how often (default: 1s)", "--interval"));
    }

    @Override
    public boolean needsKernel() {
        return true;
    }

    @Override
    public ExitCode run(ParseResult options, Invocation invocation) throws Exception {
        Duration interval = interval(options);
        Status.@Nullable Outcome before = null;
        long beforeAt = System.nanoTime();
        while (true) {
            Status.Outcome live = Status.run(invocation.place());
            long at = System.nanoTime();
            Map<String, String> drift = StatusDrift.byService(live, options, invocation, interval == null);
            if (invocation.isVerbose() && before == null && !live.backend().isEmpty()) {
                invocation.say("the backend is " + live.backend());
            }
            if (invocation.isJson()) {
                json(live, drift, invocation);
            } else {
                Status.Outcome earlier = before == null && interval != null ? live : before; // the same columns at once
                show(live, earlier, Duration.ofNanos(at - beforeAt), drift, interval, invocation);
            }
            invocation.out().flush();
            if (interval == null || invocation.out().checkError()) {
                return ExitCode.DONE;
            }
            before = live;
            beforeAt = at;
            Thread.sleep(interval);
        }
    }

    /** How often it is shown, or null for once. */
    private static @Nullable Duration interval(ParseResult options) {
        if (!options.hasMatchedOption("--watch")) {
            if (options.hasMatchedOption("--interval")) {
                throw new Failure.Invalid(
                        "--interval is given without --watch", "command line", "write --watch too, or leave it out");
            }
            return null;
        }
        if (options.matchedOptionValue("--file", "").equals("-")) {
            throw new Failure.Invalid(
                    "--watch reads the plan again and again, and standard input can be read once",
                    "-f",
                    "write the plan to a file, and name it with -f FILE");
        }
        Duration interval = Durations.option(options, "--interval", Duration.ofSeconds(1));
        if (interval.compareTo(SHORTEST) < 0) {
            throw new Failure.Invalid(
                    "an interval of " + interval.toMillis() + " ms is too short",
                    "--interval",
                    "write " + SHORTEST.toMillis() + "ms or more");
        }
        return interval;
    }

    private static void show(
            Status.Outcome live,
            Status.@Nullable Outcome before,
            Duration between,
            Map<String, String> drift,
            @Nullable Duration interval,
            Invocation invocation) {
        Screen screen = Screen.ofResults();
        List<String> lines = new ArrayList<>();
        if (interval != null) {
            lines.add("meshcapture status, every " + Durations.text(interval) + "; Ctrl-C ends it");
        }
        List<String> below = below(live, before, between);
        int most = screen == null || interval == null
                ? Integer.MAX_VALUE
                : Math.max(1, screen.rows() - lines.size() - below.size() - 3);
        if (!live.services().isEmpty()) {
            lines.addAll(new StatusTable(live, before, between, drift)
                    .lines(screen, most, screen != null && invocation.isColoured()));
        }
        lines.addAll(below);
        if (interval == null) {
            live.notes().forEach(invocation::note);
        } else {
            live.notes().forEach(note -> lines.add("note: " + note));
        }
        if (interval != null && screen != null) {
            invocation.out().print(CLEARED);
        }
        lines.forEach(line -> invocation.out().println(interval == null ? line : cut(line, screen)));
        if (interval != null && screen == null) {
            invocation.out().println();
        }
    }

    /** Lines that a terminal broke in two would push others out of it. */
    private static String cut(String line, @Nullable Screen screen) {
        int visible = line.replaceAll("\u001b\\[[0-9]*m", "").length();
        return screen == null || visible <= screen.columns() ? line : line.substring(0, screen.columns() - 1) + "…";
    }

    private static List<String> below(Status.Outcome live, Status.@Nullable Outcome before, Duration between) {
        List<String> lines = new ArrayList<>();
        live.draining()
                .forEach((service, left) -> lines.add("draining: " + Differences.count(left, "captured connection")
                        + (service.isEmpty() ? "" : " of " + service)));
        if (live.services().isEmpty() && live.inbound() == null && live.dns() == null) {
            lines.add(
                    live.leftover()
                            ? "nothing is captured; rules of ours are left over, remove them with: meshcapture rollback --all"
                            : "nothing is captured");
        }
        Status.Arriving inbound = live.inbound();
        if (inbound != null) {
            Status.Arriving earlier = before == null ? null : before.inbound();
            lines.add("inbound connections: " + inbound.captured() + " captured"
                    + (earlier == null
                            ? ""
                            : " (" + StatusTable.rate(inbound.captured() - earlier.captured(), between) + "/s)")
                    + ", " + inbound.excepted() + " excepted; to Envoy's listener " + inbound.listener() + " by "
                    + Choices.word(inbound.mode()));
        }
        if (live.dns() != null) {
            lines.add("DNS: to Envoy's listener " + live.dns() + "; " + live.dnsCaptured() + " captured"
                    + (before == null
                            ? ""
                            : " (" + StatusTable.rate(live.dnsCaptured() - before.dnsCaptured(), between) + "/s)"));
        }
        if (live.quicRejected() > 0) {
            lines.add("QUIC: " + Differences.count((int) live.quicRejected(), "first packet")
                    + " rejected since the rules changed, counted as captured above");
        }
        if (live.trialLeft() != null) {
            lines.add("on trial: ends by itself in "
                    + Durations.text(live.trialLeft().plusMillis(999).truncatedTo(ChronoUnit.SECONDS))
                    + " unless confirmed with: meshcapture confirm");
        }
        return lines;
    }

    private static @Nullable Long counted(long connections) {
        return connections == Status.UNCOUNTED ? null : connections;
    }

    private static void json(Status.Outcome live, Map<String, String> drift, Invocation invocation) throws IOException {
        Json.write(invocation.out(), json -> {
            json.name("command").value("status");
            json.name("at").value(Instant.now().truncatedTo(ChronoUnit.MILLIS).toString());
            json.name("services").beginArray();
            for (Status.Captured service : live.services()) {
                json.beginObject();
                json.name("service").value(service.name());
                json.name("backend").value(service.backend());
                json.name("since")
                        .value(service.since() == null ? null : service.since().toString());
                json.name("version").value(service.version());
                json.name("captured").value(counted(service.captured()));
                json.name("excepted").value(counted(service.excepted()));
                json.name("rejected").value(counted(service.rejected()));
                json.name("open").value(counted(service.open()));
                json.name("packets").value(counted(service.packets()));
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
                json.name("captured").value(live.dnsCaptured());
                json.endObject();
            }
            json.name("quicRejected").value(live.quicRejected());
            json.name("draining").beginObject();
            for (Map.Entry<String, Integer> service : live.draining().entrySet()) {
                json.name(service.getKey()).value(service.getValue());
            }
            json.endObject();
            json.name("trialSecondsLeft")
                    .value(live.trialLeft() == null ? null : live.trialLeft().toMillis() / 1000.0);
            Json.texts(json, "notes", live.notes());
        });
    }
}
