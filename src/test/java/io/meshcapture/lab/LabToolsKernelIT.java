package io.meshcapture.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Verdict.Proxied;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** The tools of the laboratory say what is there, and run what they are given where they should. */
@InNetns
class LabToolsKernelIT {
    @Test
    void foreign_rules_are_listed_apart_from_ours(Lab lab) {
        String foreign = "table ip6 z {\n\tchain c {\n\t\tcounter packets 7 bytes 9 comment \"}\"\n\t}\n}\n";
        lab.nft().apply(foreign);
        assertEquals(foreign, lab.nft().foreign());
        lab.nft().apply("table inet meshcapture { chain c { counter comment \"ours\"; }; }");
        lab.nft().apply("table inet meshcapture2 { }");
        assertEquals(foreign + "table inet meshcapture2 {\n}\n", lab.nft().foreign());
        assertTrue(lab.nft().ours().contains("ours"));
        assertNotEquals(lab.nft().list(), lab.nft().foreign());
    }

    @Test
    void iptables_of_both_flavours_are_at_hand(Lab lab) {
        for (Iptables flavour : Iptables.values()) {
            flavour.restore4("*nat\n-A OUTPUT -p tcp --dport 99 -j REDIRECT --to-ports 15001\nCOMMIT\n");
            assertTrue(
                    flavour.save4().contains("[0:0] -A OUTPUT -p tcp -m tcp --dport 99 -j REDIRECT"), flavour::save4);
            assertEquals("", flavour.save6());
        }
        lab.proxy(15001);
        assertEquals(new Proxied(15001, "8.8.8.8:99"), lab.caller().connect("8.8.8.8:99"));
    }

    @Test
    void program_runs_in_the_namespace_of_the_test(Lab lab) throws Exception {
        Path launcher = Files.writeString(
                Files.createTempFile(Path.of("/dev/shm"), "launcher", ""),
                "#!/bin/sh\necho \"$WORD $1 $(cat) $(readlink /proc/self/ns/net)\"; echo talk >&2; exit 3\n");
        Files.setPosixFilePermissions(launcher, PosixFilePermissions.fromString("rwx------"));
        String before = System.getProperty("meshcapture.bin");
        System.setProperty("meshcapture.bin", launcher.toString());
        try {
            var outcome = lab.meshcapture().with("WORD", "w").reading("in").run("arg");
            assertEquals(new Meshcapture.Outcome(3, "w arg in " + Kernel.netns() + "\n", "talk\n"), outcome);
        } finally {
            Files.delete(launcher);
            if (before == null) {
                System.clearProperty("meshcapture.bin");
            } else {
                System.setProperty("meshcapture.bin", before);
            }
        }
    }

    @Test
    void program_runs_in_this_process(Lab lab) {
        var program = Meshcapture.inProcess((out, err, in, environment, args) -> {
            out.println(environment.get("WORD") + " " + args[0] + " " + Kernel.netns());
            err.println(new String(read(in), StandardCharsets.UTF_8));
            return 4;
        });
        assertEquals(
                new Meshcapture.Outcome(4, "w arg " + Kernel.netns() + "\n", "in\n"),
                program.with("WORD", "w").reading("in").run("arg"));
    }

    @Test
    void background_command_is_watched_and_killed(Lab lab) {
        Background running = lab.background("sh", "-c", "echo $$; exec sleep 60");
        running.awaitOutput(running.pid() + "\n", Duration.ofSeconds(5));
        running.kill();
        assertEquals(137, running.await(Duration.ofSeconds(1)).exit());
        assertThrows(AssertionError.class, () -> lab.background("false").awaitOutput("never", Duration.ofSeconds(5)));
    }

    private static byte[] read(InputStream in) {
        try {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
