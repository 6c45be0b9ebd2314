package io.meshcapture.cli;

import io.meshcapture.config.Configuration;
import io.meshcapture.config.PlanFile;
import io.meshcapture.config.PlanSource;
import io.meshcapture.config.ServiceFlag;
import io.meshcapture.config.Setting;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** The options by which settings of the plan, and one service, are given on the command line. */
final class PlanOptions {

    /** Options with a value that single commands have besides those of the plan. */
    private static final List<String> OF_COMMANDS = List.of(
            "--drain",
            "--confirm-within",
            "--pid",
            "--interval",
            "--within",
            "--connections",
            "--wait-envoy",
            "--listeners",
            "--clusters",
            "--xds",
            "--image",
            "--image-pull-policy",
            "--config-map",
            "--hosts-by");

    private PlanOptions() {}

    /** Whether an option of some command takes a value, told before the command is known. */
    static boolean hasValue(String option) {
        if (OF_COMMANDS.contains(option)) {
            return true;
        }
        for (Setting setting : Setting.values()) {
            if (setting.flag().equals(option)) {
                return true;
            }
        }
        for (ServiceFlag flag : ServiceFlag.values()) {
            if (flag.flag().equals(option)) {
                return true;
            }
        }
        return false;
    }

    /** Settings of the plan. */
    static void declareSettings(CommandSpec spec) {
        for (Setting setting : Setting.values()) {
            String description = setting.description()
                    + (setting.defaultText() == null ? "" : " (default: " + setting.defaultText() + ")");
            spec.addOption(repeatable(setting.flag(), setting.label(), description));
        }
    }

    /** One service. */
    static void declareService(CommandSpec spec) {
        for (ServiceFlag flag : ServiceFlag.values()) {
            spec.addOption(repeatable(flag.flag(), flag.label(), flag.description()));
        }
    }

    private static OptionSpec repeatable(String name, String label, String description) {
        return OptionSpec.builder(name)
                .paramLabel(label)
                .type(List.class)
                .auxiliaryTypes(String.class)
                .arity("1")
                .description(GlobalOptions.escaped(description))
                .build();
    }

    /** Likewise, for a command whose own options have the names of the service's. */
    static Configuration.Reading readSettings(ParseResult options, Invocation invocation) {
        return read(options, invocation, false);
    }

    /** Reads the plan from all of its sources, and says what there is to say about it. */
    static Configuration.Reading read(ParseResult options, Invocation invocation) {
        return read(options, invocation, true);
    }

    /** Likewise, for pods: this host's own plan says nothing of them. */
    static Configuration.Reading readOfPods(ParseResult options, Invocation invocation) {
        PlanSource source = PlanFile.named(file(options), invocation.environment(), invocation.in());
        return told(Configuration.read(source, flags(options, true), invocation.environment()), invocation);
    }

    private static Configuration.Reading read(ParseResult options, Invocation invocation, boolean withService) {
        return told(readQuietly(options, invocation, withService), invocation);
    }

    private static Configuration.Reading told(Configuration.Reading reading, Invocation invocation) {
        if (invocation.isVerbose()) {
            for (Configuration.Provenance one : reading.provenance()) {
                invocation.say(one.key() + " = " + one.value() + " (" + one.origin() + ")");
            }
        }
        reading.notes().forEach(invocation::note);
        return reading;
    }

    /** Says nothing of it. */
    static Configuration.Reading readQuietly(ParseResult options, Invocation invocation, boolean withService) {
        Map<String, List<String>> flags = flags(options, withService);
        boolean optional = !flags.isEmpty() || invocation.environment().containsKey(Setting.ENVOY_USER.variable());
        PlanSource source = PlanFile.locate(file(options), invocation.environment(), invocation.in(), optional);
        return Configuration.read(source, flags, invocation.environment());
    }

    /** Whether the plan comes from standard input, and so can be read once. */
    static boolean areFromStandardInput(ParseResult options, Invocation invocation) {
        return PlanFile.isStandardInput(file(options), invocation.environment());
    }

    private static @Nullable String file(ParseResult options) {
        return options.matchedOptionValue("--file", (@Nullable String) null);
    }

    private static Map<String, List<String>> flags(ParseResult options, boolean withService) {
        Map<String, List<String>> flags = new LinkedHashMap<>();
        for (Setting setting : Setting.values()) {
            collect(options, setting.flag(), flags);
        }
        if (withService) {
            for (ServiceFlag flag : ServiceFlag.values()) {
                collect(options, flag.flag(), flags);
            }
        }
        return flags;
    }

    /** Whether somebody named a plan, or one is where it is looked for; otherwise there is simply none. */
    static boolean hasPlan(ParseResult options, Invocation invocation) {
        return options.hasMatchedOption("--file")
                || invocation.environment().keySet().stream().anyMatch(name -> name.startsWith("MESHCAPTURE_"))
                || !Files.notExists(PlanFile.DEFAULT, LinkOption.NOFOLLOW_LINKS);
    }

    /** Whether a part of the plan is given on the command line. */
    static boolean hasSettings(ParseResult options) {
        return Stream.concat(
                        Stream.of(Setting.values()).map(Setting::flag),
                        Stream.of(ServiceFlag.values()).map(ServiceFlag::flag))
                .anyMatch(options::hasMatchedOption);
    }

    private static void collect(ParseResult options, String flag, Map<String, List<String>> flags) {
        OptionSpec option = options.matchedOption(flag);
        if (option != null) {
            flags.put(flag, option.originalStringValues());
        }
    }
}
