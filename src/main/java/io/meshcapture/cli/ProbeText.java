package io.meshcapture.cli;

import com.google.gson.stream.JsonWriter;
import io.meshcapture.probe.Probe;
import io.meshcapture.rules.Explanation;
import io.meshcapture.verbs.Screen;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** What probes showed, for people and for machines. */
final class ProbeText {
    private ProbeText() {}

    /**
     * The table, what the plan says of those that went wrong, and what the verdicts rest on. On a terminal that is too narrow
     * for the table, a few lines for each.
     */
    static void print(List<Probe.Verdict> verdicts, PrintWriter out) {
        Screen screen = Screen.ofResults();
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("SERVICE", "PATH", "PROBE", "EVIDENCE", "VERDICT"));
        Set<String> evidence = new LinkedHashSet<>();
        for (Probe.Verdict verdict : verdicts) {
            rows.add(List.of(
                    verdict.service() == null ? "-" : verdict.service(),
                    verdict.path(),
                    verdict.what(),
                    verdict.evidence() == null ? "-" : name(verdict.evidence()),
                    word(verdict)
                            + (verdict.result() == Probe.Result.UNKNOWN ? "" : ": ")
                            + (verdict.result() == Probe.Result.UNKNOWN ? "" : verdict.found())));
            if (verdict.evidence() != null) {
                evidence.add(
                        name(verdict.evidence()) + ", " + verdict.evidence().words());
            }
        }
        if (screen == null || Columns.width(rows) <= screen.columns()) {
            Columns.print(rows, out);
        } else {
            rows.stream().skip(1).forEach(row -> {
                out.println(Wrapped.of(row.get(0) + ", " + row.get(1) + ": " + row.get(2), 0, screen));
                out.println("  " + Wrapped.of(row.get(4) + " (" + row.get(3) + ")", 2, screen));
            });
        }
        for (Probe.Verdict verdict : verdicts) {
            if (verdict.result() == Probe.Result.WRONG
                    && !verdict.isUnserved()
                    && verdict.connection() != null
                    && verdict.expected() != null) {
                String wrong = "wrong: " + verdict.what() + " " + verdict.found() + "; the plan says:";
                out.println(Wrapped.of(wrong, 0, screen));
                String text = verdict.isArriving()
                        ? ExplanationText.inbound(verdict.connection(), verdict.expected())
                        : ExplanationText.of(verdict.connection(), verdict.expected());
                String steps = text.substring(text.indexOf('\n') + 1);
                out.print(ExplanationText.fitting(steps, 2, ExplanationText.WHY, screen));
            }
        }
        if (!evidence.isEmpty()) {
            out.println(Wrapped.of("evidence: " + String.join("; ", evidence), 0, screen));
        }
    }

    /** One line for all. */
    static String summary(List<Probe.Verdict> verdicts) {
        Probe.Outcome all = new Probe.Outcome(verdicts, List.of());
        long wrong = all.count(Probe.Result.WRONG);
        long unknown = all.count(Probe.Result.UNKNOWN);
        return Differences.count(verdicts.size(), "probe") + ": " + all.count(Probe.Result.OK) + " as planned"
                + (wrong > 0 ? ", " + wrong + " wrong" : "") + (unknown > 0 ? ", " + unknown + " not tried" : "");
    }

    static void json(JsonWriter json, List<Probe.Verdict> verdicts) throws IOException {
        json.name("probes").beginArray();
        for (Probe.Verdict verdict : verdicts) {
            json.beginObject();
            json.name("service").value(verdict.service());
            json.name("path").value(verdict.path());
            json.name("probe").value(verdict.what());
            json.name("result").value(lower(verdict.result()));
            json.name("found").value(verdict.found());
            json.name("evidence").value(verdict.evidence() == null ? null : name(verdict.evidence()));
            json.name("expected");
            if (verdict.expected() == null) {
                json.nullValue();
            } else {
                Explanation expected = verdict.expected();
                json.beginObject();
                json.name("outcome").value(lower(expected.outcome()));
                json.name("listener")
                        .value(
                                expected.listener() == null
                                        ? null
                                        : expected.listener().number());
                Json.texts(
                        json,
                        "steps",
                        expected.lines().stream().map(Explanation.Line::why).toList());
                json.endObject();
            }
            json.endObject();
        }
        json.endArray();
    }

    private static String word(Probe.Verdict verdict) {
        return switch (verdict.result()) {
            case OK -> "ok";
            case WRONG -> "WRONG";
            case UNKNOWN -> verdict.found();
        };
    }

    private static String name(Probe.Evidence evidence) {
        return lower(evidence);
    }

    private static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
