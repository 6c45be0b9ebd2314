package io.meshcapture.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GlobalOptionsTest {

    @Test
    void value_of_an_option_is_not_the_command() {
        assertEquals(2, GlobalOptions.commandIndex(List.of("--envoy-user", "1", "render")));
        assertEquals(3, GlobalOptions.commandIndex(List.of("-q", "--drain", "1s", "rollback")));
        assertEquals(2, GlobalOptions.commandIndex(List.of("-vf", "render", "apply")));
        assertEquals(1, GlobalOptions.commandIndex(List.of("--envoy-user=1", "render")));
        assertEquals(1, GlobalOptions.commandIndex(List.of("--dry-run", "apply")));
    }

    @Test
    void settings_may_stand_before_the_command() {
        Terminal answer = Terminal.run("--envoy-user", "102", "render", "-f", "-");
        assertEquals(0, answer.exit(), answer.err());
    }

    /** A FIFO without a writer, which would never open, and a file that is none. */
    @Test
    void network_namespace_is_nothing_but_a_file_of_one(@TempDir Path directory) throws Exception {
        Path pipe = directory.resolve("pipe\nforged");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        for (String name : List.of(pipe.toString(), directory.toString(), "/etc/passwd", "/proc/self/ns/net\0")) {
            Terminal answer = Terminal.run("render", "-f", "-", "--netns", name);
            assertEquals(2, answer.exit(), answer.err());
            assertEquals(1, answer.err().lines().count(), answer.err());
        }
    }

    @Test
    void namespace_that_does_not_exist_is_refused_by_render_too() {
        assertEquals(2, Terminal.run("render", "-f", "-", "--netns", "no-such").exit());
    }

    @Test
    void argument_with_an_at_sign_is_no_file_of_arguments(@TempDir Path directory) throws IOException {
        Path file = Files.writeString(directory.resolve("arguments"), "--envoy-user=102");
        assertEquals(2, Terminal.run("render", "-f", "-", "@" + file).exit());
    }
}
