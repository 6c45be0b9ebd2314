package io.meshcapture.cli;

import io.meshcapture.config.Configuration;
import io.meshcapture.config.PlanArguments;
import io.meshcapture.config.PlanSource;
import io.meshcapture.config.ServiceFlag;
import io.meshcapture.config.Setting;
import io.meshcapture.failure.Failure;
import io.meshcapture.kubernetes.CaptureContainer;
import io.meshcapture.kubernetes.PlanMap;
import io.meshcapture.kubernetes.PodNames;
import io.meshcapture.kubernetes.PodNames.Way;
import io.meshcapture.plan.Account;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.HostName;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Ports;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.LoopbackAddress;
import io.meshcapture.verbs.Env;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/** The options of {@code inject} that say what the container is that it puts into pods. */
final class ContainerOptions {
    /** Names and tags of images, and names of ConfigMaps: what may stand in a manifest without a second thought. */
    private static final String IMAGE = "[a-zA-Z0-9][a-zA-Z0-9._:/@-]{0,510}";

    private static final String NAME = "[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?";

    private static final Map<String, Way> WAYS =
            Map.of("aliases", Way.ALIASES, "environment", Way.ENVIRONMENT, "file", Way.FILE);

    private final ParseResult options;
    private final Invocation invocation;
    private final Plan plan;
    private final @Nullable PlanSource source;

    private ContainerOptions(ParseResult options, Invocation invocation, Configuration.Reading reading) {
        this.options = options;
        this.invocation = invocation;
        this.plan = reading.plan();
        this.source = reading.source();
    }

    static void declare(CommandSpec spec) {
        spec.addOption(GlobalOptions.flag(
                "as a native sidecar that stays and repairs what others change, instead of an initContainer that ends",
                "--agent"));
        spec.addOption(GlobalOptions.text(
                "IMAGE", "the init image (default: meshcapture-init:" + VersionCommand.version() + ")", "--image"));
        spec.addOption(GlobalOptions.text(
                "WORD", "Always, IfNotPresent or Never (default: Kubernetes' own)", "--image-pull-policy"));
        spec.addOption(GlobalOptions.text(
                "NAME",
                "let the container read the plan from plan.yaml of this ConfigMap, which is there already (default: flags,"
                        + " or where these cannot say the plan, a ConfigMap that is written behind the pods)",
                "--config-map"));
        spec.addOption(GlobalOptions.text(
                "WAYS",
                "how names lead to Envoy: aliases (the pod's hostAliases), environment (NAME_SERVICE_HOST), both with a"
                        + " comma, or file (an emptyDir over /etc/hosts) (default: aliases)",
                "--hosts-by"));
    }

    static CaptureContainer read(ParseResult options, Invocation invocation, Configuration.Reading reading) {
        return new ContainerOptions(options, invocation, reading).container();
    }

    private CaptureContainer container() {
        String image = checked("--image", "meshcapture-init:" + VersionCommand.version(), IMAGE, "an image");
        String pullPolicy = options.matchedOptionValue("--image-pull-policy", (@Nullable String) null);
        if (pullPolicy != null && !List.of("Always", "IfNotPresent", "Never").contains(pullPolicy)) {
            throw new Failure.Invalid(
                    "pull policy " + BadValue.quote(pullPolicy) + " is not known",
                    "--image-pull-policy",
                    "write Always, IfNotPresent or Never");
        }
        @Nullable PlanMap map = map();
        return new CaptureContainer(
                image,
                pullPolicy,
                map == null ? ports -> PlanArguments.of(plan, ports) : this::exceptAlone,
                map,
                names(),
                options.hasMatchedOption("--allow-other-mesh"),
                plan.backend() == Choices.Backend.IPTABLES_LEGACY,
                options.hasMatchedOption("--agent"));
    }

