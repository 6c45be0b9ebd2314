package io.meshcapture.cli;

import io.meshcapture.failure.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/** One command: its options, and what it does with them. */
interface Command {

    String name();

    /** One line for the list of commands. */
    String summary();

    /** Adds its own options and parameters; the global ones are there. */
    void declare(CommandSpec spec);

    /** Whether it reads or changes netfilter. */
    default boolean needsKernel() {
        return false;
    }

    /** Whether its exit code says what it did or found, so that nothing is lost with a closed standard output. */
    default boolean speaksByExitCode() {
        return false;
    }

    ExitCode run(ParseResult options, Invocation invocation) throws Exception;
}
