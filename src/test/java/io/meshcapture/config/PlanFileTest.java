package io.meshcapture.config;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlanFileTest {

    @TempDir
    Path directory = Path.of("");

    private static InputStream noInput() {
        return new ByteArrayInputStream(new byte[0]);
    }

    private @Nullable PlanSource locate(@Nullable String flag, Map<String, String> environment, boolean optional) {
        return PlanFile.locate(flag, environment, noInput(), optional, directory.resolve("default.yaml"));
    }

    private List<String> problems(@Nullable String flag, Map<String, String> environment) {
        return Sources.problems(() -> locate(flag, environment, false));
    }

    private String write(String name, String text) throws IOException {
        return Files.writeString(directory.resolve(name), text).toString();
    }

    private static String name(@Nullable PlanSource source) {
        assertNotNull(source);
        return source.name();
    }

    @Test
    void takes_the_flag_before_the_environment_and_the_environment_before_the_default() throws IOException {
        String byFlag = write("flag.yaml", "a");
        String byVariable = write("variable.yaml", "b");
        String byDefault = write("default.yaml", "c");
        Map<String, String> environment = Map.of("MESHCAPTURE_PLAN", byVariable);
        assertEquals(byFlag, name(locate(byFlag, environment, false)));
        assertEquals(byVariable, name(locate(null, environment, false)));
        assertEquals(byDefault, name(locate(null, Map.of(), false)));
    }

    @Test
    void reads_the_bytes_as_they_are() throws IOException {
        byte[] bytes = {0, (byte) 0xff, '\r', '\n'};
        Path file = Files.write(directory.resolve("plan.yaml"), bytes);
        PlanSource source = locate(file.toString(), Map.of(), false);
        assertNotNull(source);
        assertArrayEquals(bytes, source.content());
    }

    @Test
    void reads_standard_input_for_a_dash() {
        InputStream input = new ByteArrayInputStream("version: 1".getBytes(StandardCharsets.UTF_8));
        assertEquals(
                new PlanSource("standard input", "version: 1".getBytes(StandardCharsets.UTF_8)),
                PlanFile.locate("-", Map.of(), input, false));
    }

    @Test
    void follows_a_symbolic_link_such_as_those_of_a_config_map() throws IOException {
        write("real.yaml", "a");
        Files.createSymbolicLink(directory.resolve("link.yaml"), Path.of("real.yaml"));
        assertEquals(1, assertContent(locate(directory.resolve("link.yaml").toString(), Map.of(), false)));
    }

    private static int assertContent(@Nullable PlanSource source) {
        assertNotNull(source);
        return source.content().length;
    }

    @Test
    void does_without_a_file_only_where_none_is_named_and_none_is_needed() {
        assertNull(locate(null, Map.of(), true));
        assertEquals(
                List.of("there is no plan; " + directory
                        + "/default.yaml does not exist; write it, or name another with "
                        + "-f FILE or MESHCAPTURE_PLAN"),
                problems(null, Map.of()));
        assertEquals(
                List.of("plan \"nowhere.yaml\" does not exist; -f; write the plan there, or name another file"),
                Sources.problems(() -> locate("nowhere.yaml", Map.of(), true)));
        assertEquals(
                List.of(
                        "plan \"nowhere.yaml\" does not exist; MESHCAPTURE_PLAN; write the plan there, or name another file"),
                Sources.problems(() -> locate(null, Map.of("MESHCAPTURE_PLAN", "nowhere.yaml"), true)));
    }

    @Test
    void takes_a_dangling_default_for_a_mistake_not_for_no_plan() throws IOException {
        Files.createSymbolicLink(directory.resolve("default.yaml"), Path.of("gone.yaml"));
        assertEquals(
                List.of("plan \"" + directory
                        + "/default.yaml\" does not exist; default; write the plan there, or name another file"),
                Sources.problems(() -> locate(null, Map.of(), true)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " "})
    void refuses_a_name_that_is_empty(String name) {
        assertEquals(
                List.of("the name of the plan \"" + name
                        + "\" is empty; MESHCAPTURE_PLAN; write a file, or - for standard input"),
                problems(null, Map.of("MESHCAPTURE_PLAN", name)));
    }

    @Test
    void refuses_a_directory() {
        assertEquals(
                List.of("plan \"" + directory
                        + "\" is a directory; it has to be a file; name the file in it, such as plan.yaml"),
                problems(directory.toString(), Map.of()));
    }

    @Test
    void refuses_a_pipe_without_waiting_for_it() throws Exception {
        Path pipe = directory.resolve("pipe");
        assertEquals(
                0,
                new ProcessBuilder("mkfifo", pipe.toString())
                        .inheritIO()
                        .start()
                        .waitFor());
        assertTimeoutPreemptively(
                Duration.ofSeconds(5),
                () -> assertEquals(
                        List.of("plan \"" + pipe
                                + "\" is not a regular file; a pipe or device may never end; pipe it into -f - "
                                + "for standard input"),
                        problems(pipe.toString(), Map.of())));
    }

    @Test
    void refuses_devices() {
        assertEquals(1, problems("/dev/zero", Map.of()).size());
        assertEquals(1, problems("/dev/null", Map.of()).size());
    }

    @Test
    void refuses_a_link_to_itself_and_a_path_through_a_file() throws IOException {
        Path loop = directory.resolve("loop");
        Files.createSymbolicLink(loop, loop);
        assertEquals(1, problems(loop.toString(), Map.of()).size());
        String file = write("plan.yaml", "a");
        assertEquals(
                List.of("plan \"" + file + "/x\" does not exist; -f; write the plan there, or name another file"),
                problems(file + "/x", Map.of()));
    }

    @Test
    void refuses_a_name_with_nul_and_shows_a_hostile_one_on_one_line() {
        assertEquals(
                List.of("plan \"a\\u{0}b\" is not a file name; -f; write a path without NUL characters"),
                problems("a\0b", Map.of()));
        assertEquals(
                List.of("plan \"a\\nb\" does not exist; -f; write the plan there, or name another file"),
                problems("a\nb", Map.of()));
    }

    @Test
    void refuses_an_empty_file() throws IOException {
        String file = write("plan.yaml", "");
        assertEquals(
                List.of("the plan is empty; " + file
                        + "; write a plan; to remove every service, write services: {} in it"),
                problems(file, Map.of()));
    }

    @Test
    void refuses_more_than_a_mebibyte_and_names_the_way_out() throws IOException {
        String file = write("plan.yaml", "x".repeat((1 << 20) + 1));
        assertEquals(
                List.of("plan \"" + file + "\" is larger than 1 MiB; " + file
                        + "; if it is meant to be, set MESHCAPTURE_PLAN_LIMIT, at most to 16MiB"),
                problems(file, Map.of()));
        assertEquals((1 << 20) + 1, assertContent(locate(file, Map.of("MESHCAPTURE_PLAN_LIMIT", "2MiB"), false)));
        assertEquals(1 << 20, assertContent(locate(write("b.yaml", "x".repeat(1 << 20)), Map.of(), false)));
    }

    @Test
    void reads_no_more_of_an_endless_input_than_the_limit() {
        InputStream endless = new InputStream() {
            @Override
            public int read() {
                return 'x';
            }
        };
        assertEquals(
                List.of("plan \"standard input\" is larger than 512 KiB; standard input; if it is meant to be, set "
                        + "MESHCAPTURE_PLAN_LIMIT, at most to 16MiB"),
                Sources.problems(
                        () -> PlanFile.locate("-", Map.of("MESHCAPTURE_PLAN_LIMIT", "512KiB"), endless, false)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "1",
                "0MiB",
                "17MiB",
                "1GiB",
                "-1MiB",
                "1.5MiB",
                "MiB",
                "1 MiB",
                "999999999999MiB",
                "1023B",
                "٣MiB"
            })
    void refuses_a_limit_that_is_no_size(String limit) {
        assertEquals(
                List.of("limit \"" + limit
                        + "\" is not a size from 1KiB to 16MiB; MESHCAPTURE_PLAN_LIMIT; write it as 512KiB or 4MiB"),
                problems("-", Map.of("MESHCAPTURE_PLAN_LIMIT", limit)));
    }
}
