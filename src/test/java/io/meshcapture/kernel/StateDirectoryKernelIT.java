package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A state directory in which nothing can be kept: a command does all that it is asked to, or nothing, and then says in one
 * line which directory is in its way. Without anything that can be written at all: {@link PrivilegesKernelIT}.
 */
@InNetns
class StateDirectoryKernelIT {
    private static final String SERVER = "10.99.0.1:8080";
    private static final String FULL = "mkdir /run/d; mount -t tmpfs -o size=64k none /run/d;"
            + " cat /dev/zero >/run/d/all 2>/dev/null || :; ! echo more >/run/d/more 2>/dev/null";
    private static final String READ_ONLY =
            "mkdir /run/d; mount -t tmpfs -o ro none /run/d; ! touch /run/d/x 2>/dev/null";
    private static final String LINK_TO_A_DIRECTORY =
            "mkdir /run/other; echo foreign >/run/other/file; ln -s other /run/d";
    private static final String LINK_TO_NOWHERE = "ln -s nowhere /run/d";
    private static final String FILE = "echo foreign >/run/d";
    private static final String ANYBODYS = "mkdir -m 1777 /run/d";
    private static final String MISSING = ":";
    private static final String MISSING_ON_A_READ_ONLY_RUN = "mount -o remount,ro /run";

    @BeforeEach
    void world(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                FULL,
                READ_ONLY,
                LINK_TO_A_DIRECTORY,
                LINK_TO_NOWHERE,
                FILE,
                ANYBODYS,
                MISSING,
                MISSING_ON_A_READ_ONLY_RUN
            })
    void every_command_works_or_says_why_not(String making, Lab lab) throws IOException {
        Run.command("sh", "-euc", making).orFail();
        List<String> before = listing();

        boolean applied = done(Program.withPlan(ANY, "apply", "--state-dir", "/run/d"));
        assertEquals(
                applied ? new Proxied(15001, SERVER) : new Direct(SERVER),
                lab.caller().connect(SERVER));
        if (!applied) {
            assertEquals("", lab.nft().list());
        }
        Program.apply(ANY);
        assertEquals(0, Program.check(ANY, "--state-dir", "/run/d").exit());
        assertEquals(0, Program.run("status", "--state-dir", "/run/d").exit());
        boolean released = done(Program.run("rollback", "--all", "--drain", "0", "--state-dir", "/run/d"));
        assertEquals(
                released ? new Direct(SERVER) : new Proxied(15001, SERVER),
                lab.caller().connect(SERVER));

        if (!making.equals(MISSING) && !making.equals(ANYBODYS)) {
            assertEquals(before, listing());
        }
    }

    /** All of it, or nothing and one line. */
    private static boolean done(Outcome outcome) {
        if (outcome.exit() == 0) {
            return true;
        }
        assertTrue(List.of(2, 4, 7).contains(outcome.exit()), outcome::toString);
        assertTrue(outcome.err().contains("/run/d"), outcome::toString);
        assertEquals(1, outcome.err().lines().count(), outcome::toString);
        return false;
    }

    /** What is there, links not followed, and what the foreign files hold. */
    private static List<String> listing() throws IOException {
        try (Stream<Path> found = Files.walk(Path.of("/run"), 3)) {
            return found.filter(path -> !path.toString().contains("/covering"))
                    .map(path -> path + (Files.isSymbolicLink(path) ? " link" : "") + sizeOf(path))
                    .sorted()
                    .toList();
        }
    }

    private static String sizeOf(Path path) {
        try {
            return Files.isRegularFile(path) ? " " + Files.size(path) : "";
        } catch (IOException e) {
            return " " + e;
        }
    }

    @Test
    void nothing_is_left_behind_where_nothing_is_in_the_way(Lab lab) {
        Program.apply(ANY, "--state-dir", "/run/d");
        Program.run("rollback", "--all", "--drain", "0", "--state-dir", "/run/d");
        assertEquals("", lab.nft().list());
        assertFalse(Files.exists(Path.of("/run/meshcapture")));
    }
}
