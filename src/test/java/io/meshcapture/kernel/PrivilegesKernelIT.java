package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Background;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Run.Result;
import io.meshcapture.lab.Verdict.Proxied;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** With few rights, on a file system that takes nothing, in a user namespace: the program as it was built. */
@InNetns
class PrivilegesKernelIT {
    private static final String MESHCAPTURE = "/mnt/bin/meshcapture";
    private static final String ENVOY = "--envoy-user=1337";
    private static final String ANY = "--to=any";

    /** Where every user can reach it, wherever it was built. */
    @BeforeEach
    void distribution() {
        String built = System.getProperty("meshcapture.distribution", "target/meshcapture");
        Run.command("mount", "--bind", Path.of(built).toAbsolutePath().toString(), "/mnt")
                .orFail();
    }

    @Test
    void without_cap_net_admin_every_command_that_needs_it_says_so(Lab lab) {
        for (List<String> command : List.of(
                List.of("apply", ENVOY, ANY),
                List.of("check", ENVOY, ANY),
                List.of("rollback", "--all"),
                List.of("status"))) {
            Result result = as(List.of("setpriv", "--bounding-set=-net_admin"), command);
            assertEquals(4, result.exit(), result.err());
            assertTrue(result.err().contains("the privilege CAP_NET_ADMIN is missing"), result.err());
        }
        assertEquals("", lab.nft().list());
    }

    @Test
    void user_without_any_privilege_can_render_and_explain(Lab lab) {
        lab.file("/run/plan.yaml", Program.ANY).toFile().setReadable(true, false);
        var nobody = List.of("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups");
        assertTrue(as(nobody, List.of("render", ENVOY, ANY)).orFail().contains("table inet meshcapture"));
        assertTrue(as(nobody, List.of("explain", ENVOY, "-f", "/run/plan.yaml", "10.0.0.1:80"))
                .orFail()
                .contains("captured: to Envoy"));
        assertEquals("", lab.nft().list());
    }

    @Test
    void user_with_cap_net_admin_alone_applies_checks_and_rolls_back(Lab lab) {
        lab.proxy(15001);
        var few = List.of(
                "setpriv",
                "--reuid=1000",
                "--regid=1000",
                "--clear-groups",
                "--inh-caps=-all,+net_admin",
                "--ambient-caps=-all,+net_admin",
                "--no-new-privs");
        as(few, List.of("apply", ENVOY, ANY)).orFail();
        assertEquals(new Proxied(15001, "10.99.0.1:80"), lab.caller().connect("10.99.0.1:80"));
        as(few, List.of("check", ENVOY, ANY)).orFail();
        Result probed = as(few, List.of("check", "--probe", ENVOY, ANY));
        assertEquals(4, probed.exit(), probed.out() + probed.err());
        assertTrue(probed.out().contains("in place, and not proved: no connection could be tried"), probed.out());
        as(few, List.of("rollback", "--all")).orFail();
        assertEquals("", lab.nft().list());
    }

    @Test
    void nothing_needs_to_be_writable(Lab lab) {
        lab.proxy(15001);
        var sealed = List.of(
                "unshare",
                "--mount",
                "sh",
                "-euc",
                "mount -t tmpfs -o ro none /run; mount -t tmpfs -o ro none /tmp; mount -t tmpfs -o ro none /dev/shm;"
                        + " mount -o remount,bind,ro /; exec \"$0\" \"$@\"");
        as(sealed, List.of("apply", ENVOY, ANY)).orFail();
        assertEquals(new Proxied(15001, "10.99.0.1:80"), lab.caller().connect("10.99.0.1:80"));
        as(sealed, List.of("rollback", "--all")).orFail();
        assertEquals("", lab.nft().list());
    }

    @Test
    void missing_library_is_4_with_the_mend_and_no_stack_trace(Lab lab) throws IOException {
        lab.file(find(Path.of("/usr/lib"), "libnftables.so.1").toString(), "");
        Result result = as(List.of(), List.of("apply", ENVOY, ANY, "--backend=nftables"));
        assertEquals(4, result.exit(), result.err());
        assertTrue(result.err().contains("apt-get install libnftables1"), result.err());
        assertEquals(1, result.err().lines().count(), result.err());
    }

    @Test
    void missing_library_leaves_iptables_and_that_is_said(Lab lab) throws IOException {
        lab.file(find(Path.of("/usr/lib"), "libnftables.so.1").toString(), "");
        Result result = as(List.of(), List.of("apply", ENVOY, ANY));
        assertEquals(0, result.exit(), result.err());
        assertTrue(result.err().contains("the backend is iptables-nft, because "), result.err());
        assertTrue(
                result.err().contains("nftables cannot be used here: libnftables.so.1 cannot be loaded"), result.err());
        as(List.of(), List.of("rollback", "--all")).orFail();
    }

