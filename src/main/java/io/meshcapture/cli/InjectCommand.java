package io.meshcapture.cli;

import io.meshcapture.config.PlanArguments;
import io.meshcapture.config.ServiceFlag;
import io.meshcapture.config.Setting;
import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import io.meshcapture.kubernetes.AdmissionPolicy;
import io.meshcapture.kubernetes.CaptureContainer;
import io.meshcapture.kubernetes.Injection;
import io.meshcapture.kubernetes.PodPlan;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Plan;
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

    /** Names and tags of images, and names of ConfigMaps: what may stand in a manifest without a second thought. */
    private static final String IMAGE = "[a-zA-Z0-9][a-zA-Z0-9._:/@-]{0,510}";

    private static final String NAME = "[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?";

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
        spec.addOption(GlobalOptions.text(
                "IMAGE", "the init image (default: meshcapture-init:" + VersionCommand.version() + ")", "--image"));
        spec.addOption(GlobalOptions.text(
                "WORD", "Always, IfNotPresent or Never (default: Kubernetes' own)", "--image-pull-policy"));
        spec.addOption(GlobalOptions.text(
                "NAME", "let the container read the plan from plan.yaml of this ConfigMap", "--config-map"));
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
        @Nullable Plan plan = remove ? null : plan(options, invocation);
        @Nullable CaptureContainer container = plan == null ? null : container(options, invocation, plan);
        @Nullable
        Ports except =
                plan == null || plan.inbound() == null ? null : plan.inbound().except();
        if (policy && container != null) {
            invocation
                    .out()
                    .print(AdmissionPolicy.text(
                            POLICY, container, except != null, except == null ? Ports.NONE : except));
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
        for (int i = 0; i < files.size() && inPlace; i++) {
            files.get(i).replaceBy(outcomes.get(i).content());
        }
        if (invocation.isJson()) {
            writeJson(files, outcomes, inPlace, invocation);
        } else {
            print(files, outcomes, inPlace, invocation);
        }
        return ExitCode.DONE;
    }

    private static void refuseContradictions(ParseResult options, List<String> names, boolean remove, boolean policy) {
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
        if (reads && !remove && !policy && "-".equals(options.matchedOptionValue("--file", (@Nullable String) null))) {
            throw new Failure.Invalid(
                    "plan and manifest are both to be read from standard input", "-f -", "name a file for one of them");
        }
    }

    private static Plan plan(ParseResult options, Invocation invocation) {
        Plan plan = PlanOptions.read(options, invocation).plan();
        PodPlan.requireFit(plan);
        return plan;
    }

    private static CaptureContainer container(ParseResult options, Invocation invocation, Plan plan) {
        String image = checked(options, "--image", "meshcapture-init:" + VersionCommand.version(), IMAGE, "an image");
        String pullPolicy = options.matchedOptionValue("--image-pull-policy", (@Nullable String) null);
        if (pullPolicy != null && !List.of("Always", "IfNotPresent", "Never").contains(pullPolicy)) {
            throw new Failure.Invalid(
                    "pull policy " + BadValue.quote(pullPolicy) + " is not known",
                    "--image-pull-policy",
                    "write Always, IfNotPresent or Never");
        }
        boolean besideOtherMesh = options.hasMatchedOption("--allow-other-mesh");
        if (!options.hasMatchedOption("--config-map")) {
            PlanArguments.of(plan, Ports.NONE); // fails here rather than in the middle of a manifest
            return new CaptureContainer(
                    image, pullPolicy, ports -> allowing(besideOtherMesh, PlanArguments.of(plan, ports)), null);
        }
        String configMap = checked(options, "--config-map", "", NAME, "the name of a ConfigMap");
        refuseOverrides(options, invocation);
        invocation.note("the ConfigMap " + configMap + " has to be there before the pods: kubectl create configmap "
                + configMap + " --from-file=plan.yaml=FILE");
        return new CaptureContainer(
                image,
                pullPolicy,
                ports -> allowing(
                        besideOtherMesh,
                        ports.isEmpty() || plan.inbound() == null
                                ? List.of()
                                : List.of(Setting.INBOUND_EXCEPT.flag() + "="
                                        + PlanArguments.inboundExcept(plan.inbound(), ports))),
                configMap);
    }

    /** What is allowed here is refused in the pod, unless it is allowed there too. */
    private static List<String> allowing(boolean besideOtherMesh, List<String> arguments) {
        List<String> words = new ArrayList<>(arguments);
        if (besideOtherMesh) {
            words.add("--allow-other-mesh");
        }
        return words;
    }

    /** What stands beside the plan's file would be lost: the pod reads the ConfigMap. */
    private static void refuseOverrides(ParseResult options, Invocation invocation) {
        for (Setting setting : Setting.values()) {
            refuseOverride(options, invocation, setting.flag(), setting.variable());
        }
        for (ServiceFlag flag : ServiceFlag.values()) {
            refuseOverride(options, invocation, flag.flag(), flag.variable());
        }
    }

    private static void refuseOverride(ParseResult options, Invocation invocation, String flag, String variable) {
        boolean given = options.hasMatchedOption(flag);
        if (given || invocation.environment().containsKey(variable)) {
            throw new Failure.Invalid(
                    "the plan would come from the ConfigMap, which does not have this setting",
                    given ? flag : variable,
                    "write it into the plan, or leave out --config-map");
        }
    }

    private static String checked(ParseResult options, String option, String otherwise, String pattern, String what) {
        String value = options.matchedOptionValue(option, otherwise);
        if (!value.matches(pattern)) {
            throw new Failure.Invalid(BadValue.quote(value) + " is not " + what, option, "write " + what);
        }
        return value;
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
            List<ManifestFile> files, List<Injection.Outcome> outcomes, boolean inPlace, Invocation invocation)
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
        });
    }
}
