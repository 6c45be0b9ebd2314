package io.meshcapture.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.distribution.Distribution.Ending;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What goes through the launcher goes through unchanged. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class LauncherIT {

    private Distribution echo = Distribution.built();

    @BeforeAll
    void startEchoInstead(@TempDir Path directory) {
        echo = Distribution.built().startingInstead(directory, Echo.class);
    }

    @Test
    void argumentsArriveAsTheyWere() {
        List<String> arguments = List.of(
                "arguments",
                "",
                "two words",
                "a\nline",
                "*",
                "$HOME",
                "@file",
                "-Xmx1m",
                "%H",
                "naïve — ünïcode",
                "'\"\\");

        Ending ending = echo.run(arguments.toArray(String[]::new));

        assertEquals(new Ending(0, String.join("\0", arguments) + "\0", ending.err()), ending);
    }

    @Test
    void theExitCodeIsTheProgramsOwn() {
        for (int code : new int[] {0, 1, 3, 8, 255}) {
            assertEquals(code, echo.run("exit", Integer.toString(code)).code());
        }
    }

    @Test
    void standardInputIsTheProgramsOwn() {
        List<String> command = List.of(echo.launcher().toString(), "input");

        assertEquals("a plan\n", Distribution.run(command, Map.of(), "a plan\n").out());
    }

    @Test
    void aSignalReachesTheProgramItself() {
        Ending ending = echo.shell("""
                "$meshcapture" wait >"$home/out" 2>&1 &
                until grep -q waiting "$home/out"; do sleep 0.05; done
                kill -TERM $!
                wait $! && echo 0 || echo $?
                """);

        assertEquals("143\n", ending.out());
    }

    @Test
    void javaOptionsMeantForTheServicesBesideItAreNotTaken() {
        List<String> command = new ArrayList<>(List.of(echo.launcher().toString(), "environment"));
        String agent = "-javaagent:/opt/agent.jar";

        Ending ending = Distribution.run(
                command,
                Map.of("JAVA_TOOL_OPTIONS", agent, "JDK_JAVA_OPTIONS", agent, "_JAVA_OPTIONS", agent, "KEPT", "yes"),
                "");

        assertEquals(0, ending.code(), ending.err());
        assertTrue(ending.out().contains("KEPT"));
        assertTrue(!ending.out().contains("OPTIONS"), ending.out());
    }

    @Test
    void aMissingRuntimeIsSaidInOneLine(@TempDir Path directory) {
        Distribution copy = echo.copiedTo(directory);

        Ending ending = copy.shell("rm -r \"$home/lib/runtime\"; exec \"$meshcapture\" exit 0");

        assertEquals(1, ending.code());
        assertTrue(
                ending.err().endsWith("lib/runtime/bin/java: No such file or directory; install meshcapture again\n"),
                ending.err());
    }
}
