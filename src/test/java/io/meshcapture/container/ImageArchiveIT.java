package io.meshcapture.container;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is in the init image, in both of its variants, and what a registry keeps of it. */
final class ImageArchiveIT {
    private static final long MEGABYTES = 1_000_000;

    /** Its size is taken with the fastest compression, which is an upper bound of what a registry's takes. */
    @ParameterizedTest
    @ValueSource(strings = {"with", "without"})
    void anImageIsSmallHoldsNothingThatItDoesNotNeedAndSaysWhatIsInIt(String iptables) {
        String archive = Engine.output("test-env/init-image", iptables).strip();
        JsonObject about = new Gson()
                .fromJson(entry(archive, "manifest.json"), JsonArray.class)
                .get(0)
                .getAsJsonObject();
        assertEquals(1, about.getAsJsonArray("Layers").size(), "what one layer takes away, another would keep");
        String layer = about.getAsJsonArray("Layers").get(0).getAsString();

        long size = Long.parseLong(shell("tar -xOf %s %s | gzip -1 | wc -c".formatted(archive, layer)));
        assertTrue(size < 40 * MEGABYTES, iptables + " iptables: " + size + " bytes");

        List<String> files = shell("tar -xOf %s %s | tar -t".formatted(archive, layer))
                .lines()
                .toList();
        assertTrue(files.contains("opt/meshcapture/bin/meshcapture"), files::toString);
        for (String nowhere : List.of("tmp/", "home/", "root/", "var/cache/", "usr/share/man/", "var/lib/apt/")) {
            assertTrue(files.stream().noneMatch(file -> file.startsWith(nowhere)), nowhere);
        }
        List<String> expected = new ArrayList<>(List.of("java", "jexec", "jspawnhelper", "meshcapture", "trial-guard"));
        if (iptables.equals("with")) {
            expected.addAll(List.of("xtables-legacy-multi", "xtables-nft-multi"));
        } else {
            assertTrue(files.stream().noneMatch(file -> file.contains("/xtables/")), "nothing of iptables");
        }
        assertEquals(expected, programs(archive, layer));

        String bills =
                shell("tar -xOf %s %s | tar -xO --wildcards 'opt/meshcapture/doc/*bom.json'".formatted(archive, layer));
        assertTrue(bills.contains("\"purl\":\"pkg:deb/debian/libnftables1@"), bills);
        assertTrue(bills.contains("pkg:maven/com.github.jnr/jnr-ffi@"), bills);
        assertSaysWhatItIs(
                new Gson().fromJson(entry(archive, about.get("Config").getAsString()), JsonObject.class));
    }

    /** What can be executed, but for libraries; the loader of programs is one. */
    private static List<String> programs(String archive, String layer) {
        return shell("tar -xOf %s %s | tar -tv".formatted(archive, layer))
                .lines()
                .filter(line -> line.matches("-[rw-]*x.*") && !line.contains(".so"))
                .map(line -> line.replaceAll(".*/", ""))
                .sorted()
                .toList();
    }

    private static void assertSaysWhatItIs(JsonObject image) {
        JsonObject config = image.getAsJsonObject("config");
        assertEquals(
                "[\"/opt/meshcapture/bin/meshcapture\"]",
                config.get("Entrypoint").toString());
        assertEquals("[\"apply\"]", config.get("Cmd").toString());
        assertEquals("0:0", config.get("User").getAsString());
        JsonObject labels = config.getAsJsonObject("Labels");
        Map.of("title", "meshcapture", "version", version(), "licenses", "Apache-2.0")
                .forEach((label, text) -> assertEquals(
                        text, labels.get("org.opencontainers.image." + label).getAsString(), label));
    }

    /** Who builds it by hand gives no version. */
    @Test
    void theDockerfileKnowsTheVersion() throws IOException {
        String dockerfile = Files.readString(Path.of("Dockerfile.init"));
        assertTrue(dockerfile.contains("\nARG VERSION=" + version() + "\n"), dockerfile);
    }

    private static String version() {
        return Images.INIT.substring(Images.INIT.indexOf(':') + 1);
    }

    private static String entry(String archive, String name) {
        return Engine.output("tar", "-xOf", archive, name);
    }

    private static String shell(String command) {
        return Engine.output("bash", "-o", "pipefail", "-c", command).strip();
    }
}
