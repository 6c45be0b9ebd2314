package io.meshcapture.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import io.meshcapture.failure.ExitCode;
import io.meshcapture.lab.ResultsSchema;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class MainTest {

    private static final String RENDERED = Terminal.run("render", "-f", "-").out();

    @Test
    void help_lists_every_command_and_every_exit_code() {
        Terminal help = Terminal.run("--help");
        assertEquals(0, help.exit());
        assertEquals("", help.err());
        for (Command command : Commands.ALL) {
            assertTrue(help.out().contains("  " + command.name() + " "), command.name());
            assertTrue(help.out().contains(command.summary()), command.name());
        }
        assertExitCodes(help.out(), "  ");
        assertEquals(help, Terminal.run("-h"));
    }

    @Test
    void every_commands_help_lists_its_options_and_the_exit_codes_and_fits_a_screen() {
        for (Command command : Commands.ALL) {
            Terminal help = Terminal.run(command.name(), "--help");
            assertEquals(0, help.exit());
            assertEquals("", help.err());
            assertTrue(help.out().startsWith("Usage: meshcapture " + command.name() + " "), help.out());
            assertTrue(help.out().contains("--netns=NAMESPACE"), command.name());
            assertTrue(help.out().lines().allMatch(line -> line.length() <= 100), command.name());
            assertExitCodes(help.out(), "   ");
            assertEquals(help, Terminal.run("--help", command.name()), "before the command");
        }
    }

    private static void assertExitCodes(String help, String gap) {
        for (ExitCode code : ExitCode.values()) {
            String line = "  " + code.status() + gap + code.meaning();
            assertTrue(help.lines().anyMatch(line::equals), () -> line + "\n in\n" + help);
        }
    }

    @Test
    void version_is_the_same_in_all_ways_to_ask() {
        Terminal version = Terminal.run("version");
        assertEquals(0, version.exit());
        assertTrue(version.out().matches("meshcapture \\S+\n"), version.out());
        assertEquals(version, Terminal.run("--version"));
        assertEquals(version, Terminal.run("--", "version"));
    }

    static Stream<Arguments> wrongUsage() {
        return Stream.of(
                wrong("no command is given; command line; name one; meshcapture --help lists them"),
                wrong("no command is given; command line; name one; meshcapture --help lists them", "-v", "-q"),
                wrong(
                        "command \"aply\" is not known; command line; did you mean \"apply\"? write one of apply, confirm, check, status, explain, trace,"
                                + " rollback, agent, render, envoy-config, inject, env, doctor, completion, version",
                        "aply"),
                wrong(
                        "argument \"--bogus\" is not known; meshcapture apply; see meshcapture apply --help",
                        "apply",
                        "--bogus"),
                wrong(
                        "argument \"more\" is not known; meshcapture version; see meshcapture version --help",
                        "version",
                        "more"),
                wrong("output format \"xml\" is not known; --output; write text or json", "version", "-o", "xml"),
                wrong(
                        "time \"5x\" is not a number with a unit; --lock-timeout; write 500ms, 60s, 2m or 1h; without a unit it is seconds",
                        "version",
                        "--lock-timeout",
                        "5x"),
                wrong(
                        "--file is given without a value; meshcapture render; write --file FILE; see meshcapture render --help",
                        "render",
                        "-f"),
                wrong(
                        "option '--file' (FILE) should be specified only once; meshcapture render; see meshcapture render --help",
                        "render",
                        "-f",
                        "a",
                        "-f",
                        "b"),
                wrong(
                        "neither a service nor --all is given; meshcapture rollback; name the services to release, or write --all, or --trial to end a trial",
                        "rollback"),
                wrong(
                        "services and --all are both given; meshcapture rollback; name the services to release, or write --all, or --trial to end a trial",
                        "rollback",
                        "--all",
                        "orders"),
                wrong(
                        "service name \"Orders\" is not a DNS label; command line; write 1 to 40 of a-z, 0-9 and -, with a letter or digit first and last",
                        "rollback",
                        "Orders"),
                wrong(
                        "time \"soon\" is not a number with a unit; --drain; write 500ms, 60s, 2m or 1h; without a unit it is seconds",
                        "rollback",
                        "orders",
                        "--drain",
                        "soon"),
                wrong("shell \"fish\" is not known; SHELL; write bash or zsh", "completion", "fish"),
                wrong(
                        "no destination is given; command line; write ADDRESS:PORT, NAME:PORT or a URL, such as 10.0.0.5:443, [fd00::5]:443 or"
                                + " http://catalog/",
                        "explain",
                        "-f",
                        "-"),
                wrongDestination("address \"10.0.0.1\" is not HOST:PORT", "10.0.0.1"),
                wrongDestination("address \":443\" is not HOST:PORT", ":443"),
                wrongDestination("address \"fd00::5:443\" has an IPv6 address without brackets", "fd00::5:443"),
                wrong(
                        "port \"443-444\" is not a decimal number; command line; write a port or a range such as 8000-8100",
                        "explain",
                        "-f",
                        "-",
                        "10.0.0.1:443-444"),
                wrong(
                        "the port of \"gopher\" is not known; command line; write the port too",
                        "explain",
                        "-f",
                        "-",
                        "gopher://orders.example/1"),
                wrong(
                        "pid \"init\" is not a number; command line; write one such as 4711",
                        "explain",
                        "-f",
                        "-",
                        "--pid",
                        "init",
                        "10.0.0.1:443"),
                wrong(
                        "process 4194304 is not there; --pid; name one that \"ps\" shows, while it runs",
                        "explain",
                        "-f",
                        "-",
                        "--pid",
                        "4194304",
                        "10.0.0.1:443"),
                wrong(
                        "--from-address is given beside --inbound or a caller of this host; command line; name one"
                                + " caller: an address is that of a virtual machine or container behind this host",
                        "explain",
                        "-f",
                        "-",
                        "--from-address",
                        "10.98.0.2",
                        "--inbound",
                        "10.0.0.1:443"),
                wrong(
                        "--pid is given beside another caller; command line; leave out --from-user, --from-group,"
                                + " --from-unit, --from-cgroup, --from-address and --inbound",
                        "explain",
                        "-f",
                        "-",
                        "--pid",
                        "1",
                        "--from-user",
                        "1000",
                        "10.0.0.1:443"),
                wrong(
                        "standard input is named twice, for the plan and for destinations; command line;"
                                + " write the plan to a file, and name it with -f FILE",
                        "explain",
                        "-f",
                        "-",
                        "-"),
                wrong(
                        "port \"70000\" is out of range (1-65535); command line; write a port or a range such as 8000-8100",
                        "explain",
                        "-f",
                        "-",
                        "10.0.0.1:70000"));
    }

    @Test
    void env_of_a_plan_without_names_says_why_there_is_nothing() {
        Terminal env = Terminal.run("env", "--envoy-user=1337", "--dns-servers=any", "--envoy-dns=15053");
        assertEquals("", env.out());
        assertTrue(env.err().contains("the plan captures nothing by name, so there are no variables"), env.err());
    }

    private static Arguments wrong(String message, String... args) {
        return Arguments.of(List.of(args), message);
    }

    private static Arguments wrongDestination(String what, String destination) {
        return wrong(
                what + "; command line; write ADDRESS:PORT, NAME:PORT or a URL, such as 10.0.0.5:443, [fd00::5]:443 or"
                        + " http://catalog/",
                "explain",
                "-f",
                "-",
                destination);
    }

    @ParameterizedTest
    @MethodSource
    void wrongUsage(List<String> args, String message) {
        Terminal answer = Terminal.run(args.toArray(String[]::new));
        assertEquals(new Terminal(2, "", "meshcapture: " + message + "\n"), answer);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\0",
                "a\0b",
                "\u001b[31mred",
                "a\nb",
                "a\rb",
                "\u202eevil",
                "\ud800",
                "é",
                "",
                " ",
                "%s%n",
                "'$(id)'",
                "@file"
            })
    void odd_text_in_an_argument_is_refused_and_cannot_forge_output(String odd) {
        for (String[] args : List.of(
                new String[] {odd},
                new String[] {"apply", odd, "-f", "-"},
                new String[] {"rollback", odd},
                new String[] {"explain", "-f", "-", odd},
                new String[] {"render", "-f", "-", "--quiet=" + odd},
                new String[] {"render", "-f", "-", "--odd" + odd},
                new String[] {"render", "-f", "-", "-o", odd},
                new String[] {"render", "-f", "/nowhere/" + odd},
                new String[] {"render", "-f", "-", "--to", odd},
                new String[] {"render", "-f", "-", "--envoy-user", odd + " "},
                new String[] {"completion", odd + "."})) {
            Terminal answer = Terminal.run(args);
            String where = Arrays.toString(args) + ": " + answer;
            assertEquals(2, answer.exit(), where);
            assertEquals("", answer.out(), where);
            assertTrue(answer.err().lines().allMatch(line -> line.startsWith("meshcapture: ")), where);
            assertTrue(
                    answer.err()
                            .chars()
                            .allMatch(c -> c == '\n'
                                    || (c >= ' ' && c != 0x7f && c != 0x202e && !Character.isSurrogate((char) c))),
                    where);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "render -f -",
                "-f - render",
                "-f - -q render",
                "--file - render",
                "--file=- render",
                "-f- render",
                "-vf - render",
                "-qf - render",
                "-q render -f -",
                "--output text --file - render",
                "-o text render -f -",
                "--lock-timeout 1s --state-dir /x --no-color render --allow-host-network -f -"
            })
    void global_options_stand_before_or_after_the_command(String line) {
        Terminal answer = Terminal.run(line.split(" "));
        assertEquals(0, answer.exit(), answer.err());
        assertEquals(RENDERED, answer.out());
    }

    @Test
    void render_prints_the_ruleset_and_nothing_else() {
        Terminal answer = Terminal.run("render", "-f", "-");
        assertEquals("", answer.err());
        assertTrue(answer.out().startsWith("table inet meshcapture {\n"), answer.out());
        assertTrue(answer.out().contains("{ 1001 . 10.0.0.0/8 . 0-65535 comment \"orders\" : goto to_15001 }"));
    }

    @Test
    void verbose_says_where_each_setting_comes_from_on_standard_error() {
        Terminal answer = Terminal.run(
                Terminal.PLAN,
                Map.of("MESHCAPTURE_UDP443", "reject"),
                "render",
                "-v",
                "-f",
                "-",
                "--envoy-outbound",
                "15009");
        assertEquals(0, answer.exit(), answer.err());
        assertTrue(answer.err().contains("meshcapture: envoy.outbound = 15009 (--envoy-outbound)\n"), answer.err());
        assertTrue(answer.err().contains("meshcapture: udp443 = reject (MESHCAPTURE_UDP443)\n"), answer.err());
        assertTrue(answer.err().contains("meshcapture: ipv6 = bypass (standard input:3:7)\n"), answer.err());
        assertTrue(answer.out().contains("goto to_15009"));
    }

    @Test
    void every_problem_of_a_plan_is_a_line_of_its_own() {
        Terminal answer = Terminal.run(
                Terminal.PLAN.replace("10.0.0.0/8", "10.0.0.0/33").replace(":22", ":0"), Map.of(), "render", "-f", "-");
        assertEquals(2, answer.exit());
        assertEquals("", answer.out());
        assertEquals(2, answer.err().lines().count(), answer.err());
        assertTrue(
                answer.err().lines().allMatch(line -> line.matches("meshcapture: .*; standard input:5:\\d+; .*")),
                answer.err());
    }

    @Test
    void explain_answers_from_the_plan() {
        Terminal answer = Terminal.run("explain", "-f", "-", "10.1.2.3:443", "--from-user", "1001");
        assertEquals(0, answer.exit(), answer.err());
        assertTrue(answer.out().startsWith("tcp to 10.1.2.3:443 from uid 1001, gid 1001\n"), answer.out());
        assertTrue(answer.out().endsWith("captured: to Envoy's listener 15001, service orders\n"), answer.out());
    }

    @Test
    void explain_takes_the_settings_of_the_plan_as_other_commands_do() {
        Terminal answer = Terminal.run(
                "explain", "-f", "-", "10.1.2.3:443", "--from-user", "7", "--envoy-user", "6", "--envoy-user", "7");
        assertEquals(0, answer.exit(), answer.err());
        assertTrue(
                answer.out().endsWith("  3  decides  Envoy's own traffic, by user, is never captured\ndirect\n"),
                answer.out());
    }

    private static JsonObject json(String... args) {
        Terminal answer = Terminal.run(args);
        assertEquals(0, answer.exit(), answer.err());
        JsonObject object = new Gson().fromJson(answer.out(), JsonObject.class);
        assertEquals("meshcapture/v1", object.get("schema").getAsString());
        return object;
    }

    @Test
    void json_says_its_schema_and_the_same_as_the_text() {
        assertEquals(
                Terminal.run("version").out(),
                "meshcapture " + json("version", "-o", "json").get("version").getAsString() + "\n");
        JsonObject render = json("-o", "json", "render", "-f", "-");
        assertEquals(RENDERED, render.get("ruleset").getAsString());
        assertEquals("render", render.get("command").getAsString());
        JsonObject captured = json("explain", "-f", "-", "-o", "json", "10.1.2.3:443", "--from-user", "1001");
        assertEquals("captured", captured.get("outcome").getAsString());
        assertEquals("orders", captured.get("service").getAsString());
        assertEquals(15001, captured.get("listener").getAsInt());
        assertEquals("10.1.2.3:443", captured.get("destination").getAsString());
        assertTrue(captured.get("steps").getAsJsonArray().size() > 5);
    }

    /** So that a machine reads one object whatever happened; what people are told stays the same. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "render -f /nowhere -o json",
                "render --output=json -f /nowhere",
                "apply --bogus -o json",
                "aply -o=json",
                "explain -o json 10.0.0.1:80:90 --envoy-user 1",
                "agent -f - -o json"
            })
    void failure_is_json_where_that_is_asked_for(String line) {
        List<String> args = List.of(line.split(" ", -1));
        Terminal failed = Terminal.run(args.toArray(String[]::new));
        assertEquals(2, failed.exit());
        ResultsSchema.require(List.of("json"), failed.out());
        JsonObject json = new Gson().fromJson(failed.out(), JsonObject.class);
        assertEquals(args.getFirst().equals("aply"), json.get("command").isJsonNull());
        JsonObject failure = json.getAsJsonObject("failure");
        assertEquals(2, failure.get("exit").getAsInt());
        JsonObject problem = failure.getAsJsonArray("problems").get(0).getAsJsonObject();
        String sentence = Stream.of("what", "because", "mend")
                .map(part -> problem.get(part).getAsString())
                .collect(Collectors.joining("; "));
        assertEquals("meshcapture: " + sentence + "\n", failed.err());
    }

    @Test
    void json_keeps_members_that_have_no_value() {
        JsonObject direct = json("explain", "-f", "-", "-o", "json", "198.51.100.7:443");
        assertEquals("direct", direct.get("outcome").getAsString());
        for (String member : List.of("service", "listener", "cgroup")) {
            assertTrue(direct.has(member) && direct.get(member).isJsonNull(), member);
        }
    }

    @Test
    void service_whose_user_is_envoys_by_another_name_is_refused() {
        String plan = "version: 1\nenvoy: {user: 65534}\nservices: {orders: {from: {user: nobody}}}\n";
        Terminal answer = Terminal.run(plan, Map.of(), "explain", "-f", "-", "10.0.0.1:443");
        assertEquals(2, answer.exit());
        String said = "because its callers are Envoy's own, whose traffic is never captured; ";
        assertTrue(answer.err().contains(said), answer.err());
    }

    @Test
    void the_completion_knows_every_command_and_bash_takes_it() throws Exception {
        Terminal answer = Terminal.run("completion");
        assertEquals(0, answer.exit());
        for (Command command : Commands.ALL) {
            assertTrue(answer.out().contains(command.name()), command.name());
        }
        assertEquals(answer, Terminal.run("completion", "bash"));
        assertEquals(0, Terminal.run("completion", "zsh").exit());
        Process bash =
                new ProcessBuilder("bash", "-n").redirectErrorStream(true).start();
        try (var script = bash.outputWriter()) {
            script.write(answer.out());
        }
        String said = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(bash.waitFor(10, TimeUnit.SECONDS));
        assertEquals("", said);
        assertEquals(0, bash.exitValue());
    }
}
