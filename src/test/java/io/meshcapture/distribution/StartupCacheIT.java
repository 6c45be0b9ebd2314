package io.meshcapture.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.distribution.Distribution.Ending;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The start-up cache is used where it fits, and where it does not, the jars' own code runs all the same. */
final class StartupCacheIT {

    private final Distribution built = Distribution.built();

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    private Distribution copy = built;

    @BeforeEach
    void copyElsewhere() {
        copy = built.copiedTo(directory);
    }

    @Test
    void isUsedInAnyDirectory() {
        copy.rewriteOptions(
                text -> "-XX:AOTMode=on\n" + text.replace("-Xlog:all=warning:stderr", "-Xlog:class+load:stderr"));

        Ending ending = copy.run("version");

        assertEquals(0, ending.code(), ending.err());
        List<String> ours = ending.err()
                .lines()
                .filter(line -> line.contains(" io.meshcapture.cli.Main "))
                .toList();
        assertTrue(ours.size() == 1 && ours.getFirst().contains("shared objects file"), ours.toString());
    }

    @Test
    void doesNotHideThatAJarWasReplaced() throws IOException {
        copy.replace(copy.jar(), withAnotherMain(copy.jar()));

        Ending ending = copy.run("version");

        assertEquals("another\n", ending.out());
        assertTrue(ending.err().contains("lib/app/meshcapture.jar is not the one"), ending.err());
    }

    @Test
    void theEndOfAJarThatTheSealHoldsListsAllItsEntries() throws IOException {
        try (Stream<Path> jars = Files.list(built.home().resolve("lib/app"))) {
            for (Path jar : jars.toList()) {
                assertTrue(listOfEntries(jar) <= 128 * 1024, jar.toString());
            }
        }
    }

    @Test
    void anotherOneOrADamagedOneOrNoneIsNoHindrance() throws IOException {
        String version = built.run("version").out();
        Path cache = copy.home().resolve("lib/start.aot");
        byte[] whole = Files.readAllBytes(cache);
        byte[] half = java.util.Arrays.copyOf(whole, whole.length / 2);
        byte[] otherJvm = whole.clone();
        java.util.Arrays.fill(otherJvm, 0, 64, (byte) 'x');
        for (byte[] spoiled : List.of(half, otherJvm, new byte[0], "no cache\n".getBytes(StandardCharsets.UTF_8))) {
            Files.write(cache, spoiled);
            Ending ending = copy.run("version");
            assertEquals(new Ending(0, version, ending.err()), ending);
        }
        Files.delete(cache);
        assertEquals(version, copy.run("version").out());
        Files.delete(copy.home().resolve("lib/start.seal"));
        assertEquals(version, copy.run("version").out());
    }

    private Path withAnotherMain(Path jar) throws IOException {
        Path source = directory.resolve("Main.java");
        Files.writeString(
                source,
                "package io.meshcapture.cli; public class Main { public static void main(String[] a) { System.out.println(\"another\"); } }");
        int code = ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, "-proc:none", "-d", directory.toString(), source.toString());
        assertEquals(0, code);
        Path another = directory.resolve("another.jar");
        try (JarFile in = new JarFile(jar.toFile());
                JarOutputStream out = new JarOutputStream(Files.newOutputStream(another))) {
            for (JarEntry entry : in.stream().toList()) {
                JarEntry same = new JarEntry(entry.getName());
                same.setTime(entry.getTime());
                out.putNextEntry(same);
                if (entry.getName().equals("io/meshcapture/cli/Main.class")) {
                    Files.copy(directory.resolve("io/meshcapture/cli/Main.class"), out);
                } else {
                    in.getInputStream(entry).transferTo(out);
                }
            }
        }
        return another;
    }

    /** How far from the end of a zip file its list of entries begins, from the record at its end (APPNOTE 4.3.16). */
    private static long listOfEntries(Path zip) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(zip.toFile(), "r")) {
            byte[] end = new byte[22];
            file.seek(file.length() - end.length);
            file.readFully(end);
            ByteBuffer record = ByteBuffer.wrap(end).order(ByteOrder.LITTLE_ENDIAN);
            assertEquals(0x06054b50, record.getInt(0), "a zip file without a comment");
            return file.length() - record.getInt(16);
        }
    }
}