    private @Nullable PlanMap map() {
        if (options.hasMatchedOption("--config-map")) {
            String name = checked("--config-map", "", NAME, "the name of a ConfigMap");
            refuseOverrides();
            invocation.note("the ConfigMap " + name + " has to be there before the pods: kubectl create configmap "
                    + name + " --from-file=plan.yaml=FILE");
            return PlanMap.named(name);
        }
        if (source == null || PlanArguments.canSay(plan)) {
            PlanArguments.of(plan, Ports.NONE); // fails here rather than in the middle of a manifest
            return null;
        }
        if (options.hasMatchedOption("--policy")) {
            PlanArguments.of(plan, Ports.NONE); // a policy has no namespace to put a ConfigMap into
        }
        refuseOverrides();
        return PlanMap.of(new String(source.content(), StandardCharsets.UTF_8));
    }

    private List<String> exceptAlone(Ports ports) {
        return ports.isEmpty() || plan.inbound() == null
                ? List.of()
                : List.of(Setting.INBOUND_EXCEPT.flag() + "=" + PlanArguments.inboundExcept(plan.inbound(), ports));
    }

    private PodNames names() {
        Map<ServiceName, LoopbackAddress> addresses = Env.addresses(plan);
        boolean given = options.hasMatchedOption("--hosts-by");
        if (addresses.isEmpty()) {
            if (given) {
                throw new Failure.Invalid(
                        "the plan captures nothing by name",
                        "--hosts-by",
                        "leave it out, or give a service hosts, as with --host");
            }
            return PodNames.NONE;
        }
        Set<Way> ways = ways(options.matchedOptionValue("--hosts-by", "aliases"));
        List<PodNames.Service> services = new ArrayList<>();
        for (Service service : plan.services()) {
            LoopbackAddress address = addresses.get(service.name());
            if (service.hosts() != null && address != null) {
                Map<String, String> variables = new LinkedHashMap<>();
                List<String> notes = new ArrayList<>();
                Env.add(service.name(), service.hosts(), address, variables, notes);
                if (ways.contains(Way.ENVIRONMENT)) {
                    notes.forEach(invocation::note);
                }
                List<String> names =
                        service.hosts().names().stream().map(HostName::value).toList();
                services.add(new PodNames.Service(address.toString(), names, variables));
            }
        }
        Set<String> users = plan.envoy().users().stream().map(Account::text).collect(Collectors.toSet());
        return new PodNames(ways, services, users);
    }

    private Set<Way> ways(String text) {
        Set<Way> ways = EnumSet.noneOf(Way.class);
        for (String word : text.split(",", -1)) {
            Way way = WAYS.get(word);
            if (way == null) {
                throw new Failure.Invalid(
                        BadValue.quote(word) + " is no way for names",
                        "--hosts-by",
                        "write aliases, environment, aliases,environment or file");
            }
            ways.add(way);
        }
        if (ways.contains(Way.FILE) && ways.contains(Way.ALIASES)) {
            throw new Failure.Invalid(
                    "names would stand in two hosts files",
                    "--hosts-by",
                    "write file or aliases; environment goes with both");
        }
        if (!ways.equals(Set.of(Way.ALIASES)) && options.hasMatchedOption("--policy")) {
            throw new Failure.Invalid(
                    "a policy gives pods hostAliases and changes no other container",
                    "--hosts-by",
                    "leave it out, or inject the manifests");
        }
        return ways;
    }

    /** What stands beside the plan's file would be lost: the pod reads the ConfigMap. */
    private void refuseOverrides() {
        for (Setting setting : Setting.values()) {
            refuseOverride(setting.flag(), setting.variable());
        }
        for (ServiceFlag flag : ServiceFlag.values()) {
            refuseOverride(flag.flag(), flag.variable());
        }
    }

    private void refuseOverride(String flag, String variable) {
        boolean given = options.hasMatchedOption(flag);
        if (given || invocation.environment().containsKey(variable)) {
            throw new Failure.Invalid(
                    "the plan would come from a ConfigMap, which does not have this setting",
                    given ? flag : variable,
                    "write it into the plan, or leave it out");
        }
    }

    private String checked(String option, String otherwise, String pattern, String what) {
        String value = options.matchedOptionValue(option, otherwise);
        if (!value.matches(pattern)) {
            throw new Failure.Invalid(BadValue.quote(value) + " is not " + what, option, "write " + what);
        }
        return value;
    }
}
