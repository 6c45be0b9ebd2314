package io.meshcapture.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.GsonBuilder;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InjectCommandTest {
    private static final String POD = "kind: Pod\nmetadata: {name: shop}\nspec:\n  containers:\n  - {name: app}\n";

    private static Terminal inject(String... more) {
        String[] arguments = new String[more.length + 3];
        arguments[0] = "inject";
        arguments[1] = "--envoy-user=1337";
        arguments[2] = "--to=any";
        System.arraycopy(more, 0, arguments, 3, more.length);
        return Terminal.run(POD, Map.of(), arguments);
    }

    @Test
    void standard_input_is_printed_with_the_container_and_said() {
        Terminal injected = inject();
        assertEquals(0, injected.exit());
        assertEquals("meshcapture: Pod/shop: injected\n", injected.err());
        assertTrue(
                injected.out().contains("    - --envoy-user=1337\n    - --service=default\n    - --to=any\n"),
                injected.out());
        assertEquals(
                new Terminal(0, POD, "meshcapture: Pod/shop: removed\n"),
                Terminal.run(injected.out(), Map.of(), "inject", "--remove"));
    }

    @Test
    void files_are_changed_in_place_keep_their_permissions_and_are_all_read_before_one_is_written(
            @TempDir Path directory) throws IOException {
        Path one = Files.writeString(directory.resolve("one.yaml"), POD);
        Path two = Files.writeString(directory.resolve("two.yaml"), "a: [");
        Files.setPosixFilePermissions(one, PosixFilePermissions.fromString("rw-rw-r--"));

        assertEquals(2, inject("--in-place", one.toString(), two.toString()).exit());
        assertEquals(POD, Files.readString(one));

        Files.writeString(two, POD);
        Terminal done = inject("--in-place", one.toString(), two.toString());
        assertEquals(new Terminal(0, "", "meshcapture: Pod/shop: injected\n".repeat(2)), done);
        assertEquals(inject().out(), Files.readString(one));
        assertEquals("rw-rw-r--", PosixFilePermissions.toString(Files.getPosixFilePermissions(one)));
        assertEquals(
                inject().out() + "---\n" + inject().out(),
                inject(one.toString(), two.toString()).out());
        try (var left = Files.list(directory)) {
            assertEquals(2, left.count());
        }
    }

    @Test
    void where_one_of_several_files_cannot_be_replaced_none_is(@TempDir Path directory) throws IOException {
        Path one = Files.writeString(directory.resolve("one.yaml"), POD);
        // a path so long that no file beside it can be made, not by root either
        Path deep = directory.toRealPath();
        while (deep.toString().length() < 4070) {
            deep = deep.resolve("d".repeat(Math.min(200, 4075 - deep.toString().length())));
        }
        Path two = Files.writeString(Files.createDirectories(deep).resolve("two"), POD);
        Terminal refused = inject("--in-place", one.toString(), two.toString());
        assertEquals(4, refused.exit());
        assertTrue(
                refused.err().contains("cannot be replaced; File name too long; no file was changed; "), refused.err());
        assertEquals(POD, Files.readString(one));
        try (var left = Files.list(directory)) {
            assertEquals(2, left.count());
        }
    }

    @Test
    void what_does_not_fit_a_pod_is_refused_before_any_manifest_is_read() {
        Terminal named =
                Terminal.run(POD, Map.of(), "inject", "--envoy-user=envoy", "--from-unit=a.service", "nowhere.yaml");
        assertEquals(2, named.exit());
        assertTrue(
                named.err()
                        .startsWith("meshcapture: user \"envoy\" is a name, and the init image knows none of the other"
                                + " images' names; --envoy-user; write its number, the runAsUser of that container\n"),
                named.err());
        assertTrue(named.err().contains("of which a pod has none of its own; "), named.err());
    }

    @Test
    void contradictions_and_odd_values_are_wrong_usage() {
        for (String[] wrong : new String[][] {
            {"--policy", "--remove"},
            {"--policy", "pod.yaml"},
            {"--in-place"},
            {"--in-place", "-"},
            {"-f", "-"},
            {"--image", "a b"},
            {"--image-pull-policy", "Sometimes"},
            {"--config-map", "plan"},
            {"--hosts-by", "aliases"},
            {"--policy", "--allow-host-network"},
            {"nowhere.yaml"},
            {"/"},
        }) {
            Terminal answer = inject(wrong);
            assertEquals(2, answer.exit(), () -> String.join(" ", wrong) + answer);
            assertEquals("", answer.out());
            assertEquals(2, answer.err().chars().filter(c -> c == ';').count(), answer.err());
        }
    }

    @Test
    void contradictions_are_told_by_what_contradicts() {
        Map.of(
                        "--in-place",
                        "standard input cannot be changed in place; --in-place; ",
                        "--policy --allow-host-network",
                        "a policy captures no pods with hostNetwork; --allow-host-network; ",
                        "--file=-",
                        "plan and manifest are both to be read from standard input; -f -; ",
                        "--image-pull-policy=Sometimes",
                        "pull policy \"Sometimes\" is not known; --image-pull-policy; ")
                .forEach((wrong, said) -> assertTrue(
                        inject(wrong.split(" ", -1)).err().contains(said),
                        () -> inject(wrong.split(" ", -1)).err()));
    }

    @Test
    void names_of_pods_of_a_policy_are_hostaliases_alone() {
        Terminal other = Terminal.run(
                POD,
                Map.of(),
                "inject",
                "--envoy-user=1337",
                "--host=orders.internal",
                "--policy",
                "--hosts-by=environment");
        assertEquals(2, other.exit());
        assertTrue(
                other.err().contains("a policy gives pods hostAliases and changes no other container; --hosts-by; "),
                other.err());
    }

    @Test
    void the_plan_cannot_be_read_from_where_the_manifest_is() {
        Terminal both = Terminal.run(POD, Map.of("MESHCAPTURE_PLAN", "-"), "inject");
        assertEquals(2, both.exit());
        assertTrue(both.err().contains("; MESHCAPTURE_PLAN=-; name a file for one of them"), both.err());
    }

    @Test
    void pods_that_need_a_decision_are_a_conflict() {
        String pod = POD + "  hostNetwork: true\n";
        assertEquals(
                7,
                Terminal.run(pod, Map.of(), "inject", "--envoy-user=1", "--to=any")
                        .exit());
        assertEquals(
                0,
                Terminal.run(pod, Map.of(), "inject", "--envoy-user=1", "--to=any", "--allow-host-network")
                        .exit());
    }

    @Test
    void the_policy_is_yaml_and_carries_the_plan() {
        Terminal policy = inject("--policy", "--envoy-inbound=15006", "--inbound-except=15020");
        assertEquals(0, policy.exit());
        assertTrue(policy.out().contains("\"--envoy-user=1337\""), policy.out());
        Terminal same = Terminal.run(policy.out(), Map.of(), "inject", "--envoy-user=1337", "--to=any");
        assertEquals(policy.out(), same.out());
        assertEquals(
                "meshcapture: passed through, having no pods: MutatingAdmissionPolicy/meshcapture-inject,"
                        + " MutatingAdmissionPolicyBinding/meshcapture-inject,"
                        + " ValidatingAdmissionPolicy/meshcapture-inject,"
                        + " ValidatingAdmissionPolicyBinding/meshcapture-inject\n",
                same.err());
    }

    @Test
    void only_where_iptables_legacy_is_asked_for_the_container_gets_another_capability() {
        assertTrue(inject().out().contains("        add: [\"NET_ADMIN\"]\n"), "nothing more than it needs");
        String more = "        add:\n        - NET_ADMIN\n        - NET_RAW\n";
        assertTrue(inject("--backend=iptables-legacy").out().contains(more), "without it the container would fail");
        assertTrue(inject("--backend=iptables-legacy", "--policy").out().contains("add: [\"NET_ADMIN\", \"NET_RAW\"]"));
        assertTrue(inject("--backend=iptables-nft").out().contains("add: [\"NET_ADMIN\"]\n"));
    }

    @Test
    void json_tells_what_became_of_each() {
        Terminal json = inject("-o", "json");
        assertTrue(json.out().contains("\"workload\": \"Pod/shop\",\n          \"action\": \"added\""), json.out());
        assertEquals("", json.err());
        String policy = inject("--policy").out();
        assertTrue(
                inject("--policy", "-o", "json")
                        .out()
                        .contains("\"policy\": "
                                + new GsonBuilder()
                                        .disableHtmlEscaping()
                                        .create()
                                        .toJson(policy)),
                "as one text");
    }

    @Test
    void the_reason_of_a_failure_is_left_in_one_line_for_the_kubelet(@TempDir Path directory) throws IOException {
        Path log = directory.resolve("termination-log");
        var nowhere = new PrintWriter(new StringWriter());
        String[] wrong = {"render", "--envoy-user=a b", "--to=x"};

        Main.run(nowhere, nowhere, System.in, Map.of(), log, wrong);
        assertTrue(Files.notExists(log), "made although nobody asks");

        Files.writeString(log, "x".repeat(5000));
        assertEquals(2, Main.run(nowhere, nowhere, System.in, Map.of(), log, wrong));
        String said = Files.readString(log);
        assertTrue(said.startsWith("user \"a b\" is neither a name nor an id; --envoy-user; "), said);
        assertTrue(said.endsWith(" (and 1 more, see the container's log)\n"), said);
        assertEquals(1, said.lines().count());
    }
}
