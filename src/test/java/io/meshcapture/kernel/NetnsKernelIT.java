package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Background;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code --netns}: everything happens there, with the users of there, and nothing here. */
@InNetns
@Tag("every-backend")
class NetnsKernelIT {
    private static final Duration SOON = Duration.ofSeconds(10);
    private static final Path OWN = Path.of("/proc/thread-self/ns/net");

    /** Where the other namespace goes to, since it takes every other address for its own. */
    private static final String SERVER = "10.99.0.2:8080";

    enum Named {
        BY_NAME,
        BY_PATH,
        BY_PID
    }

    @Tag("nftables")
    @ParameterizedTest
    @EnumSource
    void namespace_is_changed_and_nothing_in_the_callers_own(Named named, Lab lab) throws Exception {
        lab.nft().apply("""
                table inet of-others {
                  chain leaving { type filter hook output priority 0
                    tcp dport 15001 counter
                  }
                }
                """);
        lab.localServer(8080);
        lab.inSrv(() -> lab.proxy(15001));
        String netns = netns(named, lab);
        String before = here(lab);

        for (String command : List.of("apply", "check", "status")) {
            Outcome outcome = command.equals("status")
                    ? Program.run("status", "--netns", netns)
                    : Program.withPlan(ANY, command, "--netns", netns);
            assertEquals("", Program.must(0, outcome).err());
        }
        assertTrue(lab.inSrv(() -> lab.nft().ours()).contains("redirect to :15001"));
        assertEquals(new Proxied(15001, SERVER), lab.inSrv(() -> lab.caller().connect(SERVER)));
        assertEquals(before, here(lab));
        Program.must(3, Program.check(ANY));

        Program.must(0, Program.run("rollback", "--all", "--drain", "0", "--netns", netns));
        assertEquals("", lab.inSrv(() -> lab.nft().ours()));
        assertEquals(new Direct(SERVER), lab.inSrv(() -> lab.caller().connect(SERVER)));
        assertEquals(before, here(lab));
    }

    /** The namespace and its whole ruleset, counters included. */
    private static String here(Lab lab) throws IOException {
        return Files.readSymbolicLink(OWN) + "\n" + lab.nft().list();
    }

    private static String netns(Named named, Lab lab) {
        return switch (named) {
            case BY_NAME -> {
                Run.command("mkdir", "-p", "/run/netns").orFail();
                Run.command("touch", "/run/netns/other").orFail();
                Run.command("mount", "--bind", lab.srvNetns(), "/run/netns/other")
                        .orFail();
                yield "other";
            }
            case BY_PATH -> lab.srvNetns();
            case BY_PID -> Long.toString(container(lab, "").pid());
        };
    }

    /** A process in the other namespace, with mounts of its own that the script may change. */
    private static Background container(Lab lab, String script) {
        Background process =
                lab.inSrv(() -> lab.background("unshare", "--mount", "sh", "-ec", script + "echo up; sleep 60; :"));
        process.awaitOutput("up", SOON);
        return process;
    }

    @Test
    void names_are_those_of_the_container_whose_pid_is_given(Lab lab) throws IOException {
        lab.localServer(8080);
        lab.inSrv(() -> lab.proxy(15001));
        Background container = containerWith(lab, "orders:x:1001:2001::/:/bin/false\n", "staff:x:2009:\n");
        lab.file("/etc/passwd", "root:x:0:0::/:/bin/sh\norders:x:1002:1002::/:/bin/false\nhere:x:1003:1003::/:/x\n");
        String plan = ENVOY + "services: {orders: {from: {user: orders}}, staff: {from: {group: staff}}}\n";
        for (String netns : List.of(Long.toString(container.pid()), "/proc/" + container.pid() + "/ns/net")) {
            Program.must(0, Program.withPlan(plan, "apply", "--netns", netns));
            assertEquals(
                    new Proxied(15001, SERVER),
                    lab.inSrv(() -> lab.caller().uid(1001).connect(SERVER)));
            assertEquals(
                    new Proxied(15001, SERVER),
                    lab.inSrv(() -> lab.caller().uid(1002).gid(2009).connect(SERVER)));
            assertEquals(
                    new Direct(SERVER), lab.inSrv(() -> lab.caller().uid(1002).connect(SERVER)));
            Outcome explained = Program.must(
                    0, Program.withPlan(plan, "explain", "10.99.0.9:80", "--from-user", "orders", "--netns", netns));
            assertTrue(explained.out().contains("uid 1001"), explained::out);
            Outcome unknown = Program.must(
                    2, Program.withPlan(plan.replace("user: orders", "user: here"), "check", "--netns", netns));
            assertTrue(
                    unknown.err()
                            .contains("user \"here\" does not exist in /proc/" + container.pid() + "/root/etc/passwd"),
                    unknown::err);
            Program.must(0, Program.run("rollback", "--all", "--netns", netns));
        }
    }

