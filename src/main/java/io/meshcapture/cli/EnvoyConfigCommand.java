package io.meshcapture.cli;

import io.meshcapture.envoy.Bootstrap;
import io.meshcapture.envoy.Delivery;
import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.HostPort;
import io.meshcapture.verbs.EnvoyConfig;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/** {@code meshcapture envoy-config}. */
final class EnvoyConfigCommand implements Command {
    private static final String LISTENERS = "--listeners";
    private static final String CLUSTERS = "--clusters";
    private static final String XDS = "--xds";

    @Override
    public String name() {
        return "envoy-config";
    }

    @Override
    public String summary() {
        return "print an Envoy bootstrap that fits the plan";
    }

    @Override
    public void declare(CommandSpec spec) {
        spec.addOption(GlobalOptions.text(
                "FILE", "write the listeners to a file that Envoy watches, instead of the bootstrap", LISTENERS));
        spec.addOption(GlobalOptions.text(
                "FILE", "write the clusters to a file that Envoy watches, instead of the bootstrap", CLUSTERS));
        spec.addOption(GlobalOptions.text(
                "HOST:PORT", "have Envoy ask a control plane for the clusters of services and their endpoints", XDS));
        PlanOptions.declareService(spec);
        PlanOptions.declareSettings(spec);
    }

    @Override
    public ExitCode run(ParseResult options, Invocation invocation) throws Exception {
        Delivery delivery = delivery(options);
        Bootstrap bootstrap =
                EnvoyConfig.run(PlanOptions.read(options, invocation).plan(), invocation.place(), delivery);
        if (invocation.isJson()) {
            Json.write(invocation.out(), json -> {
                json.name("command").value(name());
                json.name("bootstrap").value(bootstrap.text());
                json.name("listeners").value(bootstrap.listeners());
                json.name("clusters").value(bootstrap.clusters());
                Json.texts(json, "notes", bootstrap.notes());
            });
        } else {
            invocation.out().print(bootstrap.text());
        }
        bootstrap.notes().forEach(invocation::note);
        return ExitCode.DONE;
    }

    private static Delivery delivery(ParseResult options) {
        Delivery delivery = new Delivery(file(options, LISTENERS), file(options, CLUSTERS), controlPlane(options));
        if (delivery.clusters() != null && delivery.controlPlane() != null) {
            throw new Failure.Invalid(
                    CLUSTERS + " and " + XDS + " exclude each other",
                    "command line",
                    "take one: clusters come from a file or from a control plane");
        }
        if (delivery.clusters() != null && delivery.clusters().equals(delivery.listeners())) {
            throw new Failure.Invalid(
                    LISTENERS + " and " + CLUSTERS + " name the same file",
                    "command line",
                    "give each its own: Envoy reads one kind from a file");
        }
        return delivery;
    }

    private static @Nullable Path file(ParseResult options, String option) {
        String text = options.matchedOptionValue(option, (@Nullable String) null);
        if (text == null) {
            return null;
        }
        try {
            if (!text.isBlank()) {
                Path file = Path.of(text).toAbsolutePath().normalize();
                requireYaml(option, file);
                return file;
            }
        } catch (InvalidPathException e) {
            // said below
        }
        throw new Failure.Invalid(
                BadValue.quote(text) + " is not a file", option, "name one, such as /etc/envoy/listeners.yaml");
    }

    /** Envoy takes a file of any other name for JSON, and serves without it. */
    private static void requireYaml(String option, Path file) {
        String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
        if (!name.endsWith(".yaml") && !name.endsWith(".yml")) {
            throw new Failure.Invalid(
                    "Envoy would not read " + file + " as YAML, since its name does not end in .yaml",
                    option,
                    "name one that does, such as /etc/envoy/listeners.yaml");
        }
    }

    private static @Nullable HostPort controlPlane(ParseResult options) {
        String text = options.matchedOptionValue(XDS, (@Nullable String) null);
        try {
            return text == null ? null : HostPort.parse(text);
        } catch (BadValue e) {
            throw new Failure.Invalid(e.what(), XDS, e.mend());
        }
    }
}
