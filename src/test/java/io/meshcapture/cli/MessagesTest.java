package io.meshcapture.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Wrong usage and invalid plans that no other test is about: each says what is wrong, and touches nothing. */
class MessagesTest {

    static Stream<Arguments> wrong() {
        return Stream.of(
                of(
                        "--inbound is given beside a caller of this host",
                        "",
                        "explain -f - 10.0.0.1:80 --inbound --from-user 1"),
                of("--interval is given without --watch", "", "status --interval 1s"),
                of("--watch reads the plan again and again", "", "status --watch -f -"),
                of(
                        "names would stand in two hosts files",
                        "",
                        "inject --hosts-by file,aliases --envoy-user 1 --host a pod.yaml"),
                of("is no way for names", "", "inject --hosts-by letters --envoy-user 1 --host a pod.yaml"),
                of("a policy is printed, not read, changed or taken out", "", "inject -f - --policy pod.yaml"),
                of("number of connections \"0\" is not from 1 to 1000", "", "trace 10.0.0.1:80 --connections 0"),
                of("no destination is given", "", "trace"),
                of("no destination is given", "", "explain -f -"),
                of("a trace of 10 ms is too short", "", "trace 10.0.0.1:80 --within 10ms"),
                of("service \"any\" has no hosts", "", "env -f - any"),
                of("looking every 1 ms costs more than it finds", "", "agent -f - --interval 1ms"),
                of("an agent's results have no end", "", "agent -f - -o json"),
                of(
                        "cannot be written, because",
                        "",
                        "envoy-config -f - --listeners /nowhere/a.yaml --clusters /nowhere/b.yaml"),
                of(
                        "is the Kubernetes API server, which clients reach",
                        "hosts: [kubernetes.default.svc]",
                        "render -f -"),
                of(
                        "the plan would come from a ConfigMap",
                        "",
                        "inject -f - --config-map plan --envoy-user 1337 pod.yaml"),
                of("\"/etc/passwd\" is not a network namespace", "", "check -f - --netns /etc/passwd"),
                of("cgroup \"../x\" is not a path of a control group", "from: {cgroup: ../x}", "render -f -"),
                of(
                        "network \"::ffff:10.0.0.0/104\" is an IPv4-mapped IPv6 network",
                        "to: ['::ffff:10.0.0.0/104']",
                        "render -f -"),
                of("host name \"-x\" has a label that begins or ends with -", "hosts: [-x]", "render -f -"),
                of("has more than 253 characters", "hosts: [" + "a23456789.".repeat(26) + "b]", "render -f -"),
                of("port \"\" is empty", "hosts: [a], ports: {'': 80}", "render -f -"));
    }

    @Test
    void nothing_on_standard_input_is_no_destination() {
        Terminal empty = Terminal.run("\n# none\n", Map.of(), "explain", "-", "--envoy-user", "1");
        assertEquals(2, empty.exit());
        assertTrue(empty.err().contains("no destination stands on standard input"), empty.err());
    }

    @Test
    void a_standard_input_that_is_closed_is_told_as_such() throws IOException {
        InputStream closed = InputStream.nullInputStream();
        closed.close();
        StringWriter err = new StringWriter();
        int exit = Main.run(
                new PrintWriter(new StringWriter()),
                new PrintWriter(err),
                closed,
                Map.of(),
                "explain",
                "-",
                "--envoy-user",
                "1");
        assertEquals(2, exit);
        assertTrue(err.toString().contains("standard input cannot be read; Stream closed; write"), err.toString());
    }

    private static Arguments of(String said, String service, String command) {
        return Arguments.of(said, service, List.of(command.split(" ", -1)));
    }

    @ParameterizedTest
    @MethodSource("wrong")
    void wrong_usage_is_said_with_its_mend(String said, String service, List<String> command) {
        String plan = "version: 1\nenvoy: {user: 1337}\nservices: {any: {" + service + "}}\n";
        Terminal outcome = Terminal.run(plan, Map.of(), command.toArray(String[]::new));
        assertEquals(2, outcome.exit(), outcome.err());
        String line = outcome.err().lines().toList().getLast();
        assertTrue(line.contains(said), line);
        assertTrue(line.split("; ", -1).length >= 3, () -> "what; because; do: " + line);
    }

    @Test
    void plan_that_flags_cannot_say_is_not_put_beside_a_manifest_in_json(@TempDir Path directory) throws IOException {
        Path plan = Files.writeString(
                directory.resolve("plan.yaml"),
                "version: 1\nenvoy: {user: 1337}\nservices: {a: {from: {user: 1}}, b: {from: {user: 2}}}\n");
        String pod = "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"a\"},"
                + " \"spec\": {\"containers\": [{\"name\": \"a\", \"image\": \"b\"}]}}";
        Terminal outcome = Terminal.run(pod, Map.of(), "inject", "-f", plan.toString(), "-");
        assertEquals(2, outcome.exit(), outcome.err());
        assertTrue(outcome.err().contains("the plan needs a ConfigMap, and no document can be added to JSON"));
    }
}
