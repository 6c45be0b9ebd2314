package io.meshcapture.cli;

import io.meshcapture.config.Configuration;
import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import io.meshcapture.kubernetes.AdmissionPolicy;
import io.meshcapture.kubernetes.CaptureContainer;
import io.meshcapture.kubernetes.Injection;
import io.meshcapture.kubernetes.PodPlan;
import io.meshcapture.plan.Inbound;
import io.meshcapture.plan.Ports;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParseResult;

/** {@code meshcapture inject [MANIFEST…]}. */
final class InjectCommand implements Command {

    private static final String POLICY = "meshcapture-inject";

    @Override
    public String name() {
        return "inject";
    }

    @Override
    public String summary() {
        return "add the initContainer that captures to Kubernetes manifests";
    }

    @Override
    public void declare(CommandSpec spec) {
        spec.addPositional(PositionalParamSpec.builder()
                .paramLabel("MANIFEST")
                .arity("0..*")
                .type(List.class)
                .auxiliaryTypes(String.class)
                .description("files of manifests; none, or -: standard input")
                .build());
        spec.addOption(GlobalOptions.flag("change the files instead of printing what they would be", "--in-place"));
        spec.addOption(GlobalOptions.flag("take out what was injected; no plan is needed", "--remove"));
        spec.addOption(GlobalOptions.flag(
                "print a MutatingAdmissionPolicy, by which the API server injects pods with the label"
                        + " meshcapture.io/inject: \"true\"",
                "--policy"));
        ContainerOptions.declare(spec);
        spec.addOption(GlobalOptions.flag("inject pods that another mesh captures already", "--allow-other-mesh"));
        PlanOptions.declareService(spec);
        PlanOptions.declareSettings(spec);
    }

    @Override
    public ExitCode run(ParseResult options, Invocation invocation) throws Exception {
        List<String> names = options.matchedPositionalValue(0, List.<String>of());
        boolean remove = options.hasMatchedOption("--remove");
        boolean policy = options.hasMatchedOption("--policy");
        refuseContradictions(options, names, remove, policy);
        boolean readsBoth = (names.isEmpty() || names.contains("-")) && !remove && !policy;
        if (readsBoth && PlanOptions.areFromStandardInput(options, invocation)) {
            throw new Failure.Invalid(
                    "plan and manifest are both to be read from standard input",
                    options.hasMatchedOption("--file") ? "-f -" : "MESHCAPTURE_PLAN=-",
                    "name a file for one of them");
        }
        @Nullable CaptureContainer container = null;
        @Nullable Ports except = null;
        if (!remove) {
            Configuration.Reading reading = PlanOptions.readOfPods(options, invocation);
            PodPlan.requireFit(reading.plan());
            container = ContainerOptions.read(options, invocation, reading);
            Inbound inbound = reading.plan().inbound();
            except = inbound == null ? null : inbound.except();
        }
        if (policy && container != null) {
            String text = AdmissionPolicy.text(POLICY, container, except != null, except == null ? Ports.NONE : except);
            if (invocation.isJson()) {
                writeJson(List.of(), List.of(), false, text, invocation);
            } else {
                invocation.out().print(text);
            }
            return ExitCode.DONE;
        }
        var request = new Injection.Request(
                container,
                except,
                options.hasMatchedOption("--allow-host-network"),
                options.hasMatchedOption("--allow-other-mesh"));
        List<ManifestFile> files = ManifestFile.read(names, invocation.in());
        List<Injection.Outcome> outcomes = new ArrayList<>();
        for (ManifestFile file : files) {
            outcomes.add(Injection.run(file.name(), file.content(), request));
        }
        // nothing is written before everything is known to work
        boolean inPlace = options.hasMatchedOption("--in-place");
        if (inPlace) {
            ManifestFile.replace(
                    files, outcomes.stream().map(Injection.Outcome::content).toList());
        }
        if (invocation.isJson()) {
            writeJson(files, outcomes, inPlace, null, invocation);
        } else {
            print(files, outcomes, inPlace, invocation);
        }
        return ExitCode.DONE;
    }

    private static void refuseContradictions(ParseResult options, List<String> names, boolean remove, boolean policy) {
        if (policy && options.hasMatchedOption("--allow-host-network")) {
            throw new Failure.Invalid(
                    "a policy captures no pods with hostNetwork",
                    "--allow-host-network",
                    "leave it out, or inject these manifests");
        }
        boolean reads = names.isEmpty() || names.contains("-");
        if (policy && (remove || !names.isEmpty() || options.hasMatchedOption("--in-place"))) {
            throw new Failure.Invalid(
                    "a policy is printed, not read, changed or taken out",
                    "--policy",
                    "leave out the manifests, --remove and --in-place");
        }
        if (reads && options.hasMatchedOption("--in-place")) {
            throw new Failure.Invalid(
                    "standard input cannot be changed in place", "--in-place", "name the files, or leave it out");
        }
    }

    private static void print(
            List<ManifestFile> files, List<Injection.Outcome> outcomes, boolean inPlace, Invocation invocation) {
        for (int i = 0; i < files.size(); i++) {
            Injection.Outcome outcome = outcomes.get(i);
            for (Injection.Change change : outcome.changes()) {
                invocation.say(change.workload() + ": " + change.action()
                        + (change.because().isEmpty() ? "" : ", because " + change.because()));
            }
            if (!outcome.others().isEmpty()) {
                invocation.say("passed through, having no pods: " + String.join(", ", outcome.others()));
            }
            outcome.notes().forEach(invocation::note);
            if (!inPlace) {
                String text = new String(outcome.content(), StandardCharsets.UTF_8);
                if (i > 0 && !text.startsWith("---")) {
                    invocation.out().print("---\n");
                }
                // a file of its own stays as it is; the next one begins on a line of its own
                invocation.out().print(text + (i < files.size() - 1 && !text.endsWith("\n") ? "\n" : ""));
            }
        }
    }

    private static void writeJson(
            List<ManifestFile> files,
            List<Injection.Outcome> outcomes,
            boolean inPlace,
            @Nullable String policy,
            Invocation invocation)
            throws IOException {
        Json.write(invocation.out(), json -> {
            json.name("command").value("inject");
            json.name("manifests").beginArray();
            for (int i = 0; i < files.size(); i++) {
                Injection.Outcome outcome = outcomes.get(i);
                json.beginObject().name("file").value(files.get(i).name());
                json.name("workloads").beginArray();
                for (Injection.Change change : outcome.changes()) {
                    json.beginObject();
                    json.name("workload").value(change.workload());
                    json.name("action").value(change.action().name().toLowerCase(java.util.Locale.ROOT));
                    json.name("because").value(change.because());
                    json.endObject();
                }
                json.endArray();
                Json.texts(json, "others", outcome.others());
                Json.texts(json, "notes", outcome.notes());
                json.name("content").value(inPlace ? null : new String(outcome.content(), StandardCharsets.UTF_8));
                json.endObject();
            }
            json.endArray();
            json.name("policy").value(policy);
        });
    }
}
