package io.meshcapture.cli;

import io.meshcapture.failure.ExitCode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** The options that every command has, before or after its name. */
final class GlobalOptions {

    private static final List<String> WITH_VALUE =
            List.of("-f", "--file", "--netns", "-o", "--output", "--state-dir", "--hosts-file", "--lock-timeout");

    /** Short options in one, the last of which has a value: {@code -vf FILE}. */
    private static final Pattern CLUSTER_WITH_VALUE = Pattern.compile("-[hqv]+[fo]");

    private GlobalOptions() {}

    /** Where the command's name stands; -1 where there is none. */
    static int commandIndex(List<String> args) {
        for (int i = 0; i < args.size(); i++) {
            String arg = args.get(i);
            if (!arg.startsWith("-") || arg.equals("-")) {
                return i;
            }
            if (WITH_VALUE.contains(arg)
                    || CLUSTER_WITH_VALUE.matcher(arg).matches()
                    || (arg.startsWith("--") && PlanOptions.hasValue(arg))) {
                i++;
            }
        }
        return -1;
    }

    static CommandLine commandLine(Command command) {
        CommandSpec spec = CommandSpec.create().name("meshcapture " + command.name());
        command.declare(spec);
        declare(spec);
        spec.usageMessage().description(command.summary() + ".").width(100);
        spec.usageMessage().exitCodeListHeading("%nExit codes:%n").exitCodeList(exitCodes());
        spec.parser().collectErrors(false).aritySatisfiedByAttachedOptionParam(true);
        // an argument that begins with @ is an argument, not a file of arguments
        return new CommandLine(spec)
                .setExpandAtFiles(false)
                .setColorScheme(CommandLine.Help.defaultColorScheme(Ansi.OFF));
    }

    static Map<String, String> exitCodes() {
        Map<String, String> codes = new LinkedHashMap<>();
        for (ExitCode code : ExitCode.values()) {
            codes.put(Integer.toString(code.status()), code.meaning());
        }
        return codes;
    }

    private static void declare(CommandSpec spec) {
        spec.addOption(
                text("FILE", "the plan; - for standard input (default: /etc/meshcapture/plan.yaml)", "-f", "--file"));
        spec.addOption(text(
                "NAMESPACE",
                "work in another network namespace: a name, a path, or the pid of a process in it; names of users and"
                        + " groups are those of that process's /etc/passwd, and else of this host",
                "--netns"));
        spec.addOption(text("FORMAT", "text or json (default: text)", "-o", "--output"));
        spec.addOption(text(
                "DIRECTORY",
                "where the journal of the hosts file is kept (default: /var/lib/meshcapture)",
                "--state-dir"));
        spec.addOption(text(
                "FILE",
                "edit this hosts file instead of /etc/hosts; apply makes one that is not there, as a copy of that."
                        + " none: the names stand elsewhere, as in a pod's hostAliases",
                "--hosts-file"));
        spec.addOption(text("TIME", "how long another run is waited for (default: 10s)", "--lock-timeout"));
        spec.addOption(flag("work in a container that shares the node's network namespace", "--allow-host-network"));
        spec.addOption(flag("say more: where each setting comes from, and stack traces", "-v", "--verbose"));
        spec.addOption(flag("say nothing but results and errors", "-q", "--quiet"));
        spec.addOption(flag("no colours", "--no-color"));
        spec.addOption(OptionSpec.builder("-h", "--help")
                .usageHelp(true)
                .description("show this help")
                .build());
    }

    /** An option with one value. */
    static OptionSpec text(String label, String description, String name, String... aliases) {
        return OptionSpec.builder(name, aliases)
                .paramLabel(label)
                .type(String.class)
                .description(escaped(description))
                .build();
    }

    /** An option without a value. */
    static OptionSpec flag(String description, String name, String... aliases) {
        return OptionSpec.builder(name, aliases)
                .type(boolean.class)
                .arity("0")
                .description(escaped(description))
                .build();
    }

    /** picocli formats descriptions with String.format. */
    static String escaped(String description) {
        return description.replace("%", "%%");
    }
}
