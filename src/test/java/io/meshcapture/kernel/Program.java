package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.cli.Main;
import io.meshcapture.lab.Meshcapture;
import io.meshcapture.lab.Meshcapture.Outcome;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The program, run in this process and in the namespaces of the calling thread, with a plan on its standard input. */
final class Program {
    private static final Meshcapture HERE = Meshcapture.inProcess(Main::run);

    /** What every plan of these tests begins with: Envoy is uid 1337 and listens on 15001. */
    static final String ENVOY = """
            version: 1
            envoy: {user: 1337}
            """;

    /** One service, for everybody to everywhere. */
    static final String ANY = ENVOY + "services: {any: {}}\n";

    /** The launcher that was built, for what needs a process of its own. */
    static final String DISTRIBUTION = Path.of(
                    System.getProperty("meshcapture.distribution", "target/meshcapture"), "bin", "meshcapture")
            .toAbsolutePath()
            .toString();

    static {
        // what ends a trial where the kernel cannot is started by it
        System.setProperty("meshcapture.bin", DISTRIBUTION);
    }

    private Program() {}

    static Outcome run(String... args) {
        return HERE.run(args);
    }

    /** With a variable in its environment. */
    static Meshcapture with(String variable, String value) {
        return HERE.with(variable, value);
    }

    /** With a text on its standard input. */
    static Meshcapture reading(String input) {
        return HERE.reading(input);
    }

    static Outcome withPlan(String plan, String command, String... more) {
        return HERE.reading(plan)
                .run(Stream.concat(Stream.of(command, "-f", "-"), Stream.of(more))
                        .toArray(String[]::new));
    }

    /** Applies a plan, which must succeed. */
    static Outcome apply(String plan, String... more) {
        return must(0, withPlan(plan, "apply", more));
    }

    static Outcome check(String plan, String... more) {
        return withPlan(plan, "check", more);
    }

    /** What a check found: what stands is what the plan asks for, whether Envoy is there or not. */
    static Outcome mustStand(Outcome check) {
        String verdict = check.out().lines().toList().getLast();
        assertTrue(
                verdict.startsWith("in sync: ") || verdict.startsWith("in place, but Envoy "),
                () -> "said: " + check.err() + check.out());
        return check;
    }

    /** Rolls back, which must succeed, and lets captured connections live no longer than it takes. */
    static Outcome rollback(String... more) {
        return must(
                0,
                run(Stream.concat(Stream.of("rollback", "--drain", "0"), Stream.of(more))
                        .toArray(String[]::new)));
    }

    static Outcome must(int exit, Outcome outcome) {
        assertEquals(exit, outcome.exit(), () -> "said: " + outcome.err() + outcome.out());
        return outcome;
    }
}
