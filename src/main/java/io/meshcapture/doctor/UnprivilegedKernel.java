package io.meshcapture.doctor;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.meshcapture.failure.ExitCode;
import io.meshcapture.system.OwnRoot;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What doctor finds of the kernel as root of namespaces of its own, for somebody who has no privilege in this one. */
record UnprivilegedKernel() implements Examination {

    @Override
    public List<Finding> examine() {
        OwnRoot.Outcome page = OwnRoot.meshcapture("doctor", "-o", "json");
        List<Finding> findings = new ArrayList<>();
        try {
            findings.addAll(parse(page.out()));
        } catch (JsonParseException | IllegalStateException e) {
            // it was no page: then nothing was tried
        }
        if (findings.isEmpty()) {
            findings.add(Finding.note(
                    Topic.KERNEL,
                    "kernel.not-tried",
                    "the kernel's features were not tried",
                    page.whyNot(),
                    "run doctor with sudo"));
        }
        return findings;
    }

    private static List<Finding> parse(String text) {
        List<Finding> findings = new ArrayList<>();
        JsonElement page = JsonParser.parseString(text);
        if (page.isJsonObject() && page.getAsJsonObject().has("findings")) {
            for (JsonElement one : page.getAsJsonObject().getAsJsonArray("findings")) {
                JsonObject finding = one.getAsJsonObject();
                if (text(finding, "topic").equalsIgnoreCase(Topic.KERNEL.name())) {
                    findings.add(finding(finding));
                }
            }
        }
        return findings;
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
