package io.meshcapture.cli;

import io.meshcapture.failure.ExitCode;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/** {@code meshcapture version}. */
final class VersionCommand implements Command {
    @Override
    public String name() {
        return "version";
    }

    @Override
    public String summary() {
        return "print the version";
    }

    @Override
    public void declare(CommandSpec spec) {}

    @Override
    public ExitCode run(ParseResult options, Invocation invocation) throws IOException {
        if (invocation.isJson()) {
            Json.write(invocation.out(), json -> json.name("version").value(version()));
        } else {
            invocation.out().println("meshcapture " + version());
        }
        return ExitCode.DONE;
    }

    /** From the jar's manifest; classes that run without one call themselves unreleased. */
    static String version() {
        @Nullable String version = VersionCommand.class.getPackage().getImplementationVersion();
        return version == null ? "unreleased" : version;
    }
}