    @Test
    void names_are_those_of_the_host_for_a_namespace_that_is_named_otherwise(Lab lab) {
        lab.localServer(8080);
        lab.inSrv(() -> lab.proxy(15001));
        lab.file("/etc/passwd", "root:x:0:0::/:/bin/sh\norders:x:1002:1002::/:/bin/false\n");
        String plan = ENVOY + "services: {orders: {from: {user: orders}}}\n";
        Program.must(0, Program.withPlan(plan, "apply", "--netns", lab.srvNetns()));
        assertEquals(
                new Proxied(15001, SERVER),
                lab.inSrv(() -> lab.caller().uid(1002).connect(SERVER)));
        assertEquals(new Direct(SERVER), lab.inSrv(() -> lab.caller().uid(1001).connect(SERVER)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"mkfifo /etc/passwd", "ln -s /run/secrets /etc/passwd", "mkdir /etc/passwd", ":"})
    void container_whose_passwd_is_none_knows_nobody_and_keeps_nobody_waiting(String making, Lab lab) {
        lab.file("/run/secrets", "orders:x:1001:1001::/:/bin/false\n");
        Background container = container(lab, "mount -t tmpfs none /etc; " + making + "; ");
        String plan = ENVOY + "services: {orders: {from: {user: orders}}}\n";
        Outcome outcome = Program.must(2, Program.withPlan(plan, "apply", "--netns", Long.toString(container.pid())));
        assertTrue(outcome.err().contains("user \"orders\" does not exist in /proc/"), outcome::err);
    }

    private static Background containerWith(Lab lab, String passwd, String group) throws IOException {
        Path directory = Files.createTempDirectory(Path.of("/run"), "container");
        Files.writeString(directory.resolve("passwd"), passwd);
        Files.writeString(directory.resolve("group"), group);
        return container(
                lab, "mount --bind %1$s/passwd /etc/passwd; mount --bind %1$s/group /etc/group; ".formatted(directory));
    }

    /**
     * A pod with {@code hostUsers: false}: uid 1000 there is uid 201000 here. What is asked from here, about listeners,
     * processes and connections, is answered in the numbers of there, as the plan has them.
     */
    @Tag("nftables")
    @Test
    void users_of_a_pod_in_a_user_namespace_are_told_from_the_node_in_the_pods_numbers(Lab lab) throws Exception {
        Background pod = lab.background("unshare", "--user", "--net", "sh", "-c", "echo up; sleep 60; :");
        pod.awaitOutput("up", SOON);
        Files.writeString(Path.of("/proc/" + pod.pid() + "/uid_map"), "0 200000 65536");
        Files.writeString(Path.of("/proc/" + pod.pid() + "/gid_map"), "0 200000 65536");
        inPod(lab, pod, 0, "ip", "link", "set", "lo", "up").await(SOON).orFail();
        inPod(lab, pod, 0, "ip", "address", "add", "198.51.100.1/32", "dev", "lo")
                .await(SOON)
                .orFail();
        inPod(lab, pod, 0, "ip", "route", "add", "192.0.2.0/24", "dev", "lo")
                .await(SOON)
                .orFail();
        String plan = ENVOY + """
                ipv6: bypass
                services: {orders: {from: {user: 1000}}, ledger: {from: {user: 1001}}}
                """;
        Callable<Outcome> apply = () -> Program.withPlan(plan, "apply", "--netns", Long.toString(pod.pid()));

        for (String backend : List.of("iptables-nft", "iptables-legacy")) {
            Outcome unable = Program.withPlan(
                    plan, "apply", "--ipv6", "bypass", "--backend", backend, "--netns", Long.toString(pod.pid()));
            assertTrue(
                    Program.must(4, unable).err().contains("cannot tell users from outside of their user namespace"),
                    unable::err);
        }
        Background wrong = python(lab, pod, 0, LISTENER);
        Outcome refused = Program.must(7, apply.call());
        assertTrue(refused.err().contains("127.0.0.1:15001 belongs to uid 0,"), refused::err);
        wrong.kill();
        python(lab, pod, 1337, LISTENER);
        Outcome applied = Program.must(0, apply.call());
        assertTrue(applied.err().contains(" (python3)"), applied::err);
        assertNotEquals(
                "",
                Program.must(0, Program.run("status", "--netns", Long.toString(pod.pid())))
                        .out());

        Background orders = python(lab, pod, 1000, CLIENT);
        Background ledger = python(lab, pod, 1001, CLIENT);
        Program.must(0, Program.run("rollback", "orders", "--drain", "0", "--netns", Long.toString(pod.pid())));
        orders.awaitOutput("reset", SOON);
        assertEquals("up\n", ledger.out());
        assertEquals("", lab.nft().list());
    }

    private static final String LISTENER = """
            import socket
            s = socket.create_server(('127.0.0.1', 15001))
            print('up', flush=True)
            held = []
            while True:
                held.append(s.accept())
            """;

    private static final String CLIENT = """
            import socket
            s = socket.create_connection(('192.0.2.1', 80), 5)
            s.settimeout(60)
            print('up', flush=True)
            try:
                s.recv(1)
            except ConnectionResetError:
                print('reset', flush=True)
            """;

    private static Background python(Lab lab, Background pod, int uid, String program) {
        Background started = inPod(lab, pod, uid, "/usr/bin/python3", "-c", program);
        started.awaitOutput("up", SOON);
        return started;
    }

    private static Background inPod(Lab lab, Background pod, int uid, String... command) {
        List<String> enter =
                List.of("nsenter", "--target=" + pod.pid(), "--user", "--net", "--setuid=" + uid, "--setgid=" + uid);
        return lab.background(Stream.concat(enter.stream(), Stream.of(command)).toArray(String[]::new));
    }
}
