package io.meshcapture.cli;

import io.meshcapture.lab.ResultsSchema;
import java.io.ByteArrayInputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * What a command printed and answered.
 *
 * @param exit its exit code
 * @param out standard output
 * @param err standard error
 */
record Terminal(int exit, String out, String err) {

    /** Numbers instead of names, and no IPv6: nothing is asked of the host's accounts. */
    static final String PLAN = """
            version: 1
            envoy: {user: 101}
            ipv6: bypass
            services:
              orders: {from: {user: 1001}, to: 10.0.0.0/8, except: ":22"}
            """;

    /** Runs a command with {@link #PLAN} on standard input and an empty environment. */
    static Terminal run(String... args) {
        return run(PLAN, Map.of(), args);
    }

    static Terminal run(String in, Map<String, String> environment, String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exit = Main.run(
                new PrintWriter(out),
                new PrintWriter(err),
                new ByteArrayInputStream(in.getBytes(StandardCharsets.UTF_8)),
                environment,
                args);
        ResultsSchema.require(List.of(args), out.toString());
        return new Terminal(exit, out.toString(), err.toString());
    }
}
