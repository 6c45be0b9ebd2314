package io.meshcapture.doctor;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.meshcapture.failure.ExitCode;
import io.meshcapture.system.OwnRoot;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** What doctor finds of the kernel as root of namespaces of its own, for somebody who has no privilege in this one. */
record UnprivilegedKernel() implements Examination {

    @Override
    public List<Finding> examine() {
        return findings(OwnRoot.meshcapture("doctor", "-o", "json"));
    }

    /** What doctor's page there says of the kernel, or why it says nothing. */
    static List<Finding> findings(OwnRoot.Outcome page) {
        List<Finding> findings = new ArrayList<>();
        String whyNot = page.whyNot();
        try {
            JsonElement answer = JsonParser.parseString(page.out());
            if (answer.isJsonObject() && answer.getAsJsonObject().has("findings")) {
                findings.addAll(ofKernel(answer.getAsJsonObject().getAsJsonArray("findings")));
            } else if (answer.isJsonObject() && answer.getAsJsonObject().has("failure")) {
                whyNot = why(answer.getAsJsonObject().getAsJsonObject("failure"));
            }
        } catch (JsonParseException | IllegalStateException e) {
            // it was no page: then nothing was tried
        }
        if (findings.isEmpty()) {
            findings.add(Finding.note(
                    Topic.KERNEL,
                    "kernel.not-tried",
                    "the kernel's features were not tried",
                    whyNot.isBlank() ? "doctor as root of a namespace of its own said nothing of the kernel" : whyNot,
                    "run doctor with sudo"));
        }
        return findings;
    }

    private static List<Finding> ofKernel(JsonArray all) {
        List<Finding> findings = new ArrayList<>();
        for (JsonElement one : all) {
            JsonObject finding = one.getAsJsonObject();
            if (text(finding, "topic").equalsIgnoreCase(Topic.KERNEL.name())) {
                findings.add(finding(finding));
            }
        }
        return findings;
    }

    private static String why(JsonObject failure) {
        return failure.getAsJsonArray("problems").asList().stream()
                .map(JsonElement::getAsJsonObject)
                .map(problem -> text(problem, "what") + ": " + text(problem, "because"))
                .collect(Collectors.joining(", "));
    }

    private static Finding finding(JsonObject finding) {
        Severity severity = Severity.valueOf(text(finding, "severity").toUpperCase(Locale.ROOT));
        List<String> commands = finding.getAsJsonArray("commands").asList().stream()
                .map(JsonElement::getAsString)
                .toList();
        return new Finding(
                text(finding, "id"),
                Topic.KERNEL,
                severity,
                text(finding, "what"),
                text(finding, "because"),
                text(finding, "mend"),
                commands,
                severity == Severity.PROBLEM ? ExitCode.UNAVAILABLE : ExitCode.DONE);
    }

    private static String text(JsonObject finding, String member) {
        return finding.get(member).getAsString();
    }
}