    @Test
    void missing_stub_is_4_and_no_stack_trace() {
        Run.command("mount", "-t", "tmpfs", "none", "/mnt/lib/native").orFail();
        for (List<String> command : List.of(List.of("apply", ENVOY, ANY), List.of("status"))) {
            Result result = as(List.of(), command);
            assertEquals(4, result.exit(), result.err());
            assertTrue(result.err().startsWith("meshcapture: jffi's native stub cannot be loaded"), result.err());
            assertEquals(1, result.err().lines().count(), result.err());
        }
    }

    private static Path find(Path directory, String name) throws IOException {
        try (Stream<Path> files = Files.find(directory, 6, (path, _) -> path.endsWith(name))) {
            return files.findFirst().orElseThrow();
        }
    }

    /** As in a pod with {@code hostUsers: false}: uid 1000 there is uid 201000 outside, and plans name it 1000. */
    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables-nft", "iptables-legacy"})
    void users_are_those_of_the_user_namespace_that_owns_the_network(String backend, Lab lab) throws Exception {
        Background users = lab.background("unshare", "--user", "sh", "-c", "echo up; sleep 60; :");
        users.awaitOutput("up", Duration.ofSeconds(10));
        String proc = "/proc/" + users.pid();
        Files.writeString(Path.of(proc + "/uid_map"), "0 200000 65536");
        Files.writeString(Path.of(proc + "/gid_map"), "0 200000 65536");
        // made after its root is somebody, as a runtime does it: what the kernel shows of it belongs to that root
        Background pod = lab.background(
                "nsenter",
                "--target=" + users.pid(),
                "--user",
                "--setuid=0",
                "--setgid=0",
                "unshare",
                "--net",
                "sh",
                "-c",
                "echo up; sleep 60; :");
        pod.awaitOutput("up", Duration.ofSeconds(10));
        Path lock = Path.of("/tmp/meshcapture-xtables." + pod.pid()); // root of the pod writes nothing in /run
        var inside = List.of(
                "nsenter",
                "--target=" + pod.pid(),
                "--user",
                "--net",
                "--setuid=0",
                "--setgid=0",
                "env",
                "XTABLES_LOCKFILE=" + lock);
        as(inside, List.of(), "ip", "link", "set", "lo", "up").orFail();
        as(inside, List.of(), "ip", "address", "add", "198.51.100.1/32", "dev", "lo")
                .orFail();
        as(inside, List.of(), "ip", "route", "add", "192.0.2.0/24", "dev", "lo").orFail();

        var plan = List.of(
                "apply", ENVOY, "--service=orders", "--from-user=1000", ANY, "--ipv6=bypass", "--backend=" + backend);
        // from the node only nftables takes rules about users of there
        for (boolean fromInside : backend.equals("nftables") ? List.of(true, false) : List.of(true)) {
            if (fromInside) {
                as(inside, plan).orFail();
            } else {
                var fromTheNode = new ArrayList<>(plan);
                fromTheNode.add("--netns=" + pod.pid());
                as(List.of(), fromTheNode).orFail();
            }
            int before = captured(inside);
            for (int uid : List.of(1001, 1337, 1000, 0, 1000)) {
                connect(inside, uid);
            }
            assertEquals(before + 2, captured(inside));
            as(inside, List.of("rollback", "--all")).orFail();
        }
        assertEquals("", lab.nft().list());
        Files.deleteIfExists(lock);
    }

    /** Nobody listens; whether the attempt was captured is told by the service's counter. */
    private static void connect(List<String> inside, int uid) {
        as(
                inside,
                List.of(),
                "setpriv",
                "--reuid=" + uid,
                "--regid=100",
                "--clear-groups",
                "bash",
                "-c",
                "timeout 0.5 bash -c 'exec 3<>/dev/tcp/192.0.2.1/80'; :");
    }

    private static int captured(List<String> inside) {
        String status = as(inside, List.of("status", "-o", "json")).orFail();
        int at = status.indexOf("\"captured\": ") + "\"captured\": ".length();
        return Integer.parseInt(status.substring(at, status.indexOf(',', at)));
    }

    private static Result as(List<String> wrapper, List<String> arguments) {
        return as(wrapper, arguments, MESHCAPTURE);
    }

    private static Result as(List<String> wrapper, List<String> arguments, String... program) {
        var command = new ArrayList<>(wrapper);
        command.addAll(List.of(program));
        command.addAll(arguments);
        return Run.command(command.toArray(String[]::new));
    }
}
