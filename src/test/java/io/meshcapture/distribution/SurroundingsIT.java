package io.meshcapture.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.distribution.Distribution.Ending;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.jar.JarFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The distribution works wherever it is put, and whatever is around it. */
final class SurroundingsIT {

    /** Applies, shows the tables, and what was said besides notes. */
    private static final String APPLIES = """
            "$meshcapture" apply -f "$plan" >/dev/null 2>/run/said
            grep -v '^meshcapture: note: ' /run/said >&2 || true
            nft list tables
            """;

    private static final String APPLIED = "table inet meshcapture\n";

    private final Distribution built = Distribution.built();

    @Test
    void versionIsThatOfTheJarAndNothingElseIsSaid() throws IOException {
        Ending ending = built.run("version");

        assertSaysItsVersion(ending);
        assertEquals("", ending.err());
    }

    @Test
    void withoutAnyEnvironment() throws IOException {
        assertSaysItsVersion(Distribution.run(List.of(built.launcher().toString(), "version"), Map.of(), ""));
    }

    @Test
    void throughALink(@TempDir Path directory) throws IOException {
        Distribution copy = built.copiedTo(directory);
        Path link = Files.createSymbolicLink(directory.resolve("link"), copy.launcher());
        Path linkToLink = Files.createSymbolicLink(directory.resolve("link-to-link"), link);

        assertSaysItsVersion(Distribution.run(List.of(linkToLink.toString(), "version"), Map.of(), ""));
    }

    @Test
    void inADirectoryThatIsGone() throws IOException {
        assertSaysItsVersion(built.shell("cd \"$(mktemp -d)\"; rmdir \"$PWD\"; exec \"$meshcapture\" version"));
    }

    @Test
    void inAPlaceWithASpaceInItsName(@TempDir Path directory) throws IOException {
        Distribution copy = built.copiedTo(Files.createDirectory(directory.resolve("a place")));

        assertSaysItsVersion(copy.run("version"));
    }

    @Test
    void appliesOnAReadOnlyRoot() {
        Ending ending = built.shellApart("""
                mount -o remount,bind,ro /
                if touch /written 2>/dev/null; then echo writable; fi
                mount -t tmpfs -o ro none /tmp
                """ + APPLIES);

        assertEquals(new Ending(0, APPLIED, ""), ending);
    }

    @Test
    void appliesWhereTemporaryFilesCannotBeExecuted() {
        assertEquals(new Ending(0, APPLIED, ""), built.shellApart("mount -t tmpfs -o noexec none /tmp\n" + APPLIES));
    }

    @Test
    void leavesNothingInTmp() {
        assertEquals(
                new Ending(0, APPLIED, ""),
                built.shellApart("mount -t tmpfs none /tmp\n" + APPLIES + "ls -A /tmp >&2"));
    }

    @Test
    void aClosedStandardOutputIsNoCrash() {
        Ending ending = built.shell("exec \"$meshcapture\" version >&-");

        assertFalse(ending.err().contains("\tat "), ending.err());
        assertTrue(ending.code() <= 8, ending.toString());
    }

    @Test
    void aReaderThatWentAwayIsNoCrash() {
        Ending ending = built.shell("{ \"$meshcapture\" --help; echo $? >&2; } | true");

        assertFalse(ending.err().contains("\tat "), ending.err());
    }

    private void assertSaysItsVersion(Ending ending) throws IOException {
        try (JarFile jar = new JarFile(built.jar().toFile())) {
            String version = jar.getManifest().getMainAttributes().getValue("Implementation-Version");
            assertEquals(0, ending.code(), ending.err());
            assertTrue(ending.out().contains(version), ending.out());
        }
    }
}
